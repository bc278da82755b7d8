"""Several pictures, each attacked towards several targets, a row for each pair."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.objective import logits_of
from cnnlab_core.attacks.result import AttackResult, View
from cnnlab_core.attacks.targets import choose_target
from cnnlab_core.errors import InputError
from cnnlab_core.images.levels import LEVELS
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress, part

MOST_ROWS = 24
"""More are refused: somebody else wants to compute too, and nobody reads them."""

Aim = int | str | None
"""A class, a rule of ``attacks.targets``, or None for any other class."""


@dataclass(frozen=True)
class Row:
    """A ``picture`` (its title) attacked towards ``aim``; without a ``found``, ``problem`` says why."""

    picture: str
    aim: Aim
    found: "Found | None" = None
    problem: str = ""


@dataclass(frozen=True)
class Found:
    """What a row shows of its attack: of the clean and of the 8-bit picture. A whole result is seven times as large.

    ``y`` and ``target`` are classes (None: any other one), ``distances`` those of ``Measured.distances``.
    """

    y: int
    target: int | None
    before: View
    after: View
    distances: dict[str, float]
    success: bool

    @staticmethod
    def of(result: AttackResult) -> "Found":
        """The part of an attack on one picture that a row keeps."""
        rounded = result.rounded
        views = result.clean.view(), rounded.view()
        return Found(*result.goal.single, *views, rounded.distances(), bool(rounded.success))


def report_rows(
    model: LoadedModel,
    pictures: Sequence[tuple[str, Image.Image]],
    aims: Sequence[Aim],
    plan: Plan,
    known: Sequence[Row] = (),
) -> Generator[Progress[tuple[Row, ...]], None, tuple[Row, ...]]:
    """Attack each of the (title, picture) pairs towards each of the ``aims``, picture by picture.

    ``known`` are the first rows, from a report that was stopped: it goes on behind them. A target that the network
    names anyway makes a row with a problem; the others go on. Raises ``InputError`` for no rows or too many, and what
    the attacks raise.
    """
    pairs = [(title, picture, aim) for title, picture in pictures for aim in aims]
    if not 1 <= len(pairs) <= MOST_ROWS:
        raise InputError(
            f"A report has 1 to {MOST_ROWS} rows, but {len(pictures)} pictures times {len(aims)} targets make "
            f"{len(pairs)}. Choose other pictures or targets."
        )
    rows = tuple(known)
    for number, (title, picture, aim) in enumerate(pairs[len(rows) :], len(rows)):
        x = model.prepare(picture)
        target, y = _resolve(model, x, aim, plan.seed)
        if target == y:
            row = Row(title, aim, problem=f"The network says “{model.categories[y]}” without an attack.")
        else:
            job = plan.start(model, x, y, target=target)
            row = Row(title, aim, Found.of((yield from part(job, number, 1, len(pairs), rows))))
        rows = (*rows, row)
        yield Progress(number + 1, len(pairs), rows)
    return rows


def _resolve(model: LoadedModel, x: torch.Tensor, aim: Aim, seed: int) -> tuple[int | None, int]:
    """The class that an aim comes to for the picture ``x``, and the class that the network names."""
    logits = logits_of(model, x)[0].double().cpu().numpy()
    return (choose_target(logits, aim, seed) if isinstance(aim, str) else aim), int(logits.argmax())


def report_table(rows: Sequence[Row], labels: Sequence[str]) -> str:
    """The rows as CSV: classes and probabilities before and after, and the distances measured in 8 bits."""
    header = (
        "picture", "class_before", "label_before", "p_before", "target", "target_label", "class_after", "label_after",
        "p_after", "p_target_after", "fooled", "linf_255", "l2", "l1", "pixels_changed", "ssim", "problem",
    )  # fmt: skip
    return csv_table(header, [_cells(row, labels) for row in rows])


def _cells(row: Row, labels: Sequence[str]) -> tuple[object, ...]:
    found = row.found
    if found is None:
        return (row.picture, *[""] * 15, row.problem)
    before, after, distances, y, target = found.before, found.after, found.distances, found.y, found.target
    aimed = (
        ("", "any other class", "") if target is None else (target, labels[target], f"{after.probability(target):.6g}")
    )
    return (
        row.picture, y, labels[y], f"{before.probability(y):.6g}", *aimed[:2],
        after.best, labels[after.best], f"{after.probability(after.best):.6g}", aimed[2],
        found.success, f"{distances['linf'] * LEVELS:.4g}", f"{distances['l2']:.6g}",
        f"{distances['l1']:.6g}", distances["l0"], f"{distances['ssim']:.6g}", "",
    )  # fmt: skip
