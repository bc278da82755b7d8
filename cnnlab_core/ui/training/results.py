"""What the network can do now: by class, its most confident mistakes, and its answer for a picture of your own."""

import json
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.images import png
from cnnlab_core.models.zoo import find_spec
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.plots.confusion import confusion_matrix
from cnnlab_core.plots.mosaic import in_a_square
from cnnlab_core.recipes.training import results
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.training import Run
from cnnlab_core.training.report import report
from cnnlab_core.training.snapshots import read_mistakes
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.shared import choose_picture
from cnnlab_core.ui.show import ink, main_picture, plain, sentences
from cnnlab_core.ui.subject import classify_picture
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.training.choice import spec_name

SHOWN_MISTAKES = 21


def show(run: Run) -> None:
    """The confusion matrix, the accuracy by class, the most confident mistakes, and a picture of your own."""
    finals, machine = run.finals, run.machine
    if not finals or not machine:
        st.info(
            "The test comes once, at the end, on pictures that played no part in the training. Stop the run to test it "
            "now, or wait until it is finished.",
            icon=":material/fact_check:",
        )
        return
    labels = machine["classes"]
    left, right = st.columns([1.35, 1], gap="large")
    with left, main_picture():
        st.header("Confusion matrix")
        figure = confusion_matrix(finals["confusion"], labels, ink=ink())
        share = f"{finals['accuracy']:.2%} of {finals['test_pictures']:,} test pictures classified correctly"
        about = f"Run: {run.about.name}. {share}."
        show_chart(figure, "training confusion", "Confusion matrix", about)
    with right:
        st.header("Accuracy by class")
        order = np.argsort(finals["per_class"], kind="stable")[::-1]
        show_chart(
            class_bars(
                [labels[i] for i in order],
                [finals["per_class"][i] for i in order],
                percent=True,
                longest=1,
                chosen=-1,
                what="accuracy",
            ),
            "training classes",
            "Accuracy by class",
            about,
        )
        st.caption(_worst_pair(np.array(finals["confusion"]), labels))
    st.header("The most confident mistakes")
    with sentences():
        _mistakes(run, finals, labels)
    st.header("A picture of your own")
    with sentences():
        _own(run)
    learned("one accuracy says how often the network is right; the matrix says which classes it takes for which.")
    take_away(
        results.code(run.id),
        File("Report (HTML)", lambda: report(run), f"cnnlab_{run.id}.html", "text/html"),
        File("Scores (JSON)", json.dumps(finals, indent=1), f"cnnlab_{run.id}_finals.json", "application/json"),
        File("Confusion (CSV)", confusion_table(finals["confusion"], labels), "cnnlab_confusion.csv", "text/csv"),
    )


def _worst_pair(counts: np.ndarray, labels: list[str]) -> str:
    wrong = counts - np.diag(np.diag(counts))
    if not wrong.any():
        return "Every test picture is classified correctly."
    row, col = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return f"Most often, {plain(labels[row])} is taken for {plain(labels[col])}: {wrong[row, col]} times."


def _mistakes(run: Run, finals: dict[str, Any], labels: list[str]) -> None:
    """The pictures, each with the answer and the true class."""
    mistakes = finals["mistakes"]
    if not mistakes:
        st.markdown("There are none.")
        return
    pictures = read_mistakes(run)
    with st.container(horizontal=True, gap="small"):
        for entry, pixels in list(zip(mistakes, pictures, strict=True))[:SHOWN_MISTAKES]:
            with st.container(width=124, gap="xxsmall"):
                picture = png(in_a_square(Image.fromarray(pixels), 192))
                st.image(picture, width=120, output_format="PNG", alt=f"A picture of {labels[entry['label']]}")
                st.caption(
                    f"**{plain(labels[entry['predicted']])}** {entry['probability']:.0%}  \n"
                    f"is {plain(labels[entry['label']])}"
                )


def _own(run: Run) -> None:
    """The shared picture, classified by this network."""
    name = spec_name(run)
    if name is None and run.shipped:
        st.markdown("Of this run only the record came with the lab. **Duplicate** and start it to have its network.")
        return
    if name is None:
        st.markdown(
            "Press **Export** below: then this network classifies the picture in the sidebar, here and on every page."
        )
        return
    picture = choose_picture()
    spec = find_spec(name)
    named = classify_picture(spec, "pretrained", picture, place="training")
    if named is None:
        return
    left, right = st.columns([1, 2], gap="large")
    side = spec.preprocessing.crop
    left.image(png(picture.image.convert("RGB")), width=300, output_format="PNG", alt=picture.title)
    left.caption(
        f"{plain(picture.title)}. The network sees {side} × {side} pixels of it. Choose another in the sidebar."
    )
    show_chart(
        class_bars([b.label for b in named.best], [b.probability for b in named.best], percent=True, longest=1),
        "training own",
        "The most probable classes",
        f"Network: {spec.title}. Picture: {picture.title}.",
        place=right,
    )


def confusion_table(counts: list[list[int]], labels: list[str]) -> str:
    """The confusion matrix as CSV: a row for each true class."""
    return csv_table(["true class", *labels], ([label, *row] for label, row in zip(labels, counts, strict=True)))
