"""The job behind the attack report: several pictures, each towards several targets, a row for each pair."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image

from cnnlab_core.attacks.plan import Plan
from cnnlab_core.attacks.studies.attack import Fooled, Look, fool
from cnnlab_core.attacks.targets import choose_target
from cnnlab_core.errors import InputError
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import relay

MOST_ROWS = 24
"""More are refused: somebody else wants to compute too, and nobody reads them."""

Aim = int | str | None
"""A class, a rule of ``attacks.targets``, or None for any other class."""


@dataclass(frozen=True)
class GridRow:
    """A ``picture`` (its title) attacked towards ``aim``; without the ``fooled``, ``problem`` says why."""

    picture: str
    aim: Aim
    fooled: Fooled | None = None
    problem: str = ""


@dataclass(frozen=True)
class GridStep:
    """Progress: the share ``done``, and the rows that are finished."""

    done: float
    rows: tuple[GridRow, ...]


def attack_grid(
    model: LoadedModel,
    pictures: Sequence[tuple[str, Image.Image]],
    aims: Sequence[Aim],
    plan: Plan,
    known: Sequence[GridRow] = (),
) -> Generator[GridStep, None, tuple[GridRow, ...]]:
    """Attack each of the (title, picture) pairs towards each of the ``aims``, picture by picture.

    ``known`` are the first rows, from a grid that was stopped: it goes on behind them. A target that the picture is
    named anyway makes a row with a problem; the others go on. Raises ``InputError`` for no rows or too many, and what
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
            row = GridRow(title, aim, problem=f"It is named “{model.categories[y]}” without an attack.")
        else:

            def told(look: Look, number: int = number, rows: tuple[GridRow, ...] = rows) -> GridStep:
                return GridStep((number + look.index / look.total) / len(pairs), rows)

            fooled = yield from relay(fool(model, x, plan, target), told)
            row = GridRow(title, aim, replace(fooled, looks=()))  # the way there isn't shown
        rows = (*rows, row)
        yield GridStep((number + 1) / len(pairs), rows)
    return rows


def _resolve(model: LoadedModel, x: torch.Tensor, aim: Aim, seed: int) -> tuple[int | None, int]:
    """The class that an aim comes to for the picture ``x``, and the class that the network names."""
    with torch.no_grad():
        logits = model(x)[0].double().cpu().numpy()
    return (choose_target(logits, aim, seed) if isinstance(aim, str) else aim), int(logits.argmax())


def grid_table(rows: Sequence[GridRow], labels: Sequence[str]) -> str:
    """The rows as CSV: classes and probabilities before and after, and the distances measured in 8 bits."""
    header = (
        "picture", "class_before", "label_before", "p_before", "target", "target_label", "class_after", "label_after",
        "p_after", "p_target_after", "fooled", "linf_255", "l2", "l1", "pixels_changed", "ssim", "problem",
    )  # fmt: skip
    return csv_table(header, [_cells(row, labels) for row in rows])


def _cells(row: GridRow, labels: Sequence[str]) -> tuple[object, ...]:
    found = row.fooled
    if found is None:
        return (row.picture, *[""] * 15, row.problem)
    before, after, distances = found.clean, found.adversarial, found.distances
    aimed = found.target is not None
    return (
        row.picture, found.y, labels[found.y], f"{before.probability(found.y):.6g}",
        found.target if aimed else "", labels[found.target] if found.target is not None else "any other class",
        after.best, labels[after.best], f"{after.probability(after.best):.6g}",
        f"{after.probability(found.target):.6g}" if found.target is not None else "", found.success,
        f"{distances.linf * 255:.4g}", f"{distances.l2:.6g}", f"{distances.l1:.6g}", distances.l0,
        f"{distances.ssim:.6g}", "",
    )  # fmt: skip
