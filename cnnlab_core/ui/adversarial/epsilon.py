"""How the picture, the answer and its probability change with epsilon: dragged in the browser."""

from collections.abc import Generator
from typing import Any

import streamlit as st

from cnnlab_core.attacks.reach import METHODS
from cnnlab_core.attacks.studies.sweep import NAMES, Swept, levels, sweep_picture, sweep_table
from cnnlab_core.attacks.sweep import SweepStep
from cnnlab_core.images import png
from cnnlab_core.models import load_model
from cnnlab_core.recipes.adversarial_sweeps import sweep_code
from cnnlab_core.ui.adversarial.choice import Choice
from cnnlab_core.ui.adversarial.epsilons import choose_count, grid, look_at, looked_at
from cnnlab_core.ui.adversarial.explorer import scene, show_explorer
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away

_WAYS = {"FGSM: one direction": METHODS[0], "PGD at each epsilon": METHODS[1]}

Found = tuple[Swept, dict[str, Any]]
"""A sweep, and the same as the browser needs it."""


def show(choice: Choice) -> None:
    """The tab."""
    norm = choice.plan.norm
    first, second, third = st.columns([1.3, 1, 1.2], gap="medium", vertical_alignment="bottom")
    with first:
        way = segmented(
            st,
            "Attack at each epsilon",
            list(_WAYS),
            default=next(iter(_WAYS)),
            key="adversarial_way",
            bind="query-params",
            persist_state="page",
        )
    with second:
        eps = grid(norm, choose_count(norm, key=f"adversarial_reach_{norm}"))
    method, steps = _WAYS[way], 1
    if method == "pgd":
        with third:
            steps = st.slider(
                "Steps at each epsilon",
                2,
                40,
                10,
                key="adversarial_way_steps",
                bind="query-params",
                persist_state="page",
            )

    def job() -> Generator[SweepStep, None, Found]:
        model = load_model(choice.spec.name, choice.weights)
        x = model.prepare(choice.picture.image)
        swept = yield from sweep_picture(model, x, eps=eps, method=method, norm=norm, steps=steps, target=choice.target)
        return swept, scene(swept, choice.labels, norm)

    key = digest(
        "epsilon", choice.spec.name, choice.weights, choice.picture.key, choice.target, norm, method, eps, steps
    )
    outcome = run(
        "epsilon",
        key,
        job,
        label=f"{NAMES[method]} at {len(eps)} epsilons",
        share=lambda step: step.done,
        start="" if method == "fgsm" else f"Run PGD at {len(eps)} epsilons, {steps} steps each",
        for_everybody=method == "fgsm" and choice.picture.is_sample,
    )
    if outcome.result is None or outcome.state == "stale":  # an earlier sweep has other epsilons
        return
    swept, drawn = outcome.result
    at = looked_at(eps, norm, choice.plan.eps)
    show_explorer(
        drawn, identity=key, at=at, on_rest=lambda index: look_at(eps[index], norm), key="adversarial_explorer"
    )
    st.markdown(_words(choice, swept))
    _away(choice, swept, at, steps)


def _words(choice: Choice, swept: Swept) -> str:
    """What came of the sweep."""
    curve, labels, norm = swept.curve, choice.labels, choice.plan.norm
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
                text += " One straight step rarely ends at a chosen class: try PGD, which turns on the way."
        else:
            text += f" **{target} is reached at {levels(curve.smallest, norm)}.**"
    return text + " All numbers are measured on the 8-bit pictures shown, one for each mark of the slider."


def _away(choice: Choice, swept: Swept, at: int, steps: int) -> None:
    curve, norm = swept.curve, choice.plan.norm
    name = levels(curve.eps[at], norm).replace("/", "_")
    take_away(
        sweep_code(
            choice.spec.name,
            choice.weights,
            choice.sample,
            eps=curve.eps,
            method=curve.method,
            norm=norm,
            steps=steps,
            target=choice.target,
            at=at,
        ),
        File(
            f"Picture at {levels(curve.eps[at], norm)} (PNG)",
            lambda: png(swept.view(at).picture),
            f"cnnlab_epsilon_{name}.png",
            "image/png",
        ),
        File(
            "All epsilons (CSV)",
            lambda: sweep_table([curve], choice.labels, [choice.picture.title]),
            "cnnlab_epsilons.csv",
            "text/csv",
        ),
    )
