"""The classifier page's work: pictures through the runner, and what is shown of them, encoded once."""

from dataclasses import dataclass

import streamlit as st

from cnnlab_core.classification.batch import Named, name_pictures
from cnnlab_core.errors import InputError
from cnnlab_core.images import label_picture, png, sample_images, thumbnail
from cnnlab_core.models import ModelSpec
from cnnlab_core.models.loaded import preprocessing_stages
from cnnlab_core.ui.classroom import classroom
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.shared import Picture
from cnnlab_core.ui.show import sentences, show_problem

MOST_PICTURES = 60
"""A batch of more is refused: somebody else wants to compute too."""


@dataclass(frozen=True)
class ShownStage:
    """A preprocessing stage as a PNG, with its shape (channels, height, width) and range of numbers."""

    name: str
    image: bytes
    shape: tuple[int, ...]
    range: tuple[float, float]


def name_picture(spec: ModelSpec, weights: str, picture: Picture, *, place: str) -> Named | None:
    """What the network says to the picture; None (with its reason on the page) when there is no answer."""
    if not weights_ready(spec, weights, place=place):
        return None
    answers = run(
        f"name {place}",
        digest("name", spec.name, weights, picture.key),
        lambda: name_pictures(spec.name, weights, [(picture.title, picture.content)]),
        label=f"Asking {spec.title}",
        for_everybody=picture.is_sample,
    ).result
    if not answers:
        return None
    if answers[0].problem:
        show_problem(answers[0].problem)
        return None
    return answers[0]


def picture_stages(spec: ModelSpec, picture: Picture) -> list[ShownStage]:
    """The way of the picture into the network; empty (with its reason on the page) when it can't be read."""

    def make() -> list[ShownStage]:
        stages = preprocessing_stages(picture.image, spec.preprocessing)
        return [ShownStage(s.name, png(thumbnail(s.picture)), s.shape, s.range) for s in stages]

    outcome = run(
        "stages",
        digest("stages", spec.preprocessing, picture.key),
        lambda: once(make),
        label="Preparing the picture",
        for_everybody=picture.is_sample,
    )
    return outcome.result or []


def labelled_picture(picture: Picture, text: str) -> bytes:
    """The picture with ``text`` above it as a PNG; empty (with its reason on the page) when it can't be read."""
    outcome = run(
        "labelled",
        digest("labelled", picture.key, text),
        lambda: once(lambda: png(label_picture(picture.image, text))),
        label="Writing the label",
    )
    return outcome.result or b""


def name_batch(spec: ModelSpec, weights: str) -> list[Named]:
    """Drop several pictures, get an answer each; opens with the gallery as a finished example."""
    files = st.file_uploader(
        "Several pictures at once", accept_multiple_files=True, key="batch", max_upload_size=classroom().upload_mb
    )
    pictures = [(file.name, file.getvalue()) for file in files]
    if not pictures:
        st.caption("Here is the sample gallery; drop your own pictures above.")
        pictures = [(sample.path.name, sample.content) for sample in sample_images().values()]
    answers: list[Named] | None = None
    with sentences():
        if len(pictures) > MOST_PICTURES:
            raise InputError(f"These are {len(pictures)} pictures. Drop at most {MOST_PICTURES} at a time.")
        if weights_ready(spec, weights, place="batch"):
            answers = run(
                "batch",
                digest("batch", spec.name, weights, *(part for picture in pictures for part in picture)),
                lambda: name_pictures(spec.name, weights, pictures),
                label=f"Naming {len(pictures)} pictures",
                share=lambda answer: (answer.index + 1) / len(pictures),
                for_everybody=not files,
            ).result
    return answers or []
