"""How the picture, the answer and its probability change with epsilon: dragged in the browser."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.studies.sweep import sweep_table
from cnnlab_core.attacks.sweep import Sweep, sweep_steps
from cnnlab_core.images import png
from cnnlab_core.images.levels import LEVELS, SHOWN, distance
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.plots.lines import epsilon_curves
from cnnlab_core.recipes.adversarial import epsilon as recipe
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.epsilon_explorer import scene, show_explorer
from cnnlab_core.ui.adversarial.epsilon_range import (
    COUNTS,
    at_epsilon,
    choose_epsilons,
    is_usual,
    look_at,
    straight,
    turning,
)
from cnnlab_core.ui.adversarial.pictures import looked_at
from cnnlab_core.ui.adversarial.settings import in_words
from cnnlab_core.ui.chart import figure_files
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import Outcome, mark
from cnnlab_core.ui.show import later, main_answer, main_picture, plain
from cnnlab_core.ui.subject import run_study
from cnnlab_core.ui.take_away import File, take_away

Found = tuple[Sweep, dict[str, Any]]
"""A sweep, and the same as the browser needs it."""


CLASSES = ("one", "two", "three", "more")
STEPS = 5
"""The attack's steps at each epsilon, at first."""


@dataclass(frozen=True)
class _Asked:
    """What is swept: an attack on the choice's picture, over epsilons."""

    choice: Choice
    plan: Plan
    eps: tuple[float, ...]

    @property
    def settings(self) -> tuple[object, ...]:
        """What makes results the same, beside the subject."""
        return self.choice.target, self.plan, self.eps

    @property
    def straight(self) -> "_Asked":
        """The same by one straight step."""
        return replace(self, plan=straight(self.choice.plan))

    @property
    def follows(self) -> bool:
        """Whether it needs no button: one gradient for all epsilons, or what the view opens with."""
        first = is_usual(self.plan, STEPS) and len(self.eps) == COUNTS[0] + 1
        return self.plan.entry.straight or (first and self.choice.subject.picture.is_sample)


def show(choice: Choice) -> None:
    """The epsilon explorer, and the smallest epsilons that change the class and reach the target."""
    status = looked_at("Drag epsilon: from where on does the answer turn, and from where on do you see the noise?")
    with st.container(key="epsilon_result"):
        with main_picture():
            place = later()
        with main_answer():
            answer = later()
    asked = _ask(choice)

    def meanwhile() -> None:
        """What one gradient tells, until the many are there."""
        if not asked.plan.entry.straight and (found := _run(first := asked.straight, status, "straight").result):
            with place.container():
                _explorer(first, found[1], choice.plan.eps, "explorer_straight")

    outcome = _run(asked, status, meanwhile=meanwhile)
    mark(outcome, "epsilon_result")
    if outcome.result is None:
        return
    sweep, drawn = outcome.result
    start = choice.plan.eps if outcome.state == "done" else None
    with place.container():
        at = _explorer(outcome.asked, drawn, start, "explorer")
    answer.markdown(_words(outcome.asked.choice, sweep))
    named = [plain(outcome.asked.choice.subject.labels[index]) for index in dict.fromkeys(sweep.curve().best.tolist())]
    guess(
        "epsilon", "how many different classes does the network name, from epsilon 0 to the largest?", CLASSES,
        CLASSES[min(len(named), len(CLASSES)) - 1], f"{len(named)}: {', then '.join(named)}.",
    )  # fmt: skip
    learned("the same attack fails below some epsilon and wins above it, often long before anybody sees a difference.")
    _away(outcome.asked.choice, sweep, at, drawn)


def _run(
    asked: _Asked, at: DeltaGenerator, place: str = "", meanwhile: Callable[[], None] | None = None
) -> Outcome[Found]:
    """The sweep."""
    plan, eps, choice = asked.plan, asked.eps, asked.choice

    def study(model: LoadedModel, x: torch.Tensor) -> Generator[Progress[Any], None, Found]:
        sweep = yield from sweep_steps(model, x, eps=eps, method=plan, target=choice.target)
        return sweep, scene(sweep, choice.subject.labels)

    each = f", {plan.steps} steps each" if plan.entry.takes("steps") else ""
    return run_study(
        "epsilon",
        choice.subject,
        asked.settings,
        study,
        place=place,
        label=f"{plan.title} at {len(eps)} epsilons",
        start="" if asked.follows else f"Run {plan.title} at {len(eps)} epsilons{each}",
        meanwhile=meanwhile,
        for_everybody=asked.follows,
        asked=asked,
        at=at,
    )


