"""Classifier: its accuracy, its confusion matrix, and its most confident mistakes."""

import streamlit as st

from cnnlab_core.plots.confusion import confusion_matrix
from cnnlab_core.recipes.transfer_learning import classifier as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.transfer import Learned, feature_layer
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.runner import kept
from cnnlab_core.ui.show import ink, main_picture, plain
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.transfer_learning.result import Result, learn_result
from cnnlab_core.ui.transfer_learning.subject import TransferSubject


def show(subject: TransferSubject) -> None:
    """What is learned from which features, and how well it works on the test pictures."""
    outcome = learn_result(subject)
    if outcome.result:
        with kept(outcome, "transfer_kept"):
            _result(outcome.asked, outcome.result)


def _result(subject: TransferSubject, result: Result) -> None:
    found = result.learned
    st.markdown(
        f"With {subject.weights} features, **{found.accuracy:.0%}** of the test pictures are classified correctly. "
        f"Guessing would get {1 / len(found.classes):.0%}. Each row of the matrix is a true class: what is off the "
        "diagonal is a mistake."
    )
    matrix, mistakes = st.columns([3, 2], gap="large")
    with matrix, main_picture():
        st.markdown("**Confusion matrix** (test pictures)")
        show_chart(
            confusion_matrix(found.confusion, found.classes, ink=ink()),
            "transfer_confusion",
            "Confusion matrix (test pictures)",
            subject.learned,
        )
    with mistakes:
        _mistakes(result)
    _figures(found)
    layer = feature_layer(subject.spec)
    st.caption(
        f"The network itself isn't trained. The {layer.size:,} features that enter its own classifier (from "
        f"{plain(layer.node)}) are scaled to length 1; a linear classifier (softmax regression) learns to tell the new "
        "classes apart by these numbers alone."
    )
    learned(
        "only a linear classifier was trained here. The features of a network that was trained on other pictures "
        "did the rest."
    )
    take_away(
        recipe.code(*subject.code),
        File("Confusion matrix (CSV)", lambda: _table(found), "cnnlab_confusion.csv", "text/csv"),
    )


def _figures(found: Learned) -> None:
    train, validation, test = found.sizes
    first, second, third = st.columns(3)
    first.metric(
        "Mean per-class accuracy",
        f"{found.accuracy:.1%}",
        help="The share of each class's test pictures that are classified correctly, averaged over the classes.",
    )
    second.metric("Chance", f"{1 / len(found.classes):.1%}", help=f"A random guess among {len(found.classes)} classes.")
    third.metric(
        "Weight penalty (L2)",
        f"{found.classifier.penalty:g}",
        help="The one of several with the highest accuracy on the validation pictures.",
    )
    st.caption(
        f"Learned from {train:,} pictures, with the penalty chosen on {validation:,} others, and tested on {test:,} "
        f"more ({test / len(found.classes):.0f} per class, so one picture is {100 / test:.1f} percentage points)."
    )


def _mistakes(result: Result) -> None:
    st.markdown("**Most confident mistakes**")
    if not result.mistakes:
        st.caption("None: every test picture is classified correctly.")
    with st.container(horizontal=True, gap="small"):
        for number, mistake in enumerate(result.mistakes, 1):
            true, predicted = (result.learned.classes[index] for index in (mistake.label, mistake.predicted))
            with st.container(width=130, gap="small"):
                st.image(mistake.picture, width=130, output_format="PNG", alt=f"Mistake {number}: {true}")
                st.caption(f"{plain(true)}, predicted as **{plain(predicted)}** ({mistake.probability:.0%})")


def _table(found: Learned) -> str:
    rows = zip(found.classes, found.confusion.tolist(), strict=True)
    return csv_table(("true class", *found.classes), ((name, *counts) for name, counts in rows))
