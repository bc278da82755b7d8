"""The picture as the network sees it, and two networks' answers to it: the page above the tabs."""

import math
from dataclasses import dataclass

import streamlit as st

from cnnlab_core.classification.batch import Classified
from cnnlab_core.classification.softmax import entropy, margin, softmax, top_k
from cnnlab_core.images import png, thumbnail
from cnnlab_core.models.loaded import preprocessing_stages
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.classifier.cover import Said, show_photo
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.shared import choose_model, choose_picture, networks
from cnnlab_core.ui.show import main_answer, main_picture, plain
from cnnlab_core.ui.subject import Subject, classify_picture

CONTROLS = Controls("classifier")
SCALES = ("Probabilities", "Logits")
SECOND = "EfficientNet-Lite2, pretrained"
"""The network beside the chosen one, to begin with."""
BARS = 230
"""Pixels of the bars' height, however many there are: nothing below them moves."""
TO_LEARN = (
    "Cover the part that you would look at, then one that you wouldn't. What costs a network much of its answer is "
    "what it looks at, and two networks may look at different parts."
)
TEMPERATURE = "Logits are divided by T before the softmax: below 1 the largest takes nearly all, above 1 they even out."


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
    """Draw the choosers, the photo beside the answers of two networks, and below these the view's controls."""
    picture = choose_picture()
    subject = Subject(*choose_model(), picture)
    seen, beside = st.columns([1, 1.8], gap="large")
    with beside:
        answers = main_answer()
    view = _choose_view(subject)
    stages = _stages(subject)
    said: list[Said] = []
    if stages:
        other = Subject(*networks()[view.versus], picture)
        with answers:
            for column, place, asked in zip(st.columns(2, gap="medium"), "ab", (subject, other), strict=True):
                with column:
                    answer = _answer(asked, view, place=place)
                said += [Said(asked, answer)] if answer else []
            st.caption(TO_LEARN)
        with seen, main_picture():
            show_photo(subject, said, view.temperature)
        if said:
            shares = softmax(said[0].answer.logits)
            count = int((shares > 0.01).sum())
            guess_number(
                "classes",
                f"how many of the {len(shares)} classes get more than 1 % of {plain(said[0].subject.spec.title)}?",
                count,
                (5, 20),
                "",
                f"{count} do, and together they have {shares[shares > 0.01].sum():.0%}. The rest share what is left.",
            )
            learned(
                "a network shares 100 % out among the classes that it knows. A high share says which of them "
                "fits best, not "
                "that any is right."
            )
    return Answers(subject, view, stages, said[0].answer if said and said[0].subject is subject else None)


def _choose_view(subject: Subject) -> View:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        offered = list(networks())
        first = SECOND if SECOND in offered else offered[1]
        versus = CONTROLS.select("versus", "Compare with", offered, first, width=270)
        untrained = f"{subject.spec.title}, random"
        _button("Without training", "The same network, with random weights", untrained, versus, first)
        temperature = CONTROLS.slider("t", "Temperature T", 0.1, 5.0, 1.0, 0.1, width=130, help=TEMPERATURE)
        with st.popover("More", icon=":material/tune:", key="classifier_more"):
            k = CONTROLS.slider("k", "How many classes (k)", 1, 10, 5, 1)
            scale = CONTROLS.one_of("scale", "Bars show", SCALES, SCALES[0])
    return View(k, temperature, scale == SCALES[0], versus)


def _button(label: str, about: str, network: str, versus: str, usual: str) -> None:
    """Compare with a network by one click, and by another with the usual one again."""
    is_there = versus == network

    def take() -> None:
        st.session_state[CONTROLS.key("versus")] = usual if is_there else network

    st.button(
        "With a trained one" if is_there else label, on_click=take, help=about, key="compare_untrained", width=170
    )


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


def _answer(asked: Subject, view: View, *, place: str) -> Classified | None:
    """One network's answer: the best class in large letters, the top k as bars, and how sure it is."""
    st.markdown(f"**{plain(asked.spec.title)}** · {asked.weights}")
    answer = classify_picture(asked.spec, asked.weights, asked.picture, place=place)
    if answer is None:
        return None
    labels = asked.labels
    best = top_k(answer.logits, labels, min(view.k, len(labels)), view.temperature)
    probabilities = softmax(answer.logits, view.temperature)
    st.markdown(f"## {plain(best[0].label)} · {best[0].probability:.1%}")
    values = [guess.probability if view.percent else guess.logit for guess in best]
    bars = class_bars(
        [guess.label for guess in best], values, percent=view.percent, longest=float(view.percent), height=BARS
    )
    about = asked.about + (f" Temperature {view.temperature:g}." if view.percent else "")
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
