"""Exercises: one to do now, and everything that can be asked as sheets to print."""

import streamlit as st

from cnnlab_core.exercises.kinds import KINDS, RECURRENT
from cnnlab_core.ui.exercises.practice import practice
from cnnlab_core.ui.exercises.sheets import show
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.tabs import Tab, show_tabs

KEY, LIVE, SHEETS = "exercises_tab", "Do it live", "Sheets"

page("exercises")
if KEY not in st.query_params and KEY not in st.session_state:
    asked = [name for name in st.query_params if name.startswith("exercises_")]
    if asked and not any(name.startswith(RECURRENT.prefix) for name in asked):
        st.query_params[KEY] = SHEETS  # a link from when the page opened with them
        st.rerun()
show_tabs(KEY, [Tab(LIVE, practice(RECURRENT, "conv2d", tuple(KINDS.values()))), Tab(SHEETS, show)])
