"""Lessons: a link that carries a whole view and hides the controls that students don't need.

``teach=`` in the address lists what is put away, by the keys of the page's controls; ``tabs`` are the rows of tabs,
``pages`` the navigation, ``sidebar`` all that is beside the page. ``teach=edit`` opens the bar in which a teacher
chooses; it finds the controls by itself (``assets/lesson``).
"""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.lessons import put_away
from cnnlab_core.runtime.assets import read_asset

PARAMETER = "teach"
EDIT = "edit"
CARRIED = "lesson"
"""What a lesson with a task is called in the address."""
OPEN = "lesson open"
"""Where the session keeps the link to the step that is open: what ``st.page_link`` takes."""
_PLACES = {
    "sidebar": "[data-testid=stSidebar], [data-testid=stExpandSidebarButton]",
    "tabs": "[data-testid=stMain] [role=tablist]",
}

_component = st.components.v2.component(
    "cnnlab_lesson",
    html=read_asset("lesson", "lesson.html"),
    css=read_asset("lesson", "lesson.css"),
    js=read_asset("lesson", "lesson.js"),
)


def show_lesson(head: DeltaGenerator) -> bool:
    """What a lesson without a card puts above the page: for students the way back to one, for a teacher the controls.

    Gives whether the way back stands in the page's ``head``.
    """
    wanted = st.query_params.get(PARAMETER)
    if wanted is None:
        if left := st.session_state.get(OPEN):
            with head:
                st.page_link(**left, width="content")
        return bool(left)
    if wanted != EDIT:
        hide(put_away(wanted))
        _component(key="lesson", data={"editing": False})
        return False
    with st.container(border=True, key="lesson_box"):
        st.markdown(
            "**Make a lesson.** Set the page as students should see it, untick the controls they don't need, and copy "
            "the link. Anyone who opens it can always return to your view. This isn't an exam mode: what is put away "
            "can be brought back by editing the address."
        )
        _component(key="lesson", data={"editing": True})
        st.button("Close", key="lesson_close", icon=":material/close:", on_click=_close)
    return False


def offer_lesson() -> None:
    """The button below a view that makes a lesson of it."""
    if st.query_params.get(PARAMETER) is None:
        st.button(
            "Make a lesson of this view",
            key="lesson_open",
            icon=":material/co_present:",
            on_click=_open,
            help="Choose what students may touch, and get a link to hand out.",
        )


def hide(keys: Sequence[str]) -> None:
    """Hide controls on this page."""
    st.html(f"<style>{hiding(keys)}</style>")


def hiding(keys: Sequence[str]) -> str:
    """The style that hides controls. Of tabs only the row to choose from goes: the open one stays.

    A control that is read off the numbers has what it says in its key (``Example is …``): it goes whatever it says.
    """
    rules = [_PLACES.get(key) or _selector(key) for key in keys]
    return f"{', '.join(rules)} {{ display: none !important; }}" if rules else ""


def _selector(key: str) -> str:
    name, now, _ = key.partition("-is-")
    return f"[class*=st-key-{name}{now}]" if now else f".st-key-{key}"


def _open() -> None:
    st.query_params[PARAMETER] = EDIT


def _close() -> None:
    st.query_params.pop(PARAMETER, None)
