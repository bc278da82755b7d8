"""Class dreams: until the network is sure to see a tarantula. One network or two, side by side."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
import torch
from PIL import Image

from cnnlab_core.classification.softmax import softmax, top_k
from cnnlab_core.dream import class_log_probability, visualise
from cnnlab_core.dream.film import Film
from cnnlab_core.images import png, to_tensor
from cnnlab_core.models import ZOO, ModelSpec, find_spec, load_model
from cnnlab_core.models.loaded import crop
from cnnlab_core.models.registry import categories
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.recipes.dream import visualise_code
from cnnlab_core.ui.dream.choice import Choice
from cnnlab_core.ui.dream.live import film_files, show_film, whole
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import plain, sentences
from cnnlab_core.ui.take_away import take_away

STARTS = ("the photo", "noise")
TARANTULA = 76
ALONE = "no other network"


@dataclass(frozen=True)
class _Question:
    target: int
    photo: bool
    steps: int
    rate: float
    seed: int

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of ``visualise`` by name, without where it begins."""
        size = {} if self.photo else {"size": 224}
        return {**size, "steps": self.steps, "learning_rate": self.rate}


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        "The picture is changed until the network is sure of the class. From a photo little is needed; what it paints "
        "is what it takes for the thing. A network that was trained to be hard to fool has to paint the thing itself: "
        "put one beside it."
    )
    question, other = _ask(choice)
    sides = [(choice.spec, choice.weights)] + ([(find_spec(other), choice.weights)] if other else [])
    films: list[Film] = []
    if len(sides) == 1:
        left, right = st.columns([1.2, 1], gap="large")
        films += _side(choice, *sides[0], question, 0, left, right)
    else:
        for number, (column, side) in enumerate(zip(st.columns(2, gap="large"), sides, strict=True)):
            with column, sentences():
                st.markdown(f"**{plain(side[0].title)}**, {side[1]}")
                if weights_ready(*side, place=f"class {number}"):
                    films += _side(choice, *side, question, number, st.container(), st.container())
    if films:
        _away(choice, question, films)


def _ask(choice: Choice) -> tuple[_Question, str]:
    names = [f"{index} · {name}" for index, name in enumerate(categories(choice.spec))]
    others = [spec.name for spec in ZOO if spec.name != choice.spec.name]
    one, two, three = st.columns([1.3, 1, 1.3], gap="medium")
    with one:
        label = st.selectbox("Class", names, index=TARANTULA, key="class_target", bind="query-params")
        seed = st.number_input("Seed", 0, 99_999, 0, key="class_seed", bind="query-params")
    with two:
        begin = segmented(st, "Begin with", STARTS, default=STARTS[0], key="class_start", bind="query-params")
        steps = st.slider("Steps", 8, 256, 48, 8, key="class_steps", bind="query-params")
    with three:
        titles = {ALONE: ""} | {find_spec(name).title: name for name in others}
        title = st.selectbox("Beside it", list(titles), key="class_beside", bind="query-params")
        rate = st.slider(
            "Step size (Adam's)", 0.005, 0.1, 0.03, 0.005, format="%.3f", key="class_rate", bind="query-params"
        )
    target = names.index(label)
    return _Question(target, begin == STARTS[0], int(steps), float(rate), int(seed)), titles[title]


def _side(  # type: ignore[no-untyped-def]
    choice: Choice, spec: ModelSpec, weights: str, question: _Question, number: int, left, right
) -> list[Film]:
    """One network's dream and what it says to it; the film, if there is one."""
    seen = crop(choice.picture.image, spec.preprocessing)
    before = seen if question.photo else Image.new("RGB", (224, 224), (128, 128, 128))
    label = categories(spec)[question.target]

    def job() -> Generator[Any, None, Any]:
        model = load_model(spec.name, weights)
        start = to_tensor(seen).to(model.device) if question.photo else None
        generator = torch.Generator().manual_seed(question.seed)
        goal = class_log_probability(question.target)
        return visualise(model, goal, start=start, generator=generator, **question.arguments)

    first = question == _Question(TARANTULA, True, 48, 0.03, 0) and choice.picture.is_sample
    key = digest("class", spec.name, weights, choice.picture.key if question.photo else "", question)
    with left:
        film = show_film(
            f"class {number}",
            key,
            job,
            label=f"Dreaming of a {label}",
            before=before,
            start="" if first and spec.parameters < 8e6 else f"Dream of “{plain(label)}”",
            total=question.steps,
            for_everybody=first,
            labels=("Before", label),
            from_noise=not question.photo,
        )
    if film is None or film.picture is None:
        return []
    with right:
        found = _logits(spec, weights, digest(key, len(film.objectives)), before, film.picture, number)
        if found is not None:
            _named(spec, question.target, found, number)
    return [film]


def _away(choice: Choice, question: _Question, films: list[Film]) -> None:
    code = visualise_code(
        *choice.model,
        choice.sample,
        f"class_log_probability({question.target})",
        question.arguments,
        question.seed,
        photo=question.photo,
    )
    picture, animation = film_files(films[0], "cnnlab_class_dream")
    if len(films) == 2:
        picture = replace(picture, content=lambda: png(side_by_side([whole(film) for film in films])))
    take_away(code, picture, animation)


def _logits(
    spec: ModelSpec, weights: str, key: str, before: Image.Image, after: Image.Image, number: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """The network's logits for both pictures as they are shown: 8 bits a colour."""

    def make() -> tuple[np.ndarray, np.ndarray]:
        model = load_model(spec.name, weights)
        with torch.no_grad():
            one, two = (model(to_tensor(image).to(model.device))[0].double().cpu().numpy() for image in (before, after))
        return one, two

    return run(f"class named {number}", digest("named", key), lambda: once(make), label=f"Asking {spec.title}").result


def _named(spec: ModelSpec, target: int, found: tuple[np.ndarray, np.ndarray], number: int) -> None:
    labels = categories(spec)
    first, last = (float(softmax(logits)[target]) for logits in found)
    st.metric(
        f"P({plain(labels[target])})", f"{last:.2%}", f"from {100 * first:.2g} %", delta_color="off", delta_arrow="off"
    )
    for title, logits in zip(("Before", "Dream"), found, strict=True):
        best = top_k(logits, labels, 5)
        indices = [each.index for each in best]
        st.markdown(f"**{title}**: the five best")
        figure = class_bars(
            [each.label for each in best],
            [each.probability for each in best],
            percent=True,
            chosen=indices.index(target) if target in indices else 5,
            longest=1.0,
        )
        st.plotly_chart(
            figure, key=f"class bars {number} {title}", config={"displayModeBar": False}, alt=f"{title}: the five best"
        )
    st.caption("Measured on the picture as it is shown and saved, 8 bits a colour.")
