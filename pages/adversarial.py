"""Adversarial attacks: how little must change before the network is wrong, and what survives the world?"""

import streamlit as st

from cnnlab_core.exercises.kinds import ADVERSARIAL
from cnnlab_core.ui.adversarial import (
    attack,
    epsilon,
    plane,
    report,
    step_size,
    sweep,
    two_networks,
    universal,
    world,
)
from cnnlab_core.ui.adversarial.choice import choose
from cnnlab_core.ui.exercises.practice import practice
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences

ON_A_PICTURE = {
    "Attack": attack.show,
    "Epsilon": epsilon.show,
    "Step size": step_size.show,
    "Sweep": sweep.show,
    "In the world": world.show,
    "Report": report.show,
    "One for all": universal.show,
    "Two networks": two_networks.show,
}
ON_PAPER = {
    "In the plane": plane.show,
    ADVERSARIAL.tab: practice(ADVERSARIAL, "true_or_false"),
}

page("adversarial")
settings = st.container()
tabs = st.tabs([*ON_A_PICTURE, *ON_PAPER], key="adversarial_tab", bind="query-params")
for tab, name in zip(tabs, [*ON_A_PICTURE, *ON_PAPER], strict=True):
    if tab.open and name in ON_A_PICTURE:
        with settings, sentences():
            choice = choose()
            if choice:
                with tab, sentences():
                    ON_A_PICTURE[name](choice)
    elif tab.open:
        with tab, sentences():
            ON_PAPER[name]()
        # Drawn here too: a control that isn't drawn leaves the address.
        with settings.expander("The attack in the other tabs"), sentences():
            choose()
