"""Teaching: how can this become a lesson?"""

import streamlit as st

from cnnlab_core.ui.classroom import settings_in_words
from cnnlab_core.ui.contents import PAGES, find_page
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.lesson import EDIT, LESSONS, PARAMETER
from cnnlab_core.ui.show import is_dark, sentences, show_words
from cnnlab_core.ui.teaching.server import show_server

page("teaching")

st.header("Lessons that are ready")
for row in (LESSONS[i : i + 3] for i in range(0, len(LESSONS), 3)):
    for column, lesson in zip(st.columns(3), row, strict=False):
        with column.container(border=True, height="stretch"):
            of = find_page(lesson.page)
            look = of.picture(dark=is_dark())
            st.image(look, width="stretch", alt=f"The page “{of.title}”, which this lesson is on")
            st.markdown(f"**{lesson.title}**  \n{lesson.task}")
            address = lesson.address(st.context.url or "")
            with st.container(horizontal=True, vertical_alignment="center"):
                # In a tab of its own: a page that is open already would keep what its controls were set to.
                st.link_button("Open it", address, icon=":material/open_in_new:")
                with st.popover("Its link", icon=":material/link:"):
                    st.code(address, language=None)

st.header("Make your own")
st.markdown(
    "Choose a page. Set it as students should see it, untick the controls they don't need, and copy the link. "
    "“Make a lesson of this view” at the end of every view does the same."
)
with st.container(horizontal=True):
    for entry in PAGES:
        if entry.name != "teaching":
            st.page_link(entry.file, label=entry.title, icon=entry.icon, query_params={PARAMETER: EDIT})
st.caption(
    "A link holds only what you can see in the address: how the controls are set. It contains none of your pictures "
    "and nothing secret. It hides controls to keep attention on the task. This isn't an exam mode: anyone can bring "
    "them back by editing the address."
)

show_server()

st.header("This lab's settings")
st.markdown("For whoever runs the server: set these in its environment, or at the top of `.streamlit/secrets.toml`.")
with sentences():
    show_words(settings_in_words())
