"""Feature maps and receptive fields: what does each layer respond to, and which pixels can it see?"""

import streamlit as st

from cnnlab_core.exercises.kinds import FEATURE_MAPS
from cnnlab_core.ui.exercises.practice import practice
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

OF_A_NETWORK = {
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
ON_PAPER = {FEATURE_MAPS.tab: practice(FEATURE_MAPS, "field_growth")}

page("feature_maps")
settings = st.container()
tabs = st.tabs([*OF_A_NETWORK, *ON_PAPER], key="maps_tab", bind="query-params")
for tab, name in zip(tabs, [*OF_A_NETWORK, *ON_PAPER], strict=True):
    if tab.open and name in OF_A_NETWORK:
        with settings, sentences():
            choice = choose()
            if choice:
                with tab, sentences():
                    OF_A_NETWORK[name](choice)
    elif tab.open:
        with tab, sentences():
            ON_PAPER[name]()
        # Drawn here too: a control that isn't drawn leaves the address.
        with settings.expander("The layer in the other tabs"), sentences():
            choose()
