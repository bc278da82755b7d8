"""Attacks at several epsilons, on one picture or on several, and the smallest epsilon that each needs.

Everything refers to 8-bit pictures, but for the smallest epsilon found by bisection, where both are told apart.
"""

import re
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
import torch

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.minimal_epsilon import MinimalEpsilon, minimal_epsilon_steps
from cnnlab_core.attacks.sweep import Curve, first_epsilon, sweep_steps
from cnnlab_core.images import open_apart_steps
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.synsets import synsets
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress, Result, meanwhile, part, plainly

ITERATIONS = 12
"""Of the bisection for the smallest epsilon: a 16th of what the doublings leave."""

Curves = tuple[Curve, ...]
"""One picture's curves, one for each attack."""


def compare_attacks_steps(
    model: LoadedModel,
    x: torch.Tensor,
    plans: Sequence[Plan],
    *,
    eps: Sequence[float],
    y: int | None = None,
    target: int | None = None,
) -> Generator[Progress[Curves], None, Curves]:
    """Several attacks on one picture ``x`` (1, 3, H, W) at each epsilon; the last curve of the progress may be short.

    Raises what ``sweep`` raises.
    """
    total = sum(map(_cost, plans))
    curves: Curves = ()
    for index, plan in enumerate(plans):

        def known(step: Progress[Curves], before: Curves = curves) -> Curves:
            return before + (step.latest or ())

        job = sweep_steps(model, x, y, eps=eps, method=plan, target=target)
        done = sum(map(_cost, plans[:index]))
        curves += ((yield from part(job, done, _cost(plan), total, known)).curve(),)
    return curves


compare_attacks = plainly(compare_attacks_steps)


def smallest_epsilons_steps(
    model: LoadedModel,
    x: torch.Tensor,
    plans: Sequence[Plan],
    *,
    highest: float,
    y: int | None = None,
    target: int | None = None,
) -> Generator[Progress[None], None, tuple[MinimalEpsilon, ...]]:
    """The smallest epsilon up to ``highest`` of each attack for one picture, by bisection.

    Raises what ``minimal_epsilon`` raises.
    """
    total = sum(map(_cost, plans))
    found: tuple[MinimalEpsilon, ...] = ()
    for index, plan in enumerate(plans):
        job = minimal_epsilon_steps(model, x, y, method=plan, target=target, highest=highest, iterations=ITERATIONS)
        found += ((yield from part(job, sum(map(_cost, plans[:index])), _cost(plan), total, None)),)
    return found


def for_pictures_steps(
    model: LoadedModel,
    pictures: Sequence[tuple[bytes, int | None]],
    study: Callable[[torch.Tensor, int | None], Generator[Progress[Any], None, Result]],
) -> Generator[Progress[tuple[Result, ...]], None, tuple[Result, ...]]:
    """A study of each picture, (file's bytes, true class or None: what the network says), one after the other.

    ``study(x, y)`` is ``compare_attacks`` or ``smallest_epsilons`` with its other arguments. The progress tells the
    results so far, the last of which may be unfinished.
    """
    finished: tuple[Result, ...] = ()
    for index, (picture, y) in enumerate(pictures):

        def known(step: Progress[Any], before: tuple[Result, ...] = finished) -> tuple[Result, ...]:
            return before if step.latest is None else (*before, step.latest)

        waiting = Progress(index, len(pictures), finished or None)
        opened = yield from meanwhile(open_apart_steps(picture), waiting)
        job = study(model.prepare(opened), y)
        finished += ((yield from part(job, index, 1, len(pictures), known)),)
    return finished


for_pictures = plainly(for_pictures_steps)


def accuracy(curves: Sequence[Curve]) -> np.ndarray:
    """The share of pictures still classified correctly at each epsilon, (E,), of curves over the same epsilons."""
    return np.mean([curve.best == curve.y for curve in curves], axis=0)


def half_fooled(curves: Sequence[Curve]) -> float | None:
    """The smallest of the epsilons at which at least half of the pictures fool the network."""
    return first_epsilon(curves[0].eps, np.mean([curve.success for curve in curves], axis=0) >= 0.5)


def class_in_name(file: str, labels: Sequence[str]) -> int | None:
    """The class that a file's name tells, as ImageNet's do (n02123045_tabby.JPEG); None if it tells none or two.

    Of ImageNet's thousand classes the synset decides, wherever it stands in the name: there are two cranes.
    """
    known, told = synsets(), re.findall(r"(?<![a-z0-9])n\d{8}(?!\d)", file.lower())
    if told and len(labels) == len(known):
        return known.get(told[0]) if len(set(told)) == 1 else None
    words = file.rsplit(".", 1)[0].split("_", 1)[-1].replace("_", " ").strip().lower()
    found = [index for index, label in enumerate(labels) if label.lower() == words]
    return found[0] if len(found) == 1 else None


def sweep_table(curves: Sequence[Curve], labels: Sequence[str], titles: Sequence[str]) -> str:
    """Curves as CSV, a row for each epsilon; ``titles`` names the picture of each."""
    rows = []
    for curve, title in zip(curves, titles, strict=True):
        p_best, p_y = curve.probability(curve.best), curve.probability(curve.y)
        p_target = None if curve.target is None else curve.probability(curve.target)
        for row, eps in enumerate(curve.eps):
            numbers = eps, p_best[row], p_y[row], *([] if p_target is None else [p_target[row]])
            shown = [f"{number:.9g}" for number in numbers] + [""] * (p_target is None)
            rows.append((title, curve.title, shown[0], labels[curve.best[row]], *shown[1:], curve.success[row]))
    header = ("picture", "attack", "epsilon", "class", "probability", "p_class_before", "p_target", "fooled")
    return csv_table(header, rows)


def _cost(plan: Plan) -> int:
    """How dear an attack is beside others: forward passes at each epsilon."""
    return 1 if plan.entry.straight else plan.total
