"""The frame around every page: configuration, navigation, title and question."""

import math
from contextlib import suppress

import streamlit as st

from cnnlab_core.errors import InputError
from cnnlab_core.runtime.assets import asset
from cnnlab_core.ui.classroom import classroom
from cnnlab_core.ui.contents import PAGES, find_page
from cnnlab_core.ui.lesson import show_lesson
from cnnlab_core.ui.show import show_problem
from cnnlab_core.ui.warmup import warm_up


def page(name: str) -> None:
    """The first line of every page: sets it up, draws the navigation and the question, and warms up."""
    this = find_page(name)
    _frame(this.title)
    st.title(this.title)
    st.markdown(f"**{this.question}** {this.look or this.promise}")
    try:
        classroom()
    except InputError as error:
        show_problem(error)
        st.stop()
    show_lesson()
    warm_up()


def home() -> None:
    """The frame of the home page, which needs no torch."""
    _frame("cnnlab")


def _frame(title: str) -> None:
    full = title if title == "cnnlab" else f"{title} · cnnlab"
    # A picture of our own: for an icon by name, Streamlit would ask a font server on the internet.
    icon = str(asset("icons", "cnnlab.png"))
    st.set_page_config(page_title=full, page_icon=icon, layout="wide", initial_sidebar_state="auto")
    st.html(asset("frame", "frame.css"))
    _drop_infinities()
    with st.sidebar, st.container(key="pages"):
        st.page_link("app.py", label="cnnlab", icon=":material/science:")
        for entry in PAGES:
            st.page_link(entry.file, label=entry.title, icon=entry.icon)


def _drop_infinities() -> None:
    """Take infinite numbers out of a link that is being opened: Streamlit falls over one for a whole number."""
    if st.session_state.setdefault("link opened", False):
        return
    st.session_state["link opened"] = True
    strange = [name for name in st.query_params if any(map(_is_infinite, st.query_params.get_all(name)))]
    for name in strange:
        del st.query_params[name]
    if strange:
        st.rerun()


def _is_infinite(text: str) -> bool:
    with suppress(ValueError):
        return math.isinf(float(text))
    return False
