"""FGSM and PGD against epsilon: the probability of the goal for one picture, or the accuracy over several."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.reach import METHODS
from cnnlab_core.attacks.studies.sweep import (
    NAMES,
    Curve,
    PicturesStep,
    Smallest,
    accuracy,
    half_fooled,
    levels,
    smallest_for_pictures,
    sweep_pictures,
    sweep_table,
)
from cnnlab_core.plots.epsilon_curves import Line, epsilon_curves
from cnnlab_core.plots.texts import as_text
from cnnlab_core.recipes.adversarial import sweep as recipe
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.epsilon_range import choose_epsilons
from cnnlab_core.ui.adversarial.labelled_pictures import LabelledPicture, choose_pictures
from cnnlab_core.ui.adversarial.norms import UNIT
from cnnlab_core.ui.adversarial.pictures import FIGURE
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.subject import Subject, run_on_model
from cnnlab_core.ui.take_away import File, take_away

OF = ("This picture", "Accuracy over several")
COUNTS = (8, 16, 32)
STEPS = 5

Pair = tuple[Curve, ...]
"""The curves of FGSM and PGD for one picture."""


@dataclass(frozen=True)
class _Sweep:
    """What is swept: pictures with their classes, the target, the epsilons, and PGD's steps."""

    pictures: tuple[LabelledPicture, ...]
    target: int | None
    norm: str
    eps: tuple[float, ...]
    steps: int

    @property
    def several(self) -> bool:
        """Whether it is about accuracy: then the pictures come with their true classes."""
        return self.pictures[0].y is not None

    @property
    def key(self) -> tuple[object, ...]:
        """What makes results the same, but for the epsilons."""
        return tuple((one.key, one.y) for one in self.pictures), self.target, self.norm, self.steps

    @property
    def files(self) -> list[tuple[bytes, int | None]]:
        """The pictures as the studies take them."""
        return [(one.content, one.y) for one in self.pictures]


def show(choice: Choice) -> None:
    """The curves of FGSM and PGD, and the smallest epsilon of each picture."""
    subject, norm = choice.subject, choice.plan.norm
    first, second, third = st.columns([1.2, 1.2, 1.2], gap="medium", vertical_alignment="bottom")
    of = CONTROLS.one_of("of", "Of", OF, OF[0], place=first)
    with second:
        eps = choose_epsilons("sweep", norm, COUNTS)
    steps = CONTROLS.slider("sweep_steps", "PGD's steps", 2, 40, STEPS, 1, place=third)
    several = of == OF[1]
    pictures = choose_pictures(subject) if several else (LabelledPicture.of(subject),)
    if not pictures:
        return
    sweep = _Sweep(pictures, None if several else choice.target, norm, eps, steps)
    cheap = not several and steps == STEPS and len(eps) == COUNTS[0] + 1
    pairs = _curves(subject, sweep, follows=cheap and choice.is_first_look)
    if pairs is None:
        return
    st.markdown(_words(subject.labels, sweep, pairs))
    smallest = _search(subject, sweep)
    rows = [_row(subject.labels, sweep, index, pair, smallest) for index, pair in enumerate(pairs)]
    st.dataframe(rows, hide_index=True)
    st.caption(
        "“Sweep” is the smallest of the epsilons above whose 8-bit picture fools the network. “Bisection” narrows down "
        "the smallest epsilon of the float picture; rounding that picture to 8 bits may undo the attack, since changes "
        "below half a level are rounded away."
    )
    _away(subject, sweep, pairs)


def _curves(subject: Subject, sweep: _Sweep, *, follows: bool) -> tuple[Pair, ...] | None:
    """The curves of every picture, drawn while they grow; None with the reason on the page."""
    above, place = st.container(), st.empty()
    key, painted = CONTROLS.key("curves"), 0

    def paint(steps: Sequence[PicturesStep]) -> None:
        nonlocal painted
        painted += 1
        known = [*steps[-1].finished] if sweep.several else [steps[-1].current]
        if known and known[0]:
            _draw(place, subject.labels, sweep, known, key=f"{key} {painted}")

    many = f", for {len(sweep.pictures)} pictures" if len(sweep.pictures) > 1 else ""
    with above:
        outcome = run_on_model(
            "sweep",
            subject.network,
            (sweep.key, sweep.eps),
            lambda model: sweep_pictures(
                model, sweep.files, eps=sweep.eps, norm=sweep.norm, steps=sweep.steps, target=sweep.target
            ),
            label="FGSM and PGD at each epsilon",
            share=lambda step: step.done,
            start="" if follows else f"Run FGSM and PGD at {len(sweep.eps)} epsilons{many}",
            paint=paint,
            for_everybody=follows,
        )
    if outcome.result is None or outcome.state == "stale":  # earlier curves have another question
        return None
    _draw(place, subject.labels, sweep, outcome.result, key=key)
    return outcome.result


