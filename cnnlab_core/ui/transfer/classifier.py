"""Classifier: how well it does, what it takes for what, and where it is most surely wrong."""

import csv
import io

import streamlit as st

from cnnlab_core.plots.confusion import confusion_matrix
from cnnlab_core.recipes.transfer import learn_code
from cnnlab_core.transfer import Learned, feature_layer
from cnnlab_core.ui.show import ink, plain
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.transfer.choice import Choice
from cnnlab_core.ui.transfer.learner import Shown, learned


def show(choice: Choice) -> None:
    """The tab."""
    layer = feature_layer(choice.spec)
    st.caption(
        f"The network itself isn't trained. What enters its classifier, {layer.size:,} numbers from "
        f"{plain(layer.node)}, is scaled to length 1; a linear classifier (softmax regression) learns to tell the new "
        "classes apart from these numbers alone."
    )
    shown = learned(choice)
    if shown is None:
        return
    found = shown.learned
    _figures(found)
    matrix, mistakes = st.columns([3, 2], gap="large")
    with matrix:
        st.markdown("**What is taken for what** (test pictures)")
        st.plotly_chart(
            confusion_matrix(found.confusion, found.classes, ink=ink()),
            config={"displayModeBar": False},
            key="transfer_confusion",
            alt="What is taken for what",
        )
    with mistakes:
        _mistakes(shown)
    take_away(
        learn_code(*choice.code),
        File("Confusion (CSV)", lambda: _table(found), "cnnlab_confusion.csv", "text/csv"),
    )


def _figures(found: Learned) -> None:
    train, validation, test = found.sizes
    first, second, third = st.columns(3)
    first.metric(
        "Mean per-class accuracy",
        f"{found.accuracy:.1%}",
        help="Of each class the share of test pictures named right; the mean over the classes.",
    )
    second.metric("By guessing", f"{1 / len(found.classes):.1%}", help=f"One of {len(found.classes)} classes.")
    third.metric(
        "Penalty on the weights",
        f"{found.classifier.penalty:g}",
        help="Of several, the one that did best on the validation pictures.",
    )
    st.caption(
        f"Learned from {train:,} pictures, the penalty chosen on {validation:,} others, measured on {test:,} more"
        f" ({test / len(found.classes):.0f} of a class: one picture is "
        f"{100 / test:.1f} percentage points of the accuracy)."
    )


def _mistakes(shown: Shown) -> None:
    st.markdown("**Most surely wrong**")
    if not shown.wrong:
        st.caption("None: every test picture is named right.")
    with st.container(horizontal=True, gap="small"):
        for number, wrong in enumerate(shown.wrong, 1):
            true, said = (shown.learned.classes[index] for index in (wrong.label, wrong.predicted))
            with st.container(width=130, gap="small"):
                st.image(wrong.picture, width=130, output_format="PNG", alt=f"Mistake {number}: {true}")
                st.caption(f"{plain(true)}, taken for **{plain(said)}** ({wrong.probability:.0%})")


def _table(found: Learned) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["true class", *found.classes])
    for name, row in zip(found.classes, found.confusion.tolist(), strict=True):
        writer.writerow([name, *row])
    return text.getvalue()
