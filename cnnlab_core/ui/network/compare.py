"""The picture beside an adversarial one: how large is the difference, layer by layer?"""

from collections.abc import Generator
from typing import Any

import streamlit as st
import torch

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.studies.attack import attack_picture
from cnnlab_core.models import Layer, LoadedModel
from cnnlab_core.network.difference import differences
from cnnlab_core.plots.network_difference import network_difference
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.network.place import CONTROLS
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.subject import Subject, run_study

PLAN = Plan()


def show(subject: Subject) -> None:
    """The switch, and below it the curve."""
    if not CONTROLS.toggle("compare", "Compare with an adversarial picture"):
        return

    def study(model: LoadedModel, x: torch.Tensor) -> Generator[Any, None, tuple[int, list[tuple[Layer, float]]]]:
        attack = yield from attack_picture(model, x, PLAN)
        return int(attack.rounded.predicted), differences(model, x, attack.in_eight_bits(attack.x_adv))

    result = run_study("network difference", subject, (repr(PLAN),), study, label="Attacking the picture").result
    if result is None:
        return
    named, found = result
    largest = max(found, key=lambda one: one[1])
    attack = f"{PLAN.title}, epsilon {round(255 * PLAN.eps)}/255, {PLAN.steps} steps"
    words = (
        f"The attack of the page *Adversarial attacks* ({attack}) makes it “{plain(subject.labels[named])}”. "
        f"Its pixels hardly change; the difference is largest at {plain(largest[0].place)}: {largest[1]:.0%} of the "
        "size of the values there."
    )
    st.markdown(words)
    figure = network_difference([layer.place for layer, _ in found], [ratio for _, ratio in found])
    show_chart(figure, "network_difference", "Where the difference grows", subject.about)
