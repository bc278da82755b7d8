"""Attribution: which pixels speak for a class, by four methods, side by side or one alone."""

import io
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.images import png
from cnnlab_core.interpretability.attribution import AttributionStep, occlusion_corners
from cnnlab_core.interpretability.explanation import BASELINES, METHODS, Explanation, Method, Question, explain
from cnnlab_core.models import load_model
from cnnlab_core.models.registry import categories
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.overlays import attribution_overlay
from cnnlab_core.recipes.feature_maps import attribution_code
from cnnlab_core.ui.feature_maps.choice import Choice, layers_with_maps, seen_picture
from cnnlab_core.ui.naming import name_picture
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import plain, sentences
from cnnlab_core.ui.take_away import File, take_away

ALL = "side by side"
BASELINE_NAMES = list(BASELINES)

READS = {
    "Saliency": "How much the class's logit moves with each pixel. Bright: a small change there counts.",
    "Grad-CAM": "The maps of a layer, weighted by how much the class likes them. Teal is for it, orange against it.",
    "Integrated gradients": "The logit's rise on the way from an even picture to this one, shared out among the pixels."
    " Teal is for the class, orange against it.",
    "Occlusion": "How far the logit falls when a grey square covers it. Teal is for the class, orange against it.",
}


@dataclass(frozen=True)
class Shown:
    """An answer as it is drawn, with the question it answers: it may be shown when the page asks another one."""

    question: Question
    answer: Explanation
    picture: Image.Image
    about: str


def show(choice: Choice) -> None:
    """The tab."""
    named = name_picture(choice.spec, choice.weights, choice.picture, place="maps")
    if named is None:
        return
    target, methods = _asked(choice, named.best[0].index, named.best[0].label)
    st.caption(
        f"Which pixels speak for **{plain(categories(choice.spec)[target])}** (logit {named.logits[target]:.2f})? Look "
        "where the methods agree, then choose another class: what is for the one is often against the other."
    )
    found: dict[Method, Shown] = {}
    if len(methods) == 1:
        left, right = st.columns([1.25, 1], gap="large")
        with sentences():
            answer = _panel(choice, methods[0], target, left, right)
            if answer:
                found[methods[0]] = answer
    else:
        for column, method in zip(st.columns(len(methods), gap="medium"), methods, strict=True):
            with column, sentences():
                answer = _panel(choice, method, target, st.container(), st.container())
                if answer:
                    found[method] = answer
    if found:
        _take_away(choice, found)


def _asked(choice: Choice, predicted: int, label: str) -> tuple[int, tuple[Method, ...]]:
    """The class and the methods to show."""
    first, second = st.columns([1, 1.7], gap="medium", vertical_alignment="bottom")
    names = [f"{index} · {name}" for index, name in enumerate(categories(choice.spec))]
    search = first.selectbox(
        "Class",
        names,
        index=None,
        key="maps_class",
        bind="query-params",
        placeholder=f"{label} (the most probable); search any of {len(names)}",
    )
    shown = segmented(second, "Method", (ALL, *METHODS), default=ALL, key="maps_method", bind="query-params", wrap=True)
    target = names.index(search) if search else predicted
    return target, METHODS if shown == ALL else tuple(method for method in METHODS if method == shown)


def _panel(choice: Choice, method: Method, target: int, left, right) -> Shown | None:  # type: ignore[no-untyped-def]
    """One method: its picture, then its settings. What takes seconds waits for its button.

    Gives the answer to take away; None if there is none, or only one to earlier settings.
    """
    with left:
        st.markdown(f"**{method}**")
        place, below = st.empty(), st.container()
    with right:
        st.caption(READS[method])
        question, cost = _settings(choice, method, target)
    # The picture as it is holds the place until there is an answer.
    place.image(png(seen_picture(choice).convert("L").resize((448, 448))), alt="The picture, not asked yet")
    with below:
        outcome = run(
            f"attribution {method}",
            digest("attribution", choice.key, question),
            lambda: _job(choice, question),
            label=method,
            share=lambda step: step.done / step.total,
            start=f"Run ({cost})" if cost else "",
            for_everybody=choice.picture.is_sample and not cost,  # the others can be stale, so the session has them
        )
        if outcome.result is None:
            return None
        if outcome.state == "stale":
            st.info(f"This is of earlier settings: {outcome.result.about}.", icon=":material/history:")
    place.image(png(outcome.result.picture), alt=f"{method} over the picture", output_format="PNG")
    with right:
        _numbers(outcome.result)
    return outcome.result if outcome.state == "done" else None