def _draw(place: DeltaGenerator, labels: Sequence[str], sweep: _Sweep, pairs: Sequence[Pair], *, key: str) -> None:
    lines = []
    for curves in zip(*pairs, strict=True):
        mark = half_fooled(curves)
        shares = accuracy(curves) if sweep.several else curves[0].probability(_asked(curves[0]))
        lines.append(Line(NAMES[curves[0].method], shares, None if mark is None else _shown(mark, sweep.norm)))
    if sweep.several:
        title = f"Accuracy over {len(sweep.pictures)} pictures that were classified correctly"
    else:
        title = f"P({as_text(labels[_asked(pairs[0][0])])})"
    figure = epsilon_curves(
        lines,
        [_shown(eps, sweep.norm) for eps in sweep.eps],
        title=title,
        unit="/255" if sweep.norm == "linf" else "",
    )
    place.plotly_chart(figure, key=key, config=FIGURE, alt=f"{title} against epsilon, FGSM and PGD")


def _asked(curve: Curve) -> int:
    """The class whose probability the curve of one picture shows."""
    return curve.y if curve.target is None else curve.target


def _shown(eps: float, norm: str) -> float:
    return round(UNIT[norm] * eps, 6)


def _words(labels: Sequence[str], sweep: _Sweep, pairs: Sequence[Pair]) -> str:
    """The smallest epsilons, and what to look at."""
    top = levels(sweep.eps[-1], sweep.norm)
    parts, rings = [], 0
    for curves in zip(*pairs, strict=True):
        name, mark = NAMES[curves[0].method], half_fooled(curves)
        if sweep.several:
            does, not_so = "fools at least half of them from", "doesn't fool half of them"
        elif sweep.target is None:
            does, not_so = "fools the network at", "doesn't fool the network"
        else:
            goal = f"the network to say {plain(labels[sweep.target])}"
            does, not_so = f"gets {goal} at", f"doesn't get {goal}"
        rings += mark is not None
        parts.append(
            f"{name} {not_so} up to {top}." if mark is None else f"**{name} {does} ε = {levels(mark, sweep.norm)}.**"
        )
    where = ("", "(The ring marks it.) ", "(The rings mark them.) ")[rings]
    return (
        f"{' '.join(parts)} {where}FGSM goes straight on along one gradient and may overshoot; PGD looks again after "
        "each step, so at the same epsilon it usually gets further."
    )


# --- the smallest epsilon of each picture -----------------------------------------------------------------------------


def _search(subject: Subject, sweep: _Sweep) -> tuple[tuple[Smallest, ...], ...] | None:
    """The smallest epsilons by bisection, once they were asked for."""
    highest = sweep.eps[-1]
    outcome = run_on_model(
        "smallest epsilons",
        subject.network,
        (sweep.key, highest),
        lambda model: smallest_for_pictures(
            model, sweep.files, highest=highest, norm=sweep.norm, steps=sweep.steps, target=sweep.target
        ),
        label="Bisection",
        share=lambda done: done,
        start="Search for the smallest epsilon by bisection",
    )
    return outcome.result if outcome.state == "done" else None


def _row(
    labels: Sequence[str],
    sweep: _Sweep,
    index: int,
    pair: Pair,
    smallest: tuple[tuple[Smallest, ...], ...] | None,
) -> dict[str, str]:
    """A picture with its smallest epsilons."""
    row = {"Picture": sweep.pictures[index].title, "Class before": labels[pair[0].y]}
    for number, method in enumerate(METHODS):
        found = pair[number].smallest
        row[f"{NAMES[method]}, sweep"] = (
            f"above {levels(sweep.eps[-1], sweep.norm)}" if found is None else levels(found, sweep.norm)
        )
        if smallest is not None:
            row[f"{NAMES[method]}, bisection"] = _found(smallest[index][number], sweep)
    return row


def _found(entry: Smallest, sweep: _Sweep) -> str:
    if entry.eps is None:
        return f"above {levels(sweep.eps[-1], sweep.norm)}"
    return levels(entry.eps, sweep.norm, digits=2) + ("" if entry.rounded else ", undone by rounding")


def _away(subject: Subject, sweep: _Sweep, pairs: Sequence[Pair]) -> None:
    titles = [one.title for one, pair in zip(sweep.pictures, pairs, strict=True) for _ in pair]
    file = File(
        "All numbers (CSV)",
        lambda: sweep_table([curve for pair in pairs for curve in pair], subject.labels, titles),
        "cnnlab_sweep.csv",
        "text/csv",
    )
    settings = {"eps": sweep.eps, "norm": sweep.norm, "steps": sweep.steps}
    if sweep.several:
        gallery = [(one.sample, one.y) for one in sweep.pictures if one.sample is not None and one.y is not None]
        code = recipe.accuracy_code(*subject.network, gallery or None, **settings)  # type: ignore[arg-type]
    else:
        code = recipe.code(
            *subject.network,
            subject.sample,
            target=sweep.target,
            highest=sweep.eps[-1],
            **settings,  # type: ignore[arg-type]
        )
    take_away(code, file)
