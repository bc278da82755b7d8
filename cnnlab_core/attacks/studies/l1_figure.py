"""The small changes in l1 as one figure: several pictures, each with target classes of its own."""

from collections.abc import Generator, Sequence

from PIL import Image

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.studies.report import Aim, Found, Row, report_rows_steps
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import Progress, part, plainly


def l1_rows_steps(
    model: LoadedModel, asked: Sequence[tuple[str, Image.Image, Sequence[Aim]]], plan: Plan, known: Sequence[Row] = ()
) -> Generator[Progress[tuple[Row, ...]], None, tuple[Row, ...]]:
    """Attack each (title, picture, aims) of ``asked`` towards each of its own aims.

    ``known`` are the first rows, from a study that was stopped. The progress tells the rows so far. Raises what
    ``report_rows`` raises.
    """
    rows: tuple[Row, ...] = ()
    for number, (title, picture, aims) in enumerate(asked):

        def so_far(step: Progress[tuple[Row, ...]], before: tuple[Row, ...] = rows) -> tuple[Row, ...]:
            return before + (step.latest or ())

        job = report_rows_steps(model, [(title, picture)], aims, plan, known[len(rows) : len(rows) + len(aims)])
        rows += yield from part(job, number, 1, len(asked), so_far)
    return rows


l1_rows = plainly(l1_rows_steps)


def l1_titles(title: str, found: Found, labels: Sequence[str]) -> tuple[str, str, str]:
    """The words of a row: before, after, and under the noise: l1, l2 and how many pixels changed, all in 8 bits."""
    before, after = (f"{labels[view.best]}, {view.probability(view.best):.1%}" for view in (found.before, found.after))
    goal = "any other class" if found.target is None else labels[found.target]
    distances = found.distances
    return (
        f"{title}\n{before}",
        f"{after}\ntarget: {goal}{'' if found.success else ', not reached'}",
        f"L1 {distances['l1']:.0f}, L2 {distances['l2']:.2f}, {distances['l0']:.0f} pixels",
    )