def _explorer(asked: _Asked, drawn: dict[str, Any], start: float | None, name: str) -> int:
    """The explorer, at first at the address's epsilon or near ``start``; gives the number of the epsilon.

    Without a ``start`` it is of previous settings, of which the address says nothing.
    """
    eps, norm = asked.eps, asked.plan.norm
    at = at_epsilon(eps, norm, asked.choice.plan.eps if start is None else start, address=start is not None)
    show_explorer(
        drawn,
        identity=digest(asked.choice.subject.key, asked.settings),
        at=at,
        on_rest=lambda index: look_at(eps[index], norm),
        key=CONTROLS.key(name),
    )
    return at


def _ask(choice: Choice) -> _Asked:
    """Which attack at each epsilon; behind “Range and steps”, how far epsilon goes and how many steps there are."""
    ways = _ways(choice)
    usual = next(name for name, plan in ways.items() if plan.method == Plan.method)
    first, last = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    way = CONTROLS.one_of("way", "Attack at each epsilon", list(ways), usual, place=first, label_visibility="collapsed")
    plan = ways[way]
    with last.popover("Range and steps", icon=":material/tune:", key=CONTROLS.key("range")):
        eps = choose_epsilons("reach", choice.plan.norm)
        if plan.entry.takes("steps"):
            plan = replace(plan, steps=CONTROLS.slider("way_steps", "Steps at each epsilon", 2, 40, STEPS, 1))
    return _Asked(choice, plan, eps)


def _ways(choice: Choice) -> dict[str, Plan]:
    """What can be done at each epsilon: a straight attack, the usual one with many steps, and the one chosen above."""
    one, many = straight(choice.plan), turning(choice)
    ways = {f"{one.title}: one direction": one}
    for plan in (Plan(norm=one.norm, loss=one.loss).over_epsilon(), many):
        ways[f"{plan.title} at each epsilon"] = plan
    return ways


def _words(choice: Choice, sweep: Sweep) -> str:
    """What came of the sweep."""
    curve, labels, norm = sweep.curve(), choice.subject.labels, sweep.plan.norm
    name, before = curve.title, plain(labels[curve.y])
    if sweep.stuck[0]:
        text = f"The gradient is zero at every pixel, so {name} has no direction to go. That doesn't make it robust."
    elif curve.changes is None:
        text = f"Up to {distance(curve.eps[-1], norm)}, {name} doesn't change the class: it stays {before}."
    else:
        first = plain(labels[curve.best[curve.eps.index(curve.changes)]])
        smallest = distance(curve.changes, norm)
        text = f"**Smallest epsilon that changes the class: {smallest}** ({first} instead of {before})."
    if curve.target is not None:
        target = plain(labels[curve.target])
        if curve.smallest is None:
            text += f" {target} isn't reached." if curve.target != curve.y else f" It gets no surer of {target}."
            if sweep.plan.entry.straight:
                text += " A single straight step rarely ends at a chosen class: try PGD, which turns on the way."
        else:
            what = f"{target} is reached" if curve.target != curve.y else f"The network is surer of {target}"
            text += f" **{what} at {distance(curve.smallest, norm)}.**"
    text += " All numbers are measured on the 8-bit pictures shown, one for each mark of the slider."
    return text if sweep.plan.entry.straight else f"{text}  \nAttack: {in_words(sweep.plan, without=('eps',))}."


def _away(choice: Choice, sweep: Sweep, at: int, drawn: dict[str, Any]) -> None:
    subject, curve = choice.subject, sweep.curve()
    here = distance(curve.eps[at], sweep.plan.norm)
    take_away(
        recipe.code(
            *subject.network,
            subject.sample,
            eps=curve.eps,
            plan=sweep.plan,
            target=choice.target,
            at=at,
        ),
        File(
            f"Picture at {here} (PNG)",
            lambda: png(sweep.view(at).picture),
            f"cnnlab_epsilon_{here.replace('/', '_')}.png",
            "image/png",
        ),
        File(
            "All epsilons (CSV)",
            lambda: sweep_table([curve], subject.labels, [subject.picture.title]),
            "cnnlab_epsilons.csv",
            "text/csv",
        ),
        *figure_files(
            epsilon_curves(
                {line["name"]: (line["shares"], None) for line in drawn["lines"]},
                [round(SHOWN[sweep.plan.norm] * eps, 6) for eps in curve.eps],
                title="",
                unit=f"/{LEVELS}" if sweep.plan.norm == "linf" else "",
                y_name="probability",
            ),
            "epsilon_curves",
            "Probabilities against epsilon",
            f"{subject.about} Attack at each epsilon: {in_words(sweep.plan, without=('eps',))}.",
            label="Curves ({})",
        ),
    )
