"""Learning curve: the accuracy against the pictures per class, with pretrained and with random weights."""

from collections.abc import Generator
from typing import Any

import streamlit as st

from cnnlab_core.models import load_model
from cnnlab_core.models.spec import WEIGHTS_KINDS
from cnnlab_core.plots.lines import accuracy_curves
from cnnlab_core.recipes.transfer_learning import learning_curve as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress, part
from cnnlab_core.transfer import CurvePoint, curve_steps, draw, open_collection
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import kept, run
from cnnlab_core.ui.show import main_picture
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.transfer_learning.subject import TransferSubject

Curves = dict[str, tuple[CurvePoint, ...]]


def show(subject: TransferSubject) -> None:
    """A curve for either kind of weights, computed with the same pictures."""
    st.caption(
        "The same linear classifier on the features of the same network: once with its pretrained weights, once with "
        "random ones that have never seen a picture. The gap between the lines is what the network had learned before."
    )
    if subject.weights == "random" and not weights_ready(subject.spec, "pretrained", place="curve"):
        return
    outcome = run(
        "transfer curve",
        digest("transfer curve", subject.spec.name, *subject.task),
        lambda: _curves(subject),
        label="Learning from more and more pictures",
        start="" if subject.is_first_look else f"Draw the curves (up to {subject.each} pictures per class)",
        for_everybody=subject.is_first_look,
        asked=subject,
    )
    if outcome.result:
        with kept(outcome, "transfer_kept"):
            _draw(outcome.asked, *outcome.result)


def _draw(subject: TransferSubject, curves: Curves, classes: int, code: str) -> None:
    lines = {
        f"{kind} weights": ([point.each for point in points], [point.accuracies for point in points])
        for kind, points in curves.items()
    }
    show_chart(
        accuracy_curves(lines, chance=1 / classes),
        "transfer_curves",
        "Accuracy against pictures per class",
        f"{subject.learned} The line is the mean of several draws, the bars reach from the worst to the best.",
        place=main_picture(),
    )
    last = {kind: points[-1] for kind, points in curves.items()}
    st.caption(
        f"Mean per-class accuracy on the same test pictures. With {last['pretrained'].each} per class: "
        f"{last['pretrained'].mean:.1%} with pretrained features, {last['random'].mean:.1%} with random ones. "
        "Bars run from the worst to the best of three draws; the last point uses all pictures, so there is only one."
    )
    learned(
        "features learned elsewhere stand in for pictures that you don't have. The gap between the lines is what "
        "they are worth."
    )
    take_away(code, File("Curves (CSV)", lambda: _table(curves), "cnnlab_curves.csv", "text/csv"))


def _curves(subject: TransferSubject) -> Generator[Progress[Any], None, tuple[Curves, int, str]]:
    """The curves by kind of weights, the number of classes, and the code."""
    drawn = draw(open_collection(subject.source.name), subject.each)
    found: Curves = {}
    for number, kind in enumerate(WEIGHTS_KINDS):
        job = curve_steps(load_model(subject.spec.name, kind), drawn)
        found[kind] = yield from part(job, number, 1, len(WEIGHTS_KINDS))
    return found, len(drawn.classes), recipe.code(subject.spec.name, subject.source.name, subject.each)


def _table(curves: Curves) -> str:
    rows = (
        (kind, point.each, number, f"{accuracy:.6f}")
        for kind, points in curves.items()
        for point in points
        for number, accuracy in enumerate(point.accuracies)
    )
    return csv_table(("weights", "pictures_of_each_class", "draw", "accuracy"), rows)
