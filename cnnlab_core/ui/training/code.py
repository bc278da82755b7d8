"""The code by which somebody whose cookie is lost gets runs back."""

import streamlit as st

from cnnlab_core.training.settings import Kind
from cnnlab_core.ui.own_things import enter_code
from cnnlab_core.ui.training.choice import may_start


def offer_code(kind: Kind) -> None:
    """This browser's own code, and the box for one from another."""
    if may_start():
        with st.popover("I have a code", icon=":material/key:", key=f"{kind}_code_box"):
            enter_code(kind, "your runs", "Get my runs back")
