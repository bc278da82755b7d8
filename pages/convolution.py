"""Convolution by hand: what exactly does a convolution compute, and what does it learn from?

Each tab is a module of its own; only the open one runs.
"""

from collections.abc import Callable
from functools import partial

import streamlit as st

from cnnlab_core.exercises.kinds import CONVOLUTION
from cnnlab_core.ui.convolution import attention, autograd, backward, photo, pooling, sliding
from cnnlab_core.ui.exercises.practice import practice
from cnnlab_core.ui.frame import page

TABS: dict[str, Callable[[], None]] = {
    "1-D": partial(sliding.show, 1),
    "2-D": partial(sliding.show, 2),
    "Pooling": pooling.show,
    "Backward": backward.show,
    "On a photo": photo.show,
    "Autograd warm-up": autograd.show,
    "1×1 and attention": attention.show,
    CONVOLUTION.tab: practice(CONVOLUTION, "conv2d"),
}

page("convolution")

tabs = st.tabs(list(TABS), default="2-D", key="conv_tab", bind="query-params")
for tab, show in zip(tabs, TABS.values(), strict=True):
    if tab.open:
        with tab:
            show()
