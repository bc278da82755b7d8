"""Two pictures on top of each other, before and after, with a movable line between them: ``assets/wipe``."""

from pathlib import Path

import streamlit as st

from cnnlab_core.ui.show import data_address

_ASSETS = Path(__file__).parents[2] / "assets" / "wipe"

_component = st.components.v2.component(
    "cnnlab_wipe",
    html=(_ASSETS / "wipe.html").read_text(),
    css=(_ASSETS / "wipe.css").read_text(),
    js=(_ASSETS / "wipe.js").read_text(),
)


def wipe(before_png: bytes, after_png: bytes, before_label: str, after_label: str, key: str) -> None:
    """Draw two PNGs of one shape over each other; left of the line is ``before``, right of it ``after``.

    The line follows pointer, finger and arrow keys in the browser alone. As wide as its column; the second picture's
    shape is the component's.
    """
    data = {
        "before": {"src": data_address(before_png), "label": before_label},
        "after": {"src": data_address(after_png), "label": after_label},
    }
    _component(key=key, data=data)
