"""Two attacks against epsilon: the probability of the goal for one picture, or the accuracy over several."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.minimal_epsilon import MinimalEpsilon
from cnnlab_core.attacks.studies.sweep import (
    Curves,
    accuracy,
    compare_attacks_steps,
    for_pictures_steps,
    half_fooled,
    smallest_epsilons_steps,
    sweep_table,
)
from cnnlab_core.attacks.sweep import Curve
from cnnlab_core.images.levels import LEVELS, SHOWN, distance
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.plots.lines import epsilon_curves
from cnnlab_core.recipes.adversarial import sweep as recipe
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.epsilon_range import choose_epsilons, is_usual, straight, turning
from cnnlab_core.ui.adversarial.labelled_pictures import LabelledPicture, choose_pictures
from cnnlab_core.ui.adversarial.pictures import looked_at
from cnnlab_core.ui.adversarial.settings import in_words
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.report_card.link import link_card
from cnnlab_core.ui.runner import Outcome, mark
from cnnlab_core.ui.show import later, main_answer, main_picture, plain
from cnnlab_core.ui.subject import Subject, run_on_model
from cnnlab_core.ui.take_away import File, take_away

OF = ("This picture", "Accuracy over several")
COUNTS = (8, 16, 32)
STEPS = 5
BACK = ("never", "once", "more often")
TURN = 0.01
"""What counts as doing worse, of the probability or the accuracy that is drawn."""


@dataclass(frozen=True)
class _Sweep:
    """What is swept: pictures with their classes, the target, the epsilons, and the attacks."""

    pictures: tuple[LabelledPicture, ...]
    target: int | None
    eps: tuple[float, ...]
    plans: tuple[Plan, ...]

    @property
    def norm(self) -> str:
        """The norm of all attacks."""
        return self.plans[0].norm

    @property
    def title(self) -> str:
        """“FGSM and PGD”."""
        return " and ".join(plan.title for plan in self.plans)

    @property
    def several(self) -> bool:
        """Whether it is about accuracy: then the pictures come with their true classes."""
        return self.pictures[0].y is not None

    @property
    def key(self) -> tuple[object, ...]:
        """What makes results the same, but for the epsilons."""
        return tuple((one.key, one.y) for one in self.pictures), self.target, self.plans

    @property
    def files(self) -> list[tuple[bytes, int | None]]:
        """The pictures as the studies take them."""
        return [(one.content, one.y) for one in self.pictures]


def show(choice: Choice) -> None:
    """The curves of both attacks, and the smallest epsilon of each picture."""
    status = looked_at("Which attack needs the smaller epsilon, and does one of them turn back?")
    with st.container(key="sweep_result"):
        with main_picture():
            place = later()
        with main_answer():
            answer = later()
    sweep = _ask(choice)
    if sweep is None:
        return
    outcome = _run(choice, sweep, status, place)
    mark(outcome, "sweep_result")
    if outcome.result is None:
        return
    pairs, (subject, sweep) = outcome.result, outcome.asked
    _draw(place, subject, sweep, pairs)
    answer.markdown(_words(subject.labels, sweep, pairs))
    smallest = _search(subject, sweep)
    rows = [_row(subject.labels, sweep, index, pair, smallest) for index, pair in enumerate(pairs)]
    st.dataframe(rows, hide_index=True)
    st.caption(
        "“Sweep” is the smallest of the epsilons above whose 8-bit picture fools the network. “Bisection” narrows down "
        "the smallest epsilon of the float picture; rounding that picture to 8 bits may undo the attack, since changes "
        "below half a level are rounded away."
    )
    _ask_of_turns(sweep, tuple(pair[0] for pair in pairs))
    learned("how robust a network is can only be said of an attack and an epsilon: a weak attack flatters it.")
    link_card(subject.spec)
    _away(subject, sweep, pairs)


def _ask(choice: Choice) -> _Sweep | None:
    """Of what, how far, and with how many steps; None, with the reason on the page, without a picture."""
    first, second, third = st.columns([1.2, 1.2, 1.2], gap="medium", vertical_alignment="bottom")
    of = CONTROLS.one_of("of", "Of", OF, OF[0], place=first)
    with second:
        eps = choose_epsilons("sweep", choice.plan.norm, COUNTS)
    several = of == OF[1]
    plan = turning(choice, aimed=not several)
    if plan.entry.takes("steps"):
        steps = CONTROLS.slider("sweep_steps", f"{plan.title}'s steps", 2, 40, STEPS, 1, place=third)
        plan = replace(plan, steps=steps)
    pictures = choose_pictures(choice.subject) if several else (LabelledPicture.of(choice.subject),)
    if not pictures:
        return None
    return _Sweep(pictures, None if several else choice.target, eps, (straight(choice.plan), plan))


def _run(choice: Choice, sweep: _Sweep, status: DeltaGenerator, place: DeltaGenerator) -> Outcome[tuple[Curves, ...]]:
    """The curves of every picture, drawn in their ``place`` while they grow."""
    subject = choice.subject
    cheap = not sweep.several and is_usual(sweep.plans[1], STEPS) and len(sweep.eps) == COUNTS[0] + 1
    follows = cheap and subject.picture.is_sample

    def paint(steps: Sequence[Progress[tuple[Curves, ...]]]) -> None:
        known = steps[-1].latest or ()
        if sweep.several:
            known = tuple(curves for curves in known if _finished(curves, sweep))
        if known and known[0]:
            _draw(place, subject, sweep, known, live=True)

    many = f", for {len(sweep.pictures)} pictures" if len(sweep.pictures) > 1 else ""
    return run_on_model(
        "sweep",
        subject.network,
        (sweep.key, sweep.eps),
        lambda model: for_pictures_steps(
            model,
            sweep.files,
            lambda x, y: compare_attacks_steps(model, x, sweep.plans, eps=sweep.eps, y=y, target=sweep.target),
        ),
        label=f"{sweep.title} at each epsilon",
        start="" if follows else f"Run {sweep.title} at {len(sweep.eps)} epsilons{many}",
        paint=paint,
        for_everybody=follows,
        asked=(subject, sweep),
        at=status,
    )


def _finished(curves: Curves, sweep: _Sweep) -> bool:
    """Whether the curves of a picture are all there, to their ends."""
    return [len(curve.eps) for curve in curves] == [len(sweep.eps)] * len(sweep.plans)


def _draw(
    place: DeltaGenerator, subject: Subject, sweep: _Sweep, pairs: Sequence[Curves], *, live: bool = False
) -> None:
    labels, lines = subject.labels, {}
    for curves in zip(*pairs, strict=True):
        mark = half_fooled(curves)
        lines[curves[0].title] = _shares(sweep, curves), None if mark is None else _shown(mark, sweep.norm)
    if sweep.several:
        title = f"Accuracy over {len(sweep.pictures)} pictures that were classified correctly"
    else:
        title = f"P({labels[_asked(pairs[0][0])]})"
    figure = epsilon_curves(
        lines,
        [_shown(eps, sweep.norm) for eps in sweep.eps],
        title=title,
        y_name="accuracy" if sweep.several else "probability",
        unit=f"/{LEVELS}" if sweep.norm == "linf" else "",
    )
    about = f"{subject.spec.title}, {subject.weights} weights"
    about += "." if sweep.several else f"; picture: {subject.picture.title}."
    show_chart(figure, CONTROLS.key("curves"), f"{title} against epsilon, {sweep.title}", about, place=place, live=live)


def _shares(sweep: _Sweep, curves: Curves) -> np.ndarray:
    """What is drawn of one attack: the accuracy over all pictures, or the probability for the one."""
    return accuracy(curves) if sweep.several else curves[0].probability(_asked(curves[0]))


def _ask_of_turns(sweep: _Sweep, curves: Curves) -> None:
    """A guess at whether the straight attack does worse with a larger epsilon."""
    won = np.diff(_shares(sweep, curves)) * (1 if sweep.target is not None else -1)
    back = int((won < -TURN).sum())
    guess(
        "sweep", f"does {curves[0].title} ever do worse at a larger epsilon than at the one before?", BACK,
        BACK[min(back, 2)], f"By more than {TURN:.0%} at {back} of {len(won)}. Its one direction is the gradient's at "
        "the original, which may be the wrong one further on.",
    )  # fmt: skip


def _asked(curve: Curve) -> int:
    """The class whose probability the curve of one picture shows."""
    return curve.y if curve.target is None else curve.target


def _shown(eps: float, norm: str) -> float:
    return round(SHOWN[norm] * eps, 6)


def _words(labels: Sequence[str], sweep: _Sweep, pairs: Sequence[Curves]) -> str:
    """The smallest epsilons, and what to look at."""
    top = distance(sweep.eps[-1], sweep.norm)
    parts, rings = [], 0
    for curves in zip(*pairs, strict=True):
        name, mark = curves[0].title, half_fooled(curves)
        if sweep.several:
            does, not_so = "fools at least half of them from", "doesn't fool half of them"
        elif sweep.target is None:
            does, not_so = "fools the network at", "doesn't fool the network"
        else:
            goal = f"the network to say {plain(labels[sweep.target])}"
            does, not_so = f"gets {goal} at", f"doesn't get {goal}"
        rings += mark is not None
        parts.append(
            f"{name} {not_so} up to {top}." if mark is None else f"**{name} {does} ε = {distance(mark, sweep.norm)}.**"
        )
    where = ("", "(The ring marks it.) ", "(The rings mark them.) ")[rings]
    first, second = sweep.plans
    return (
        f"{' '.join(parts)} {where}{first.title} goes straight on along one gradient and may overshoot; {second.title} "
        f"looks again after each step, so at the same epsilon it usually gets further.  \n"
        f"{in_words(second, without=('eps',))}."
    )


# --- the smallest epsilon of each picture -----------------------------------------------------------------------------


def _search(subject: Subject, sweep: _Sweep) -> list[list[str]] | None:
    """The smallest epsilon of each picture and attack by bisection, in words, once they were asked for."""

    def study(model: LoadedModel) -> Generator[Progress[Any], None, list[list[str]]]:
        found = yield from for_pictures_steps(
            model,
            sweep.files,
            lambda x, y: smallest_epsilons_steps(
                model, x, sweep.plans, highest=sweep.eps[-1], y=y, target=sweep.target
            ),
        )
        return [[_found(entry, sweep) for entry in entries] for entries in found]

    outcome = run_on_model(
        "smallest epsilons",
        subject.network,
        (sweep.key, sweep.eps[-1]),
        study,
        label="Bisection",
        start="Search for the smallest epsilon by bisection",
    )
    return outcome.result if outcome.state == "done" else None


def _found(entry: MinimalEpsilon, sweep: _Sweep) -> str:
    (smallest,) = entry.smallest
    if entry.stuck[0]:
        return "no gradient to follow"
    above = f"above {distance(sweep.eps[-1], sweep.norm)}"
    if smallest is None:
        return above
    (in_eight_bits,) = entry.smallest_rounded
    after = above if in_eight_bits is None else distance(in_eight_bits, sweep.norm, digits=2)
    return f"{distance(smallest, sweep.norm, digits=2)} ({after} in 8 bits)"


def _row(
    labels: Sequence[str], sweep: _Sweep, index: int, curves: Curves, smallest: list[list[str]] | None
) -> dict[str, str]:
    """A picture with its smallest epsilons."""
    row = {"Picture": sweep.pictures[index].title, "Class before": labels[curves[0].y]}
    for number, curve in enumerate(curves):
        found = f"above {distance(sweep.eps[-1], sweep.norm)}"
        if curve.smallest is not None:
            found = distance(curve.smallest, sweep.norm)
        row[f"{curve.title}, sweep"] = found
        if smallest is not None:
            row[f"{curve.title}, bisection"] = smallest[index][number]
    return row


def _away(subject: Subject, sweep: _Sweep, pairs: Sequence[Curves]) -> None:
    titles = [one.title for one, pair in zip(sweep.pictures, pairs, strict=True) for _ in pair]
    file = File(
        "All numbers (CSV)",
        lambda: sweep_table([curve for pair in pairs for curve in pair], subject.labels, titles),
        "cnnlab_sweep.csv",
        "text/csv",
    )
    if sweep.several:
        gallery = [(one.sample, one.y) for one in sweep.pictures if one.sample is not None and one.y is not None]
        code = recipe.accuracy_code(*subject.network, gallery or None, plans=sweep.plans, eps=sweep.eps)
    else:
        code = recipe.code(
            *subject.network,
            subject.sample,
            plans=sweep.plans,
            eps=sweep.eps,
            target=sweep.target,
            highest=sweep.eps[-1],
        )
    take_away(code, file)
