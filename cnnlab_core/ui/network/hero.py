"""The network alive on the home page: a digit to draw, every map, and the answer. Imports no torch."""

import json

import streamlit as st

from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.network.component import show_network

PAGE = "pages/network.py"
START = 3
_AT = {
    "stage": [], "layer": "", "channel": 0, "row": None, "col": None, "way": "forwards", "asked": None, "changes": [],
    "input": None,
}  # fmt: skip


def show_alive() -> None:
    """A board with the network for digits behind it; a click on a map opens the page there."""
    glass = {**json.loads(read_asset("network", "glass_digits.json")), "start": START}
    data = {"id": "home", "at": _AT, "turn": 0, "glass": glass, "hero": True}
    wanted = show_network(data, key="home_network", on_go=lambda at: None)
    st.page_link(
        PAGE,
        label="Go inside, down to a single product",
        icon=":material/arrow_forward:",
        query_params={"network_shown": "Digits"},
    )
    if isinstance(wanted, dict):
        layer, channel = str(wanted.get("layer", "")), str(wanted.get("channel", 0))
        query = {"network_shown": "Digits", "network_layer": layer, "network_channel": channel}
        st.switch_page(PAGE, query_params=query)
