"""Adversarial attacks: how little must change before the network is wrong, and what survives a printer or a crop?"""

from cnnlab_core.exercises.kinds import ADVERSARIAL
from cnnlab_core.ui.adversarial import (
    attack,
    epsilon,
    neuron,
    report,
    robustness,
    step_size,
    sweep,
    transferability,
    universal,
)
from cnnlab_core.ui.adversarial.choice import choose
from cnnlab_core.ui.exercises.practice import practice
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.tabs import Tab, show_tabs

TABS = (
    Tab("Attack", attack.show),
    Tab("Epsilon", epsilon.show),
    Tab("Step size", step_size.show),
    Tab("Sweep", sweep.show),
    Tab("Robustness", robustness.show, formerly=("In the world",)),
    Tab("Report", report.show),
    Tab("Universal", universal.show, formerly=("One for all",)),
    Tab("Transferability", transferability.show, formerly=("Two networks",)),
    Tab("One neuron", neuron.show, stands_alone=True, formerly=("In the plane",)),
    Tab(ADVERSARIAL.tab, practice(ADVERSARIAL, "true_or_false"), stands_alone=True),
)

page("adversarial")
show_tabs("adversarial_tab", TABS, choose, aside="The attack in the other tabs")
