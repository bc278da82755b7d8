"""Several pictures, each attacked towards several targets, a row for each pair."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.objective import logits_of
from cnnlab_core.attacks.result import AttackResult
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
    """A ``picture`` (its title) attacked towards ``aim``; without a ``result``, ``problem`` says why."""

    picture: str
    aim: Aim
    result: AttackResult | None = None
    problem: str = ""


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
            row = Row(title, aim, (yield from part(job, number, 1, len(pairs), rows)))
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
    if row.result is None:
        return (row.picture, *[""] * 15, row.problem)
    before, after, distances = row.result.clean.view(), row.result.rounded.view(), row.result.rounded.distances()
    y, target = row.result.goal.single
    aimed = (
        ("", "any other class", "") if target is None else (target, labels[target], f"{after.probability(target):.6g}")
    )
    return (
        row.picture, y, labels[y], f"{before.probability(y):.6g}", *aimed[:2],
        after.best, labels[after.best], f"{after.probability(after.best):.6g}", aimed[2],
        bool(row.result.success), f"{distances['linf'] * LEVELS:.4g}", f"{distances['l2']:.6g}",
        f"{distances['l1']:.6g}", distances["l0"], f"{distances['ssim']:.6g}", "",
    )  # fmt: skip
