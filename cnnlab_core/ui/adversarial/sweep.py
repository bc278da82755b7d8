"""FGSM and PGD against epsilon: how probable the goal is for one picture, or how many of several stay right."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.plan import Plan
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
from cnnlab_core.models import load_model
from cnnlab_core.plots.lines import epsilon_curves
from cnnlab_core.recipes.adversarial_sweeps import accuracy_code, methods_code
from cnnlab_core.ui.adversarial.choice import Choice
from cnnlab_core.ui.adversarial.epsilons import choose_count, grid
from cnnlab_core.ui.adversarial.pieces import FIGURE
from cnnlab_core.ui.adversarial.several import Subject, choose_several
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away

OF = ("This picture", "Accuracy over several")
COUNTS = (8, 16, 32)
STEPS = 5

Pair = tuple[Curve, ...]
"""The curves of FGSM and PGD for one picture."""


@dataclass(frozen=True)
class _Sweep:
    """What is swept: pictures with their classes, the target, the epsilons, and PGD's steps."""

    subjects: tuple[Subject, ...]
    target: int | None
    norm: str
    eps: tuple[float, ...]
    steps: int

    @property
    def several(self) -> bool:
        """Whether it is about accuracy: then the pictures come with their true classes."""
        return self.subjects[0].y is not None

    def key(self, choice: Choice) -> tuple[object, ...]:
        whose = tuple((subject.key, subject.y) for subject in self.subjects)
        return choice.spec.name, choice.weights, whose, self.target, self.norm, self.steps

    @property
    def pictures(self) -> list[tuple[bytes, int | None]]:
        return [(subject.content, subject.y) for subject in self.subjects]


def show(choice: Choice) -> None:
    """The tab."""
    norm = choice.plan.norm
    first, second, third = st.columns([1.2, 1.2, 1.2], gap="medium", vertical_alignment="bottom")
    with first:
        of = segmented(st, "Of", OF, default=OF[0], key="adversarial_of", bind="query-params", persist_state="page")
    with second:
        count = choose_count(norm, key=f"adversarial_sweep_{norm}", counts=COUNTS)
    with third:
        steps = st.slider(
            "PGD's steps", 2, 40, STEPS, key="adversarial_sweep_steps", bind="query-params", persist_state="page"
        )
    several = of == OF[1]
    subjects = choose_several(choice) if several else (Subject.of(choice),)
    if not subjects:
        return
    sweep = _Sweep(subjects, None if several else choice.target, norm, grid(norm, count), steps)
    first_look = not several and steps == STEPS and count == COUNTS[0] and choice.plan == Plan()
    pairs = _curves(choice, sweep, follows=first_look and choice.picture.is_sample)
    if pairs is None:
        return
    st.markdown(_words(choice, sweep, pairs))
    smallest = _search(choice, sweep)
    st.dataframe([_row(choice, sweep, index, pair, smallest) for index, pair in enumerate(pairs)], hide_index=True)
    st.caption(
        "“Sweep” is the smallest of the epsilons above whose 8-bit picture fools. “Bisection” narrows the smallest "
        "epsilon down for the float picture; rounding that one to 8 bits may undo it, since a change below half a "
        "level is rounded away."
    )
    _away(choice, sweep, pairs)


