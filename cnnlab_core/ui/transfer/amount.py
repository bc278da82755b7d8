"""Random or pretrained: the accuracy against the pictures of each class, with either weights."""

from collections.abc import Generator

import streamlit as st

from cnnlab_core.models import load_model
from cnnlab_core.models.spec import WEIGHTS_KINDS
from cnnlab_core.plots.lines import accuracy_curves
from cnnlab_core.recipes.transfer import curve_code
from cnnlab_core.runtime.jobs import relay
from cnnlab_core.transfer import CurvePoint, LearnStep, curve_steps, draw, open_collection
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.transfer.choice import Choice

Curves = dict[str, tuple[CurvePoint, ...]]


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        "The same linear classifier on the features of the same network: once with its pretrained weights, once with "
        "random ones that have never seen a picture. What separates the lines is what it has learned before."
    )
    if choice.weights == "random" and not weights_ready(choice.spec, "pretrained", place="curve"):
        return
    outcome = run(
        "transfer curve",
        digest("transfer curve", choice.spec.name, *choice.key[2:]),
        lambda: _curves(choice),
        label="Learning from more and more pictures",
        share=lambda step: step.share,
        start="" if choice.is_first_look else f"Draw the curves (up to {choice.each} pictures of each class)",
        for_everybody=choice.is_first_look,
    )
    if outcome.state != "done" or not outcome.result:
        return
    curves, classes = outcome.result
    lines = {
        f"{kind} weights": ([point.each for point in points], [point.accuracies for point in points])
        for kind, points in curves.items()
    }
    st.plotly_chart(
        accuracy_curves(lines, chance=1 / classes),
        config={"displayModeBar": False},
        key="transfer_curves",
        alt="Accuracy against pictures of each class",
    )
    last = {kind: points[-1] for kind, points in curves.items()}
    st.caption(
        f"Mean per-class accuracy on the same test pictures. With {last['pretrained'].each} of each class: "
        f"{last['pretrained'].mean:.1%} with pretrained features, {last['random'].mean:.1%} with random ones. "
        "Bars run from the worst to the best of three draws; the last point has all pictures, so there is only one."
    )
    take_away(
        curve_code(choice.spec.name, choice.source.name, choice.each),
        File("Curves (CSV)", lambda: _table(curves), "cnnlab_curves.csv", "text/csv"),
    )


def _curves(choice: Choice) -> Generator[LearnStep, None, tuple[Curves, int]]:
    """The curves by kind of weights, and the number of classes."""
    drawn = draw(open_collection(choice.source.name), choice.each)
    found: Curves = {}
    for number, kind in enumerate(WEIGHTS_KINDS):

        def retell(step: LearnStep, number: int = number) -> LearnStep:
            return LearnStep((number + step.share) / len(WEIGHTS_KINDS))

        found[kind] = yield from relay(curve_steps(load_model(choice.spec.name, kind), drawn), retell)
    return found, len(drawn.classes)


def _table(curves: Curves) -> str:
    rows = [
        f"{kind},{point.each},{number},{accuracy:.6f}"
        for kind, points in curves.items()
        for point in points
        for number, accuracy in enumerate(point.accuracies)
    ]
    return "\n".join(["weights,pictures_of_each_class,draw,accuracy", *rows, ""])
