"""Several pictures, each attacked towards several targets, a row for each pair."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.objective import logits_of
from cnnlab_core.attacks.result import AttackResult, View
from cnnlab_core.attacks.studies.robustness import UNTOUCHED, Trial, UnderTransform, outcome, under_transforms_steps
from cnnlab_core.attacks.targets import choose_target
from cnnlab_core.attacks.transforms import TRANSFORMS
from cnnlab_core.errors import InputError
from cnnlab_core.images.levels import LEVELS
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress, finish, part, plainly

MOST_ROWS = 24
"""More are refused: somebody else wants to compute too, and nobody reads them."""

SHEET: tuple[Trial, ...] = tuple((name, TRANSFORMS[name].default) for name in ("mirror", "crop", "rotate", "grayscale"))
"""The transforms that a homework asks for: mirrored, cropped to 80 %, turned by 30°, grey."""

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


def report_rows_steps(
    model: LoadedModel,
    pictures: Sequence[tuple[str, Image.Image]],
    aims: Sequence[Aim],
    plan: Plan,
    known: Sequence[Row] = (),
    *,
    paired: bool = False,
) -> Generator[Progress[tuple[Row, ...]], None, tuple[Row, ...]]:
    """Attack each of the (title, picture) pairs towards each of the ``aims``, picture by picture.

    ``paired``: the first picture only towards the first aim, the second towards the second, and so on.
    ``known`` are the first rows, from a report that was stopped: it goes on behind them. A target that the network
    names anyway makes a row with a problem; the others go on. Raises ``InputError`` for no rows or too many, for pairs
    that don't come out even, and what the attacks raise.
    """
    if paired and len(pictures) != len(aims):
        raise InputError(
            f"These are {len(pictures)} pictures and {len(aims)} targets. Give each picture its own target."
        )
    pairs = [
        (title, picture, aim)
        for number, (title, picture) in enumerate(pictures)
        for aim in (aims[number : number + 1] if paired else aims)
    ]
    if not 1 <= len(pairs) <= MOST_ROWS:
        raise InputError(
            f"A report has 1 to {MOST_ROWS} rows, but {len(pictures)} pictures and {len(aims)} targets make "
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


report_rows = plainly(report_rows_steps)


def _resolve(model: LoadedModel, x: torch.Tensor, aim: Aim, seed: int) -> tuple[int | None, int]:
    """The class that an aim comes to for the picture ``x``, and the class that the network names."""
    logits = logits_of(model, x)[0].double().cpu().numpy()
    return (choose_target(logits, aim, seed) if isinstance(aim, str) else aim), int(logits.argmax())


def rows_under_transforms_steps(
    model: LoadedModel, rows: Sequence[Row], trials: Sequence[Trial] = SHEET
) -> Generator[Progress[None], None, tuple[tuple[UnderTransform, ...], ...]]:
    """Clean and adversarial picture of each row that was ``found`` in each of the ``trials``, as ``under_transforms``.

    The first trial of each row is the untouched pair. Raises what ``under_transforms`` raises.
    """
    kept = [row.found for row in rows if row.found]
    found = []
    for number, one in enumerate(kept, 1):
        pair = one.before.pixels, one.after.pixels
        found.append(finish(under_transforms_steps(model, pair, [(UNTOUCHED, 0.0), *trials])))
        yield Progress(number, len(kept))
    return tuple(found)


rows_under_transforms = plainly(rows_under_transforms_steps)


def transforms_table(rows: Sequence[Row], under: Sequence[Sequence[UnderTransform]], labels: Sequence[str]) -> str:
    """What ``rows_under_transforms`` found as CSV: class and probability before and after, and what became of it."""
    header = (
        "picture", "target", "transform", "clean", "p_clean", "clean_transformed", "p_clean_transformed",
        "adversarial", "p_adversarial", "adversarial_transformed", "p_adversarial_transformed", "outcome",
    )  # fmt: skip
    lines = []
    for row, (untouched, *trials) in zip([row for row in rows if row.found], under, strict=True):
        assert row.found
        for trial in trials:
            pairs = zip(untouched.views, trial.views, strict=True)
            said = [
                cell
                for pair in pairs
                for view in pair
                for cell in (labels[view.best], f"{view.probability(view.best):.6g}")
            ]
            became = outcome(trial.views[0], trial.views[1], row.found.y, row.found.target)
            aimed = "any other class" if row.found.target is None else labels[row.found.target]
            lines.append((row.picture, aimed, trial.title, *said, became))
    return csv_table(header, lines)


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
