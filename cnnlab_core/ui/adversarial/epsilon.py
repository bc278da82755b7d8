"""How the picture, the answer and its probability change with epsilon: dragged in the browser."""

from collections.abc import Generator
from typing import Any

import streamlit as st
import torch

from cnnlab_core.attacks.reach import METHODS
from cnnlab_core.attacks.studies.sweep import NAMES, Swept, levels, sweep_picture, sweep_table
from cnnlab_core.attacks.sweep import SweepStep
from cnnlab_core.images import png
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.recipes.adversarial import epsilon as recipe
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.epsilon_explorer import scene, show_explorer
from cnnlab_core.ui.adversarial.epsilon_range import choose_epsilons, look_at, looked_at
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.subject import run_study
from cnnlab_core.ui.take_away import File, take_away

_WAYS = {"FGSM: one direction": METHODS[0], "PGD at each epsilon": METHODS[1]}

Found = tuple[Swept, dict[str, Any]]
"""A sweep, and the same as the browser needs it."""


def show(choice: Choice) -> None:
    """The epsilon explorer, and the smallest epsilons that change the class and reach the target."""
    subject, norm = choice.subject, choice.plan.norm
    first, second, third = st.columns([1.3, 1, 1.2], gap="medium", vertical_alignment="bottom")
    way = CONTROLS.one_of("way", "Attack at each epsilon", list(_WAYS), next(iter(_WAYS)), place=first)
    with second:
        eps = choose_epsilons("reach", norm)
    method, steps = _WAYS[way], 1
    if method == "pgd":
        steps = CONTROLS.slider("way_steps", "Steps at each epsilon", 2, 40, 10, 1, place=third)

    def study(model: LoadedModel, x: torch.Tensor) -> Generator[SweepStep, None, Found]:
        swept = yield from sweep_picture(model, x, eps=eps, method=method, norm=norm, steps=steps, target=choice.target)
        return swept, scene(swept, subject.labels, norm)

    settings = choice.target, norm, method, eps, steps
    outcome = run_study(
        "epsilon",
        subject,
        settings,
        study,
        label=f"{NAMES[method]} at {len(eps)} epsilons",
        share=lambda step: step.done,
        start="" if method == "fgsm" else f"Run PGD at {len(eps)} epsilons, {steps} steps each",
        for_everybody=method == "fgsm",
    )
    if outcome.result is None or outcome.state == "stale":  # an earlier sweep has other epsilons
        return
    swept, drawn = outcome.result
    at = looked_at(eps, norm, choice.plan.eps)
    show_explorer(
        drawn,
        identity=digest(subject.key, settings),
        at=at,
        on_rest=lambda index: look_at(eps[index], norm),
        key=CONTROLS.key("explorer"),
    )
    st.markdown(_words(choice, swept))
    _away(choice, swept, at, steps)


def _words(choice: Choice, swept: Swept) -> str:
    """What came of the sweep."""
    curve, labels, norm = swept.curve, choice.subject.labels, choice.plan.norm
    name, before = NAMES[curve.method], plain(labels[curve.y])
    if curve.changes is None:
        text = f"Up to {levels(curve.eps[-1], norm)}, {name} doesn't change the class: it stays {before}."
    else:
        first = plain(labels[curve.best[curve.eps.index(curve.changes)]])
        text = (
            f"**Smallest epsilon that changes the class: {levels(curve.changes, norm)}** ({first} instead of {before})."
        )
    if curve.target is not None:
        target = plain(labels[curve.target])
        if curve.smallest is None:
            text += f" {target} isn't reached."
            if curve.method == "fgsm":
                text += " A single straight step rarely ends at a chosen class: try PGD, which turns on the way."
        else:
            text += f" **{target} is reached at {levels(curve.smallest, norm)}.**"
    return text + " All numbers are measured on the 8-bit pictures shown, one for each mark of the slider."


def _away(choice: Choice, swept: Swept, at: int, steps: int) -> None:
    subject, curve, norm = choice.subject, swept.curve, choice.plan.norm
    here = levels(curve.eps[at], norm)
    take_away(
        recipe.code(
            *subject.network,
            subject.sample,
            eps=curve.eps,
            method=curve.method,
            norm=norm,
            steps=steps,
            target=choice.target,
            at=at,
        ),
        File(
            f"Picture at {here} (PNG)",
            lambda: png(swept.view(at).picture),
            f"cnnlab_epsilon_{here.replace('/', '_')}.png",
            "image/png",
        ),
        File(
            "All epsilons (CSV)",
            lambda: sweep_table([curve], subject.labels, [subject.picture.title]),
            "cnnlab_epsilons.csv",
            "text/csv",
        ),
    )