def _curves(choice: Choice, sweep: _Sweep, *, follows: bool) -> tuple[Pair, ...] | None:
    """The curves of every picture, drawn while they grow; None with the reason on the page."""
    above, place = st.container(), st.empty()
    painted = 0

    def paint(steps: Sequence[PicturesStep]) -> None:
        nonlocal painted
        painted += 1
        known = [*steps[-1].finished] if sweep.several else [steps[-1].current]
        if known and known[0]:
            _draw(place, choice, sweep, known, key=f"adversarial_curves {painted}")

    def job() -> Generator[PicturesStep, None, tuple[Pair, ...]]:
        model = load_model(choice.spec.name, choice.weights)
        return (
            yield from sweep_pictures(
                model, sweep.pictures, eps=sweep.eps, norm=sweep.norm, steps=sweep.steps, target=sweep.target
            )
        )

    many = f", for {len(sweep.subjects)} pictures" if len(sweep.subjects) > 1 else ""
    with above:
        outcome = run(
            "sweep",
            digest("sweep", sweep.key(choice), sweep.eps),
            job,
            label="FGSM and PGD at each epsilon",
            share=lambda step: step.done,
            start="" if follows else f"Run FGSM and PGD at {len(sweep.eps)} epsilons{many}",
            paint=paint,
            for_everybody=follows,
        )
    if outcome.result is None or outcome.state == "stale":  # earlier curves have another question
        return None
    _draw(place, choice, sweep, outcome.result, key="adversarial_curves")
    return outcome.result


def _draw(place: DeltaGenerator, choice: Choice, sweep: _Sweep, pairs: Sequence[Pair], *, key: str) -> None:
    lines = {}
    for curves in zip(*pairs, strict=True):
        mark = half_fooled(curves)
        shares = accuracy(curves) if sweep.several else curves[0].probability(_asked(curves[0]))
        lines[NAMES[curves[0].method]] = shares, None if mark is None else _shown(mark, sweep.norm)
    if sweep.several:
        title = f"Accuracy of {len(sweep.subjects)} pictures that were named right"
    else:
        title = f"P({choice.labels[_asked(pairs[0][0])]})"
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
    return round(255 * eps, 6) if norm == "linf" else eps


def _words(choice: Choice, sweep: _Sweep, pairs: Sequence[Pair]) -> str:
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
            goal = f"the network to say {plain(choice.labels[sweep.target])}"
            does, not_so = f"brings {goal} at", f"doesn't bring {goal}"
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


def _search(choice: Choice, sweep: _Sweep) -> tuple[tuple[Smallest, ...], ...] | None:
    """The smallest epsilons by bisection, once they were asked for."""
    highest = sweep.eps[-1]

    def job() -> Generator[float, None, tuple[tuple[Smallest, ...], ...]]:
        model = load_model(choice.spec.name, choice.weights)
        return (
            yield from smallest_for_pictures(
                model, sweep.pictures, highest=highest, norm=sweep.norm, steps=sweep.steps, target=sweep.target
            )
        )

    outcome = run(
        "smallest epsilons",
        digest("smallest epsilons", sweep.key(choice), highest),
        job,
        label="Bisection",
        share=lambda done: done,
        start="Search for the smallest epsilon by bisection",
    )
    return outcome.result if outcome.state == "done" else None


def _row(
    choice: Choice,
    sweep: _Sweep,
    index: int,
    pair: Pair,
    smallest: tuple[tuple[Smallest, ...], ...] | None,
) -> dict[str, str]:
    """A picture with its smallest epsilons."""
    row = {"Picture": sweep.subjects[index].title, "Class before": choice.labels[pair[0].y]}
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


def _away(choice: Choice, sweep: _Sweep, pairs: Sequence[Pair]) -> None:
    titles = [subject.title for subject, pair in zip(sweep.subjects, pairs, strict=True) for _ in pair]
    file = File(
        "All numbers (CSV)",
        lambda: sweep_table([curve for pair in pairs for curve in pair], choice.labels, titles),
        "cnnlab_sweep.csv",
        "text/csv",
    )
    name, weights = choice.spec.name, choice.weights
    settings = {"eps": sweep.eps, "norm": sweep.norm, "steps": sweep.steps}
    if sweep.several:
        gallery = [(s.sample, s.y) for s in sweep.subjects if s.sample is not None and s.y is not None]
        code = accuracy_code(name, weights, gallery or None, **settings)  # type: ignore[arg-type]
    else:
        code = methods_code(
            name,
            weights,
            choice.sample,
            target=sweep.target,
            highest=sweep.eps[-1],
            **settings,  # type: ignore[arg-type]
        )
    take_away(code, file)
