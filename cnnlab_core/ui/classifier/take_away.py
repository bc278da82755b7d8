"""Take it away: the labelled picture, all classes as CSV, the link and the code."""

import streamlit as st

from cnnlab_core.classification.batch import class_table
from cnnlab_core.classification.softmax import top_k
from cnnlab_core.images import label_picture, png
from cnnlab_core.recipes.classifier import take_away
from cnnlab_core.ui.classifier.answers import Answers, needs_answer
from cnnlab_core.ui.lesson import offer_lesson
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.take_away import show_code, show_link

DOWNLOAD = ":material/download:"


def show(answers: Answers) -> None:
    """Files on the left, link and code on the right."""
    answer, subject, view = needs_answer(answers), answers.subject, answers.view
    if answer is None:
        return
    best = top_k(answer.logits, subject.labels, 1, view.temperature)[0]
    labelled = _labelled(subject.picture, f"{best.label}: {best.probability:.1%}")
    left, right = st.columns([1, 1.4])
    left.image(labelled, alt="The picture with the top prediction above it", output_format="PNG")
    left.download_button("Labelled picture (PNG)", labelled, "cnnlab_labelled.png", "image/png", icon=DOWNLOAD)
    table = class_table(answer.logits, subject.labels, view.temperature)
    count = len(subject.labels)
    left.download_button(f"All {count} classes (CSV)", table, "cnnlab_classes.csv", "text/csv", icon=DOWNLOAD)
    with right:
        show_link()
        offer_lesson()
        show_code(take_away.code(*subject.network, subject.sample, min(view.k, len(subject.labels)), view.temperature))


def _labelled(picture: Picture, text: str) -> bytes:
    """The picture with ``text`` above it as a PNG; empty (with its reason on the page) when it can't be read."""
    outcome = run(
        "labelled",
        digest("labelled", picture.key, text),
        lambda: once(lambda: png(label_picture(picture.image, text))),
        label="Writing the label",
    )
    return outcome.result or b""
