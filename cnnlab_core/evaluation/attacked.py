"""A network under several attacks, each at several epsilons, on all the pictures of a loader."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from operator import length_hint
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cnnlab_core.attacks.inputs import check_positive, problem
from cnnlab_core.attacks.methods import Plan, plan_over_epsilon
from cnnlab_core.attacks.objective import Classifier, logits_of
from cnnlab_core.attacks.over_epsilon import OverEpsilon
from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import DeviceError, InputError
from cnnlab_core.evaluation.accuracy import Share
from cnnlab_core.evaluation.pictures import most_at_once
from cnnlab_core.evaluation.robustness import FOOLED, FOOLED_IN_FLOATS, STANDS
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress, part, plainly
from cnnlab_core.runtime.short_repr import short_repr

COLUMNS = ("attack", "settings", "norm", "eps", "pictures", "accuracy", "low", "high", "accuracy_in_8_bits")


@short_repr
@dataclass(frozen=True, eq=False)
class Evaluated:
    """What became of N pictures: which were named ``right`` (N,) before, and what each attack ``found`` (attacks, E, N)
    at each of E epsilons: ``STANDS``, ``FOOLED_IN_FLOATS`` alone, or ``FOOLED`` in 8 bits too, as are those that were
    named wrong anyway."""

    plans: tuple[Plan, ...]
    eps: tuple[float, ...]
    right: np.ndarray
    found: np.ndarray

    @property
    def clean(self) -> Share:
        """Named right before any attack."""
        return Share(int(self.right.sum()), len(self.right))

    def after(self, attack: int | None, index: int, *, in_8_bits: bool = False) -> Share:
        """Still named right after one of the attacks, or whichever of them (None), at one of the epsilons: as floats,
        or ``in_8_bits``, as pictures are saved."""
        tried = self.found[:, index] if attack is None else self.found[attack : attack + 1, index]
        return Share(int((tried < (FOOLED if in_8_bits else FOOLED_IN_FLOATS)).all(0).sum()), len(self.right))

    def rows(self) -> list[tuple[object, ...]]:
        """A row of ``COLUMNS`` without any attack, for each attack and epsilon, and, of several, for all attacks
        together: a picture stands if none of them fools the network. ``low`` and ``high`` are the 95 % interval."""
        told: list[tuple[int | None, str, str, str]] = [
            (number, plan.title, plan.text, plan.ball_norm) for number, plan in enumerate(self.plans)
        ]
        if len(told) > 1:
            told.append((None, "all of them", "", ""))
        rows = [("none", "", "", 0.0, *_told(self.clean), self.clean.value)]
        for number, title, settings, norm in told:
            for index, eps in enumerate(self.eps):
                rounded = self.after(number, index, in_8_bits=True).value
                rows.append((title, settings, norm, eps, *_told(self.after(number, index)), rounded))
        return rows

    def table(self) -> str:
        """The rows as CSV."""
        return csv_table(COLUMNS, self.rows())

    def _repr_html_(self) -> str:
        cells = [COLUMNS, *([f"{v:.4f}" if isinstance(v, float) else v for v in row] for row in self.rows())]
        lines = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in cells)
        return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


@by_annotation
def evaluate_steps(
    model: Classifier,
    loader: Any,
    attacks: Sequence[str | Plan] = ("fgsm", "pgd"),
    *,
    eps: Sequence[float] = (2 / 255, 4 / 255, 8 / 255),
    norm: str = "linf",
) -> Generator[Progress[Evaluated], None, Evaluated]:
    """Attack all pictures of a loader, those that are named right before, with each attack at each epsilon.

    However large its batches are, so few pictures go through the network together that a CPU's caches and the answers
    that are kept have room; where a GPU's memory doesn't do, half as many, again and again.

    Args:
        model: pixels to logits.
        loader: a ``DataLoader``, a list or anything else that gives pairs: pictures (N, C, H, W), floats in [0, 1] or
            bytes, and their classes (N,). They go to the model's device.
        attacks: by name, with 10 steps in proportion to epsilon, or as plans. Each needs an epsilon.
        eps: radii in pixel units, in the ``norm`` or the plan's own.
        norm: of the attacks by name.

    Raises:
        InputError: for pictures, classes and attacks that don't fit, and for a loader without pictures.
    """
    plans = tuple(
        plan_over_epsilon(attack, {} if isinstance(attack, Plan) or norm == "linf" else {"norm": norm})
        for attack in attacks
    )
    for radius in eps:
        check_positive(radius, "radius eps")
    if not plans or not eps:
        raise InputError("Choose at least one attack and one epsilon.")
    if not isinstance(loader, Iterable):
        raise InputError("A loader gives batches of pictures with their classes: a DataLoader, or a list of pairs.")
    device, batches = _device_of(model), length_hint(loader, 0)
    right: list[np.ndarray] = []
    found: list[np.ndarray] = []

    def known() -> Evaluated | None:
        return Evaluated(plans, tuple(eps), np.concatenate(right), np.concatenate(found, 2)) if right else None

    for number, (x, y) in enumerate(map(_pair, loader)):
        x, y = x.to(device=device), y.to(device=device)
        x = x.float() / 255 if x.dtype == torch.uint8 else x
        classes = problem(model, x[:1], y[:1]).clean.logits.shape[1]
        start, at_once = 0, most_at_once(x, classes)
        while start < len(x):
            few, latest = slice(start, start + at_once), known()
            job, size = _attacked(model, x[few], y[few], plans, eps), len(x[few]) / len(x)
            try:
                named, state = yield from part(job, number + start / len(x), size, batches, latest)
            except torch.OutOfMemoryError as error:
                if at_once == 1:
                    raise DeviceError("The memory isn't enough for a single picture. Use a smaller network.") from error
                at_once = (at_once + 1) // 2
                continue
            right.append(named.cpu().numpy())
            found.append(state.cpu().numpy())
            start += at_once
    if (whole := known()) is None:
        raise InputError("The loader gives no pictures.")
    return whole


evaluate = plainly(evaluate_steps)


def _attacked(
    model: Classifier, x: Tensor, y: Tensor, plans: Sequence[Plan], eps: Sequence[float]
) -> Generator[Progress[None], None, tuple[Tensor, Tensor]]:
    """Which pictures are named right, (N,), and what the attacks find, (attacks, E, N)."""
    x, goal, clean, _ = problem(model, x, y)
    right = clean.predicted == goal.y
    found = torch.full((len(plans), len(eps), len(x)), FOOLED, dtype=torch.int8, device=x.device)
    rows = right.nonzero()[:, 0]
    for number, plan in enumerate(plans if len(rows) else ()):
        aim = replace(goal.rows(rows), loss=plan.loss)
        attack = OverEpsilon.of(model, x[rows], aim, plan)
        for index, radius in enumerate(eps):
            radii = torch.full((len(rows),), radius, dtype=x.dtype, device=x.device)
            x_adv = yield from part(attack.at(radii), number * len(eps) + index, 1, len(plans) * len(eps))
            views = x_adv, attack.in_eight_bits(x_adv, radii)
            exact, rounded = (aim.reached(logits_of(model, view)) for view in views)
            state = torch.where(rounded, FOOLED, torch.where(exact, FOOLED_IN_FLOATS, STANDS))
            found[number, index, rows] = state.to(found)
    return right, found


def _told(share: Share) -> tuple[float, ...]:
    return share.of, share.value, *share.interval


def _pair(batch: Any) -> tuple[Tensor, Tensor]:
    try:
        x, y = batch[0], torch.as_tensor(batch[1])
    except (TypeError, ValueError, RuntimeError, LookupError):
        x, y = None, None
    if not isinstance(x, Tensor) or y is None or x.ndim != 4 or y.shape != (len(x),):
        raise InputError("A loader gives pairs: a tensor of pictures (N, C, H, W), and their classes (N,).")
    return x, y


def _device_of(model: Any) -> torch.device | None:
    if isinstance(model, nn.Module):
        return next((tensor.device for tensor in (*model.parameters(), *model.buffers())), None)
    return getattr(model, "device", None)
