"""Your picture: how the new classifier classifies the picture in the sidebar, and where it lies in the projection."""

from dataclasses import replace

import streamlit as st

from cnnlab_core.classification.softmax import top_k
from cnnlab_core.images import png
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.plots.projection import features_map
from cnnlab_core.recipes.transfer_learning import your_picture as recipe
from cnnlab_core.transfer import features
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.runner import kept, once
from cnnlab_core.ui.show import main_picture
from cnnlab_core.ui.subject import run_study
from cnnlab_core.ui.take_away import take_away
from cnnlab_core.ui.transfer_learning.result import Result, learn_result
from cnnlab_core.ui.transfer_learning.subject import TransferSubject

_TOP = 5
"""Classes shown, at most."""


def show(subject: TransferSubject) -> None:
    """The top classes, and the picture as a star among the collection's points."""
    st.caption(
        "What does the new classifier make of the picture in the sidebar? It knows only its own classes and has to "
        "choose one, however little the picture fits. Try your own photo."
    )
    outcome = learn_result(subject)
    if outcome.result:
        # The classifier of previous settings needs the features of its own network.
        now = replace(outcome.asked, picture=subject.picture)
        with kept(outcome, "transfer_kept"):
            _answer(now, outcome.result)


def _answer(subject: TransferSubject, result: Result) -> None:
    x = run_study(
        "transfer your picture",
        subject,
        (),
        lambda model, x: once(lambda: features(model, x).cpu().numpy()),
        label="Extracting features",
    ).result
    if x is None:
        return
    found = result.learned
    predictions = top_k(found.classifier.logits(x)[0], found.classes, min(_TOP, len(found.classes)))
    picture, bars = main_picture().columns([1, 2], gap="large", vertical_alignment="center")
    picture.image(
        png(subject.seen),
        width=224,
        output_format="PNG",
        alt="What the network sees of your picture",
    )
    show_chart(
        class_bars([one.label for one in predictions], [one.probability for one in predictions], percent=True),
        "transfer_own_bars",
        "The top classes",
        f"{subject.learned} Picture: {subject.picture.title}.",
        place=bars,
    )
    projection = found.projection
    first, second = projection(x)[0]
    show_chart(
        features_map(
            projection.points,
            found.projected_labels,
            ~found.projected_is_test,
            found.classes,
            explained=projection.explained,
            own=(float(first), float(second)),
        ),
        "transfer_own_map",
        "Your picture among the others",
        f"{subject.learned} Filled: training and validation. Rings: test. Star: {subject.picture.title}.",
    )
    learned("a classifier chooses one of its classes whatever the picture is. It can't say “none of them”.")
    take_away(recipe.code(*subject.code, subject.sample))
