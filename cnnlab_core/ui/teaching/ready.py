"""The lessons that come with the lab."""

import re

import streamlit as st

from cnnlab_core.lessons import Lesson
from cnnlab_core.lessons.ready import LESSONS
from cnnlab_core.ui.contents import find_page, small_picture
from cnnlab_core.ui.lesson_card import link_of
from cnnlab_core.ui.show import is_dark


def picture_name(lesson: Lesson) -> str:
    """What the small picture of its first step is called."""
    return "lesson_" + "_".join(re.findall(r"\w+", lesson.title.lower()))


def show() -> None:
    """Each with its first page and its link."""
    numbered = list(enumerate(LESSONS))
    for row in (numbered[i : i + 3] for i in range(0, len(LESSONS), 3)):
        for column, (number, lesson) in zip(st.columns(3), row, strict=False):
            with column.container(border=True, height="stretch"):
                alt = f"The page “{find_page(lesson.steps[0].page).title}”, as this lesson opens it"
                look = small_picture(picture_name(lesson), dark=is_dark())
                st.container(key=f"page_picture_{number}").image(look, width="stretch", alt=alt)
                st.markdown(f"**{lesson.title}**  \n{lesson.steps[0].task}")
                address = link_of(lesson, st.context.url or "")
                with st.container(horizontal=True, vertical_alignment="center"):
                    # In a tab of its own: a page that is open already would keep what its controls were set to.
                    st.link_button("Open it", address, icon=":material/open_in_new:")
                    with st.popover("Its link", icon=":material/link:"):
                        st.code(address, language=None)
    st.caption("To change one, or to give it to a class of its own, load its link under “Make a lesson”.")