def _job(choice: Choice, question: Question) -> Generator[AttributionStep, None, Shown]:
    model = load_model(choice.spec.name, choice.weights)
    answer = yield from explain(model, model.prepare(choice.picture.image), question)
    picture = attribution_overlay(seen_picture(choice), answer.values, signed=answer.signed)
    details = {
        "Grad-CAM": f" at {question.node}",
        "Integrated gradients": f" in {question.steps} steps",
        "Occlusion": f" of {question.window} × {question.window} by {question.stride}",
    }.get(question.method, "")
    label = categories(choice.spec)[question.target]
    about = plain(f"{label} in “{choice.picture.title}” by {choice.spec.title}, {choice.weights}{details}")
    return Shown(question, answer, picture, about)


def _settings(choice: Choice, method: Method, target: int) -> tuple[Question, str]:
    """The question with the method's own settings, and what it costs to answer ("" if it is cheap)."""
    if method == "Grad-CAM":
        names = [layer.name for layer in layers_with_maps(choice.spec)]
        node = st.selectbox("Layer", names, index=len(names) - 1, key="maps_cam_layer", bind="query-params")
        return Question(method, target, node=node), ""
    if method == "Integrated gradients":
        steps = st.number_input("Steps", 5, 300, 50, 5, key="maps_ig_steps", bind="query-params")
        start = st.selectbox("From an even", BASELINE_NAMES, key="maps_ig_baseline", bind="query-params")
        return Question(method, target, steps=int(steps), baseline=BASELINES[start]), f"{steps} gradients"
    if method == "Occlusion":
        side = choice.spec.preprocessing.crop
        window = int(st.number_input("Square", 4, side, 32, 4, key="maps_window", bind="query-params"))
        stride = int(st.number_input("Moves by", 2, side, 16, 2, key="maps_stride", bind="query-params"))
        squares = len(occlusion_corners(side, side, window, stride))
        return Question(method, target, baseline=0.5, window=window, stride=stride), f"{squares} squares"
    return Question(method, target), ""


def _numbers(shown: Shown) -> None:
    """Completeness: the attributions must add up to what the logit rises by."""
    if shown.question.method != "Integrated gradients":
        return
    answer = shown.answer
    st.markdown(
        f"f(x) − f(baseline) = **{answer.difference:.4f}**  \n"
        f"sum of all attributions = **{answer.difference + answer.gap:.4f}**  \n"
        f"completeness gap = **{answer.gap:+.4f}**: more steps close it"
    )


def _take_away(choice: Choice, found: dict[Method, Shown]) -> None:
    st.caption(
        "Full colour is the 98th percentile of a picture's own |values|; the band below it tells how much that is, in "
        "logits (saliency: logits per full step of brightness; Grad-CAM: units of its layer)."
    )
    sample = choice.picture.name if choice.picture.is_sample else None
    questions = [vars(shown.question) for shown in found.values()]
    code = attribution_code(choice.spec.name, choice.weights, sample, questions)
    take_away(
        code,
        File(
            "Picture (PNG)",
            lambda: png(side_by_side([shown.picture for shown in found.values()])),
            "cnnlab_attribution.png",
            "image/png",
        ),
        File("Numbers (NPZ)", lambda: _npz(found), "cnnlab_attribution.npz", "application/zip"),
    )


def _npz(found: dict[Method, Shown]) -> bytes:
    file = io.BytesIO()
    names = {method: method.lower().replace(" ", "_").replace("-", "_") for method in found}
    arrays = {names[method]: shown.answer.values for method, shown in found.items()}
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()
