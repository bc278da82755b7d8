"""The lessons that come with the lab."""

import streamlit as st

from cnnlab_core.lessons.ready import LESSONS
from cnnlab_core.ui.contents import find_page
from cnnlab_core.ui.lesson_card import link_of
from cnnlab_core.ui.show import is_dark


def show() -> None:
    """Each with its first page and its link."""
    numbered = list(enumerate(LESSONS))
    for row in (numbered[i : i + 3] for i in range(0, len(LESSONS), 3)):
        for column, (number, lesson) in zip(st.columns(3), row, strict=False):
            with column.container(border=True, height="stretch"):
                of = find_page(lesson.steps[0].page)
                look = of.picture(dark=is_dark())
                alt = f"The page “{of.title}”, which this lesson is on"
                st.container(key=f"page_picture_{number}").image(look, width="stretch", alt=alt)
                st.markdown(f"**{lesson.title}**  \n{lesson.steps[0].task}")
                address = link_of(lesson, st.context.url or "")
                with st.container(horizontal=True, vertical_alignment="center"):
                    # In a tab of its own: a page that is open already would keep what its controls were set to.
                    st.link_button("Open it", address, icon=":material/open_in_new:")
                    with st.popover("Its link", icon=":material/link:"):
                        st.code(address, language=None)
    st.caption("To change one, or to give it to a class of its own, load its link under “Make a lesson”.")
