"""The field for the teacher's key, and the way back to being a visitor."""

import streamlit as st

from cnnlab_core.errors import LabError
from cnnlab_core.runtime.limits import TEACHER_KEY
from cnnlab_core.ui.show import show_problem
from cnnlab_core.ui.teacher import HOURS, enter, is_teacher, keep_in_browser, leave, teachers_key


def enter_as_teacher(what: str) -> bool:
    """Whether this browser is a teacher's; if not, the field for the key. ``what`` says what a teacher can do here.

    Raises ``InputError`` for a key that could be guessed.
    """
    keep_in_browser()
    if not teachers_key():
        st.info(
            f"Nobody is a teacher here: whoever runs the server can set a key ({TEACHER_KEY}).", icon=":material/key:"
        )
        return False
    if is_teacher():
        return True
    st.markdown(f"With the teacher's key {what}.")
    with st.form("teaching_enter", border=False, clear_on_submit=True), st.container(horizontal=True):
        key = st.text_input("Teacher's key", type="password", key="teaching_key", label_visibility="collapsed")
        pressed = st.form_submit_button("Enter", icon=":material/key:")
    if pressed:
        try:
            enter(key)
        except LabError as error:
            show_problem(error)
        else:
            st.rerun()
    st.caption(f"Whoever runs the server has set it. This browser keeps it for {HOURS} hours.")
    return False


def leave_button() -> None:
    """Be a visitor again."""
    st.button("Be a visitor again", key="teaching_leave", icon=":material/logout:", on_click=leave)
