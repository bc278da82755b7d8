"""Feature maps and receptive fields: what does each layer respond to, and which pixels can it see?"""

import streamlit as st

from cnnlab_core.ui.feature_maps import (
    alexnet,
    attribution,
    compare,
    depths,
    effective,
    field,
    filters,
    maps,
    patches,
    stack,
)
from cnnlab_core.ui.feature_maps.choice import choose
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences

TABS = {
    "Feature maps": maps.show,
    "Early, middle, late": depths.show,
    "Compare": compare.show,
    "Strongest patches": patches.show,
    "First-layer filters": filters.show,
    "Receptive field": field.show,
    "Effective field": effective.show,
    "Design your own": stack.show,
    "AlexNet": alexnet.show,
    "Attribution": attribution.show,
}

page("feature_maps")
with sentences():
    choice = choose()
    if choice:
        for tab, body in zip(st.tabs(list(TABS), key="maps_tab", bind="query-params"), TABS.values(), strict=True):
            if tab.open:
                with tab, sentences():
                    body(choice)
