"""Image classification: what does the network see in this picture, and how sure is it?"""

from dataclasses import dataclass

import streamlit as st

from cnnlab_core.classification.batch import Named, batch_table, class_table, python_code
from cnnlab_core.classification.softmax import entropy, margin, rank, softmax, top_k, work_out_softmax
from cnnlab_core.models import ModelSpec
from cnnlab_core.models.registry import categories
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.layers import show_layers
from cnnlab_core.ui.lesson import offer_lesson
from cnnlab_core.ui.naming import ShownStage, labelled_picture, name_batch, name_picture, picture_stages
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.shared import Picture, choose_model, choose_picture, networks
from cnnlab_core.ui.show import data_address, plain, sentences, show_code, show_link

DOWNLOAD = ":material/download:"


@dataclass(frozen=True)
class View:
    """How the answers are looked at."""

    k: int
    temperature: float
    percent: bool
    versus: str


def controls() -> View:
    """The row of controls above the answers."""
    first, second, third, fourth = st.columns([1, 1, 1.4, 1.6], gap="medium", vertical_alignment="bottom")
    k = first.slider("How many classes (k)", 1, 10, 5, key="classifier_k", bind="query-params")
    temperature = second.slider("Temperature T", 0.1, 5.0, 1.0, 0.1, key="classifier_t", bind="query-params")
    scales = ["Probabilities", "Logits"]
    scale = segmented(third, "Bars show", scales, default=scales[0], key="classifier_scale", bind="query-params")
    versus = fourth.selectbox("Compare with", list(networks()), index=1, key="classifier_versus", bind="query-params")
    return View(k, temperature, scale == scales[0], versus)


def answer_card(spec: ModelSpec, weights: str, place: str, picture: Picture, view: View) -> Named | None:
    """One network's answer: the best class in large letters, the top k as bars, and how sure it is."""
    st.markdown(f"**{plain(spec.title)}** · {weights}")
    answer = name_picture(spec, weights, picture, place=place)
    if answer is None:
        return None
    best = top_k(answer.logits, categories(spec), view.k, view.temperature)
    probabilities = softmax(answer.logits, view.temperature)
    st.markdown(f"## {plain(best[0].label)} · {best[0].probability:.1%}")
    values = [guess.probability if view.percent else guess.logit for guess in best]
    bars = class_bars([guess.label for guess in best], values, percent=view.percent, longest=float(view.percent))
    st.plotly_chart(bars, key=f"bars {place}", config={"displayModeBar": False}, alt=f"The {view.k} best classes")
    sure, gap = st.columns(2)
    scale = "0 bits: certain. 9.97 bits: all 1000 classes alike."
    sure.metric("Entropy", f"{entropy(probabilities):.2f} bits", help=scale)
    gap.metric("Margin", f"{margin(probabilities):.1%}", help="The first probability less the second.")
    return answer


def softmax_tab(spec: ModelSpec, answer: Named, view: View) -> None:
    """The softmax of any class, term by term."""
    names = [f"{index} · {label}" for index, label in enumerate(categories(spec))]
    search = st.selectbox(
        "Any of the 1000 classes",
        names,
        index=None,
        key="classifier_class",
        bind="query-params",
        placeholder="Search, for example “tabby”. Now: the most probable one.",
    )
    index = names.index(search) if search else answer.best[0].index
    worked = work_out_softmax(answer.logits, index, view.temperature)
    shown = worked.rounded(6)
    place, logit, probability = st.columns(3)
    place.metric(f"Rank of “{plain(categories(spec)[index])}”", f"{rank(answer.logits, index)} of {len(names)}")
    logit.metric("Logit z", f"{answer.logits[index]:.4f}")
    probability.metric("Probability", f"{worked.probability:.4%}")
    st.latex(
        rf"P = \frac{{e^{{(z - z_{{\max}})/T}}}}{{\sum_j e^{{(z_j - z_{{\max}})/T}}}}"
        rf" = \frac{{{shown.numerator:.6f}}}{{{shown.denominator:.6f}}} = {worked.probability:.6f}"
        rf"\qquad z_{{\max}} = {worked.largest_logit:.4f},\quad T = {view.temperature:g}"
    )
    shifted = [f"{(term.logit - worked.largest_logit) / view.temperature:.4f}" for term in shown.terms]
    table = {
        "class": [names[term.index] for term in shown.terms] + [f"the other {shown.rest_count} together", "sum"],
        "logit z": [f"{term.logit:.4f}" for term in shown.terms] + ["", ""],
        "(z − z_max) / T": [*shifted, "", ""],
        "e^…": [f"{value:.6f}" for value in (*(t.value for t in shown.terms), shown.rest, shown.denominator)],
    }
    st.dataframe(table, hide_index=True)
    st.caption(
        "Subtracting the largest logit changes nothing (top and bottom shrink alike) and keeps e^… from overflowing. "
        "Move the temperature: above 1 the terms come closer together, below 1 the largest takes it all; "
        "the order of the classes stays."
    )


