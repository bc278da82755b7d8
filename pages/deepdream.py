"""DeepDream and feature visualisation: what does a layer, a channel, a neuron or a class look for?"""

import streamlit as st

from cnnlab_core.ui.dream import atlas, classes, dreaming, neurons, zooming
from cnnlab_core.ui.dream.choice import choose
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences

TABS = {
    "Dream": dreaming.show,
    "Neurons": neurons.show,
    "Atlas": atlas.show,
    "Classes": classes.show,
    "Zoom": zooming.show,
}

page("deepdream")
with sentences():
    choice = choose()
    if choice:
        for tab, body in zip(st.tabs(list(TABS), key="dream_tab", bind="query-params"), TABS.values(), strict=True):
            if tab.open:
                with tab, sentences():
                    body(choice)
