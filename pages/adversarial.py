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
from cnnlab_core.ui.tabs import Chapter, Tab, show_tabs

EPS = ("adversarial_eps", "adversarial_eps_l2", "adversarial_eps_l1")
STEP = ("adversarial_step", "adversarial_step_l2", "adversarial_step_l1")
STEPS = ("adversarial_steps",)
OTHER_STEP = ("adversarial_length", "adversarial_factor")

TABS = (
    Chapter(
        "Attack",
        "attack",
        (
            Tab("Attack", attack.show),
            Tab("Epsilon", epsilon.show, without=(*EPS, *STEP, *STEPS)),
            Tab("Step size", step_size.show, without=(*STEP, *OTHER_STEP, *STEPS)),
            Tab("Sweep", sweep.show, without=(*EPS, *STEP, *STEPS)),
        ),
    ),
    Chapter(
        "Does it survive?",
        "survive",
        (
            Tab("Robustness", robustness.show, formerly=("In the world",)),
            Tab(
                "Universal",
                universal.show,
                without=(*STEP, *OTHER_STEP, *STEPS, "adversarial_rate", "adversarial_alpha"),
                formerly=("One for all",),
            ),
            Tab("Transferability", transferability.show, formerly=("Two networks",)),
        ),
    ),
    Chapter(
        "On paper",
        "paper",
        (
            Tab("One neuron", neuron.show, stands_alone=True, formerly=("In the plane",)),
            Tab("Questions", practice(ADVERSARIAL, "true_or_false"), stands_alone=True),
        ),
    ),
    Tab("Report", report.show),
)

page("adversarial")
show_tabs("adversarial_tab", TABS, choose)
