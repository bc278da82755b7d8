"""Two pictures on top of each other, before and after, with a movable line between them: ``assets/wipe``."""

import streamlit as st

from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.show import data_address

_component = st.components.v2.component(
    "cnnlab_wipe",
    html=read_asset("wipe", "wipe.html"),
    css=read_asset("wipe", "wipe.css"),
    js=read_asset("wipe", "wipe.js"),
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
