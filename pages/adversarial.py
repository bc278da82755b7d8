"""Adversarial attacks: how little must change before the network is wrong, and what survives the world?"""

import streamlit as st

from cnnlab_core.ui.adversarial import attack, report, two_networks, universal, world
from cnnlab_core.ui.adversarial.choice import choose
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences

TABS = {
    "Attack": attack.show,
    "In the world": world.show,
    "Report": report.show,
    "One for all": universal.show,
    "Two networks": two_networks.show,
}

page("adversarial")
with sentences():
    choice = choose()
    if choice:
        for tab, body in zip(
            st.tabs(list(TABS), key="adversarial_tab", bind="query-params"), TABS.values(), strict=True
        ):
            if tab.open:
                with tab, sentences():
                    body(choice)
