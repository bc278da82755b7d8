"""The code by which somebody whose cookie is lost gets runs back."""

import streamlit as st

from cnnlab_core.training.codes import redeem
from cnnlab_core.training.settings import Kind
from cnnlab_core.ui.show import sentences
from cnnlab_core.ui.training.choice import may_start
from cnnlab_core.ui.tries import Tries
from cnnlab_core.ui.visitor import own_code, visitor

_tries = Tries("code")


def offer_code(kind: Kind) -> None:
    """This browser's own code, and the box for one from another."""
    if not may_start():
        return
    with st.popover("I have a code", icon=":material/key:", key=f"{kind}_code_box"):
        st.markdown(f"The code of this browser: **{own_code()}**. With it, another browser gets your runs.")
        with st.form(f"{kind}_code_form", border=False, clear_on_submit=True):
            code = st.text_input("Code", key=f"{kind}_code", max_chars=20, placeholder="ABCDE-FGHIJ")
            pressed = st.form_submit_button("Get my runs back")
        if pressed:
            with sentences():
                count = _tries.look(lambda: redeem(code, visitor()), "No runs are kept under this code.")
                st.success(f"{count} things are yours again: runs, exported networks, data sets and texts.")