def preprocessing_tab(spec: ModelSpec, stages: list[ShownStage]) -> None:
    """From photo to input, step by step."""
    steps = spec.preprocessing
    says = {
        "original": "as it came",
        "resized": f"shorter side to {steps.resize}, {steps.interpolation}",
        "cropped": f"the middle {steps.crop} × {steps.crop}: the network sees no more than this",
        "normalised": f"(x − mean) / std, mean {steps.mean}, std {steps.std}; drawn from lowest to highest",
    }
    for column, (number, stage) in zip(st.columns(4), enumerate(stages, 1), strict=False):
        channels, height, width = stage.shape
        column.image(stage.image, alt=f"The picture, {stage.name}", output_format="PNG")
        column.markdown(
            f"**{number}. {stage.name}** {channels} × {height} × {width}, "
            f"numbers from {stage.range[0]:.2f} to {stage.range[1]:.2f}  \n{says[stage.name]}"
        )


def batch_tab(spec: ModelSpec, weights: str) -> None:
    """Several pictures, one table."""
    answers = name_batch(spec, weights)
    rows = [
        {
            "": data_address(answer.icon) if answer.icon else None,
            "file": answer.file,
            "best class": answer.best[0].label if answer.best else answer.problem,
            "probability": answer.best[0].probability if answer.best else None,
            "second": answer.best[1].label if answer.best else "",
        }
        for answer in answers
    ]
    if rows:
        percent = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
        columns = {"": st.column_config.ImageColumn(width=64), "probability": percent}
        st.dataframe(rows, hide_index=True, row_height=56, column_config=columns)
        st.download_button(
            "Table as CSV", batch_table(answers), "cnnlab_batch.csv", "text/csv", icon=":material/download:"
        )


def take_away_tab(spec: ModelSpec, weights: str, picture: Picture, answer: Named, view: View) -> None:
    """Pictures, numbers, link and code."""
    best = top_k(answer.logits, categories(spec), 1, view.temperature)[0]
    labelled = labelled_picture(picture, f"{best.label}: {best.probability:.1%}")
    left, right = st.columns([1, 1.4])
    left.image(labelled, alt="The picture with the top prediction above it", output_format="PNG")
    left.download_button(
        "Labelled picture (PNG)", labelled, "cnnlab_labelled.png", "image/png", icon=":material/download:"
    )
    table = class_table(answer.logits, categories(spec), view.temperature)
    left.download_button("All 1000 classes (CSV)", table, "cnnlab_classes.csv", "text/csv", icon=DOWNLOAD)
    with right:
        show_link()
        offer_lesson()
        show_code(
            python_code(spec.name, weights, picture.name if picture.is_sample else None, view.k, view.temperature)
        )


page("classifier")
picture = choose_picture()
spec, weights = choose_model()
view = controls()

seen, first, second = st.columns([1, 1.25, 1.25], gap="large")
with seen:
    st.markdown("**What the network sees**")
    stages = picture_stages(spec, picture)
    if stages:
        st.image(stages[2].image, alt="The picture as the network sees it", output_format="PNG")
        st.caption(plain(picture.title))
answer = None
if stages:
    with first:
        answer = answer_card(spec, weights, "a", picture, view)
    with second:
        answer_card(*networks()[view.versus], "b", picture, view)

names = ["Softmax, worked out", "Preprocessing", "Layers", "Several pictures", "Take it away"]
worked, preprocessing, layers, batch, away = st.tabs(names, key="classifier_tab", bind="query-params")
if worked.open and answer:
    with worked, sentences():
        softmax_tab(spec, answer, view)
if preprocessing.open:
    with preprocessing:
        preprocessing_tab(spec, stages)
if layers.open:
    with layers:
        show_layers(spec)
if batch.open:
    with batch:
        batch_tab(spec, weights)
if away.open and answer:
    with away, sentences():
        take_away_tab(spec, weights, picture, answer, view)
if not answer and (worked.open or away.open):
    with worked if worked.open else away:
        st.caption("This needs an answer of the first network; what is missing is said above.")
