"""Convolution by hand: what exactly does a convolution compute, and what does it learn from?"""

import streamlit as st

from cnnlab_core.ui.convolution import backward, pooling, sliding
from cnnlab_core.ui.frame import page

page("convolution")

TABS = {
    "1-D": lambda: sliding.show(1),
    "2-D": lambda: sliding.show(2),
    "Pooling": pooling.show,
    "Backward": backward.show,
}
tabs = st.tabs(list(TABS), default="2-D", key="conv_tab", bind="query-params")
for tab, show in zip(tabs, TABS.values(), strict=True):
    if tab.open:
        with tab:
            show()
