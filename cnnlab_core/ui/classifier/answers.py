"""Two networks' answers to the picture, side by side, and what the network sees of it: the page above the tabs."""

import math
from dataclasses import dataclass

import streamlit as st

from cnnlab_core.classification.batch import Classified
from cnnlab_core.classification.softmax import entropy, margin, softmax, top_k
from cnnlab_core.images import png, thumbnail
from cnnlab_core.models import ModelSpec
from cnnlab_core.models.loaded import preprocessing_stages
from cnnlab_core.models.registry import categories
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.shared import Picture, choose_model, choose_picture, networks
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.subject import Subject, classify_picture

CONTROLS = Controls("classifier")
SCALES = ("Probabilities", "Logits")


@dataclass(frozen=True)
class View:
    """How answers are looked at: the ``k`` best classes at a temperature, in percent or as logits, beside another's."""

    k: int
    temperature: float
    percent: bool
    versus: str


@dataclass(frozen=True)
class ShownStage:
    """A preprocessing stage as a PNG, with its shape (channels, height, width) and range of numbers."""

    name: str
    image: bytes
    shape: tuple[int, ...]
    range: tuple[float, float]


@dataclass(frozen=True)
class Answers:
    """What the tabs look at: the subject with its preprocessing, and the answer of its network, if there is one."""

    subject: Subject
    view: View
    stages: list[ShownStage]
    answer: Classified | None


def show() -> Answers:
    """Draw the choosers, the view's controls and the answers."""
    picture = choose_picture()
    subject = Subject(*choose_model(), picture)
    view = _choose_view()
    seen, first, second = st.columns([1, 1.25, 1.25], gap="large")
    answer = None
    with seen:
        st.markdown("**What the network sees**")
        stages = _stages(subject)
        if stages:
            st.image(stages[2].image, alt="The picture as the network sees it", output_format="PNG")
            st.caption(plain(picture.title))
    if stages:
        with first:
            answer = _answer(subject.spec, subject.weights, picture, view, place="a")
        with second:
            _answer(*networks()[view.versus], picture, view, place="b")
    return Answers(subject, view, stages, answer)


def _choose_view() -> View:
    first, second, third, fourth = st.columns([1, 1, 1.4, 1.6], gap="medium", vertical_alignment="bottom")
    k = CONTROLS.slider("k", "How many classes (k)", 1, 10, 5, 1, place=first)
    temperature = CONTROLS.slider("t", "Temperature T", 0.1, 5.0, 1.0, 0.1, place=second)
    scale = CONTROLS.one_of("scale", "Bars show", SCALES, SCALES[0], place=third)
    offered = list(networks())
    versus = CONTROLS.select("versus", "Compare with", offered, offered[1], place=fourth)
    return View(k, temperature, scale == SCALES[0], versus)


def _stages(subject: Subject) -> list[ShownStage]:
    """The way of the picture into the network; empty (with its reason on the page) when it can't be read."""
    steps = subject.spec.preprocessing

    def make() -> list[ShownStage]:
        stages = preprocessing_stages(subject.picture.image, steps)
        return [ShownStage(s.name, png(thumbnail(s.picture)), s.shape, s.range) for s in stages]

    outcome = run(
        "stages",
        digest("stages", steps, subject.picture.key),
        lambda: once(make),
        label="Preparing the picture",
        for_everybody=subject.picture.is_sample,
    )
    return outcome.result or []


def _answer(spec: ModelSpec, weights: str, picture: Picture, view: View, *, place: str) -> Classified | None:
    """One network's answer: the best class in large letters, the top k as bars, and how sure it is."""
    st.markdown(f"**{plain(spec.title)}** · {weights}")
    answer = classify_picture(spec, weights, picture, place=place)
    if answer is None:
        return None
    labels = categories(spec)
    best = top_k(answer.logits, labels, min(view.k, len(labels)), view.temperature)
    probabilities = softmax(answer.logits, view.temperature)
    st.markdown(f"## {plain(best[0].label)} · {best[0].probability:.1%}")
    values = [guess.probability if view.percent else guess.logit for guess in best]
    bars = class_bars([guess.label for guess in best], values, percent=view.percent, longest=float(view.percent))
    about = f"{Subject(spec, weights, picture).about}" + (f" Temperature {view.temperature:g}." if view.percent else "")
    show_chart(bars, f"bars {place}", f"The {len(best)} best classes", about)
    sure, gap = st.columns(2)
    scale = f"0 bits: certain. {math.log2(len(labels)):.2f} bits: all {len(labels)} classes equally likely."
    sure.metric("Entropy", f"{entropy(probabilities):.2f} bits", help=scale)
    gap.metric("Margin", f"{margin(probabilities):.1%}", help="The highest probability minus the second highest.")
    return answer


def needs_answer(answers: Answers) -> Classified | None:
    """The answer that a tab looks at; None, which is said, if there is none."""
    if answers.answer is None:
        st.caption("There is no answer to look at. The reason is above.")
    return answers.answer
