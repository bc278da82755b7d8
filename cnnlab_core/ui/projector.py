"""Projector mode: no sidebar, half as large again, all text at full contrast.

It is in the address (``projector=1``), and stays when one goes on to another page. Escape leaves it.
"""

import streamlit as st

from cnnlab_core.runtime.assets import asset, read_asset
from cnnlab_core.ui.address import refuse

PARAMETER = "projector"
ON = "1"
LARGER = 1.5
_PAGE = "projector page"
"""Where the session keeps the page that was last shown so."""

_keys = st.components.v2.component("cnnlab_projector", js=read_asset("projector", "projector.js"))


def projector(page: str) -> None:
    """The button in the sidebar that begins it; while it is on, the page's looks, and the button that ends it."""
    asked = st.query_params.get(PARAMETER)
    if asked is None and st.session_state.get(_PAGE, page) != page:  # a link leaves it out of the address
        asked = st.query_params[PARAMETER] = ON
    if asked != ON:
        st.session_state.pop(_PAGE, None)
        if asked is not None:
            refuse(PARAMETER, "projector mode", asked, "off", f"{ON}, or nothing")
        st.sidebar.button(
            "Projector mode",
            key="projector_on",
            icon=":material/present_to_all:",
            type="tertiary",
            on_click=_turn_on,
            help="Large and without the sidebar, for a whole class to read. Escape leaves it.",
        )
        return
    st.session_state[_PAGE] = page
    st.html(asset("projector", "projector.css"))
    st.button("Leave projector mode (Esc)", key="projector_off", icon=":material/close:", on_click=_turn_off)
    _keys(key="projector_keys", data={})


def is_projected() -> bool:
    """Whether it is on."""
    return _PAGE in st.session_state


def _turn_on() -> None:
    st.query_params[PARAMETER] = ON


def _turn_off() -> None:
    st.query_params.pop(PARAMETER, None)
    st.session_state.pop(_PAGE, None)
