"""Classes: a picture is changed until the network is sure of a class. One network, or two side by side."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
import torch
from PIL import Image

from cnnlab_core.classification.softmax import softmax, top_k
from cnnlab_core.dream import class_log_probability, visualise_steps
from cnnlab_core.dream.film import Film
from cnnlab_core.images import png, to_tensor
from cnnlab_core.models import ZOO, ModelSpec, find_spec, load_model
from cnnlab_core.models.loaded import crop
from cnnlab_core.models.registry import categories
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.recipes.deepdream import classes as recipe
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.deepdream.film import film_files, show_film, whole
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import form, main_answer, main_picture, plain, sentences
from cnnlab_core.ui.subject import Subject
from cnnlab_core.ui.take_away import take_away

CONTROLS = Controls("class")

STARTS = ("the photo", "noise")
TARANTULA = 76
"""The class of the first look, with the classes of ImageNet; with fewer, they are counted round."""

ALONE = "no other network"

_GREY = Image.new("RGB", (224, 224), (128, 128, 128))
"""Stands in for the noise until there is a result."""


@dataclass(frozen=True)
class _Question:
    target: int
    photo: bool
    steps: int
    rate: float
    seed: int

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of ``visualise`` by name, without its start."""
        size = {} if self.photo else {"size": 224}
        return {**size, "steps": self.steps, "learning_rate": self.rate}


def show(subject: Subject) -> None:
    """The class to dream of, each network's dream, and its probabilities before and after."""
    question, other = _ask(subject)
    networks = [(subject.spec, subject.weights)] + ([(find_spec(other), subject.weights)] if other else [])
    films: list[Film] = []
    if len(networks) == 1:
        left, right = st.columns([1, 1.1], gap="large")
        with left:
            row, picture, below = st.container(), main_picture(), st.container()
        with right:
            answer = main_answer()
        films += _side(subject, *networks[0], question, 0, picture, answer, row, below)
    else:
        for number, (column, network) in enumerate(zip(st.columns(2, gap="large"), networks, strict=True)):
            with column, sentences():
                st.markdown(f"**{plain(network[0].title)}**, {network[1]}")
                if weights_ready(*network, place=f"class {number}"):
                    films += _side(subject, *network, question, number, st.container(), st.container())
    learned(
        "the picture is changed until the network is sure of the class. From a photo, "
        "changes too small to look like the class are enough. An adversarially trained network has to paint the thing "
        "itself: compare with one."
    )
    if films:
        _take_away(subject, question, films)


def _ask(subject: Subject) -> tuple[_Question, str]:
    """The question, and the name of the network to compare with, empty for none."""
    names = [f"{index} · {name}" for index, name in enumerate(subject.labels)]
    one, two, three, more = form().columns([1.3, 1, 1.3, 0.5], gap="medium", vertical_alignment="bottom")
    with one:
        target = names.index(CONTROLS.select("target", "Class", names, names[TARANTULA % len(names)]))
    with two:
        start = CONTROLS.one_of("start", "Start from", STARTS, STARTS[0])
    with three:
        alike = (spec for spec in ZOO if spec.name != subject.spec.name and categories(spec) == subject.labels)
        others = {ALONE: ""} | {spec.title: spec.name for spec in alike}
        other = others[CONTROLS.select("beside", "Compare with", list(others), ALONE)]
    with more.popover("More", icon=":material/tune:", key="class_more", width="stretch"):
        seed = CONTROLS.number("seed", "Seed", 0, 99_999, 0, 1)
        steps = CONTROLS.slider("steps", "Steps", 8, 256, 48, 8)
        rate = CONTROLS.slider("rate", "Learning rate (Adam)", 0.005, 0.1, 0.03, 0.005, format="%.3f")
    return _Question(target, start == STARTS[0], steps, rate, seed), other


def _side(  # type: ignore[no-untyped-def]
    subject: Subject, spec: ModelSpec, weights: str, question: _Question, number: int, left, right, row=None, below=None
) -> list[Film]:
    """One network's dream and its probabilities; the film, if there is one."""
    seen = crop(subject.picture.image, spec.preprocessing)
    before = seen if question.photo else _GREY
    label = categories(spec)[question.target]

    def job() -> Generator[Any, None, Any]:
        model = load_model(spec.name, weights)
        start = to_tensor(seen).to(model.device) if question.photo else None
        generator = torch.Generator().manual_seed(question.seed)
        goal = class_log_probability(question.target)
        return visualise_steps(model, goal, start=start, generator=generator, **question.arguments)

    usual = _Question(TARANTULA % len(subject.labels), True, 48, 0.03, 0)
    first = question == usual and subject.picture.is_sample
    key = digest("class", spec.name, weights, subject.picture.key if question.photo else "", question)
    with left:
        film = show_film(
            f"class {number}",
            key,
            job,
            label=f"Dreaming of “{label}”",
            before=before,
            start="" if first and spec.parameters < 8e6 else f"Dream of “{plain(label)}”",
            total=question.steps,
            for_everybody=first,
            labels=("Before", label),
            from_noise=not question.photo,
            at=row,
            below=below,
        )
    if film is None or film.picture is None:
        return []
    with right:
        found = _logits(spec, weights, digest(key, len(film.objectives)), before, film.picture, number)
        if found is not None:
            _probabilities(spec, question.target, found, number)
    return [film]


def _take_away(subject: Subject, question: _Question, films: list[Film]) -> None:
    code = recipe.code(
        *subject.network, subject.sample, question.target, question.arguments, question.seed, photo=question.photo
    )
    picture, animation = film_files(films[0], "cnnlab_class_dream")
    if len(films) == 2:
        picture = replace(picture, content=lambda: png(side_by_side([whole(film) for film in films])))
    take_away(code, picture, animation)


def _logits(
    spec: ModelSpec, weights: str, key: str, before: Image.Image, after: Image.Image, number: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """The network's logits for both 8-bit pictures, as they are shown."""

    def make() -> tuple[np.ndarray, np.ndarray]:
        model = load_model(spec.name, weights)
        with torch.no_grad():
            one, two = (model(to_tensor(image).to(model.device))[0].double().cpu().numpy() for image in (before, after))
        return one, two

    return run(f"class logits {number}", digest("class logits", key), lambda: once(make), label="Classifying").result


def _probabilities(spec: ModelSpec, target: int, found: tuple[np.ndarray, np.ndarray], number: int) -> None:
    """The probability of the class, and the top five, before and after."""
    labels = categories(spec)
    first, last = (float(softmax(logits)[target]) for logits in found)
    st.metric(
        f"P({plain(labels[target])})", f"{last:.2%}", f"from {100 * first:.2g}%", delta_color="off", delta_arrow="off"
    )
    for title, logits in zip(("Before", "Dream"), found, strict=True):
        best = top_k(logits, labels, min(5, len(labels)))
        indices = [each.index for each in best]
        st.markdown(f"**{title}**: the top five")
        figure = class_bars(
            [each.label for each in best],
            [each.probability for each in best],
            percent=True,
            chosen=indices.index(target) if target in indices else 5,
            longest=1.0,
        )
        about = f"{spec.title}, measured on the 8-bit picture; the dream is of {labels[target]}."
        show_chart(figure, f"class bars {number} {title}", f"{title}: the top five", about)
    st.caption("Measured on the 8-bit picture that is shown and saved.")
