"""The frame around every page: configuration, navigation, title and question."""

from contextlib import suppress

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.errors import InputError
from cnnlab_core.runtime.assets import asset, read_asset
from cnnlab_core.ui.address import open_address, show_refused
from cnnlab_core.ui.classroom import classroom
from cnnlab_core.ui.contents import find_page, pages_by_group
from cnnlab_core.ui.homework import link_homework
from cnnlab_core.ui.lesson import CARRIED, show_lesson
from cnnlab_core.ui.projector import projector
from cnnlab_core.ui.show import data_address, is_dark, show_problem
from cnnlab_core.ui.story import show_story
from cnnlab_core.ui.uploads import bound_uploads
from cnnlab_core.ui.visitor import begin_cookie
from cnnlab_core.ui.warmup import warm_up

_START = "start"
"""Where a page begins: what the keyboard skips to."""
_LIGHT_ON_PAPER = "<style>@media print { .stDataFrame canvas { filter: invert(1) hue-rotate(180deg); } }</style>"
"""Streamlit paints the cells of a table in the colours of the theme, which no style can change."""
_HISTORY = f"<script>{{ {read_asset('frame', 'history.js')} }}</script>"


def page(name: str) -> None:
    """The first line of every page: sets it up, draws the navigation and the question, and warms up."""
    this = find_page(name)
    _frame(this.title)
    head = _head(this.title, f"**{this.question}** {this.look or this.promise}")
    try:
        classroom()
    except InputError as error:
        show_problem(error)
        st.stop()
    show_refused()
    is_taught = bool(st.query_params.get(CARRIED))
    if is_taught:
        from cnnlab_core.ui.lesson_card import show_card  # exercises need torch, which the home page doesn't load

        show_card(name, head)
    elif not show_lesson(head):
        is_taught = show_story(name, head)
    if is_taught:
        st.html(asset("frame", "closer.css"))
    warm_up()


def home(words: str) -> None:
    """The frame of the home page, which needs no torch."""
    _frame("cnnlab")
    _head("cnnlab", words)


def _head(title: str, words: str) -> DeltaGenerator:
    """The title and the words beside it; gives the row, which has room for little more."""
    row = st.container(key="head", horizontal=True, vertical_alignment="center")
    row.title(title, anchor=_START, width="content")
    row.markdown(words, width="stretch")
    return row


def _frame(title: str) -> None:
    with suppress(InputError):  # a setting that can't be used, which the page says
        bound_uploads()
    full = title if title == "cnnlab" else f"{title} · cnnlab"
    # A picture of our own: for an icon by name, Streamlit would ask a font server on the internet.
    # As an address that holds it: the browser would ask for a file with each run of the page.
    icon = data_address(asset("icons", "cnnlab.png").read_bytes())
    st.set_page_config(page_title=full, page_icon=icon, layout="wide", initial_sidebar_state="auto")
    st.html(asset("frame", "frame.css"))
    if is_dark():
        st.html(_LIGHT_ON_PAPER)
    open_address(title)
    with st.sidebar, st.container(key="pages", gap=None):
        skip = f'<a class="skip" href="#{_START}">Skip to the page</a>'
        st.html(skip + begin_cookie() + _HISTORY, unsafe_allow_javascript=True)
        st.page_link("app.py", label="cnnlab", icon=":material/science:")
        link_homework()
        for group, entries in pages_by_group().items():
            st.caption(group)
            for entry in entries:
                st.page_link(entry.file, label=entry.title, icon=entry.icon)
    projector(title)
