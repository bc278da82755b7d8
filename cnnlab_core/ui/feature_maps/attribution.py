"""Attribution: which pixels speak for a class, by several methods, four side by side or one alone."""

from collections.abc import Generator
from dataclasses import dataclass

import streamlit as st
import torch
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.images import png
from cnnlab_core.interpretability.attribution import BASELINES, WIDE_GAP, occlusion_corners
from cnnlab_core.interpretability.methods import METHODS, Attribution, Method, Request, attribute_steps
from cnnlab_core.models import LoadedModel
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.overlays import attribution_overlay
from cnnlab_core.recipes.feature_maps import attribution as recipe
from cnnlab_core.runtime.files import npz_file
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, choose_class, layers_with_maps
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import form, later, main_picture, plain, sentences
from cnnlab_core.ui.subject import choose_node, classify_picture, run_study
from cnnlab_core.ui.take_away import File, take_away

ALL = "side by side"
BESIDE: tuple[Method, ...] = ("Saliency", "Grad-CAM", "Integrated gradients", "Occlusion")
"""Those that are."""
BASELINE_NAMES = list(BASELINES)
SIGNS = "Teal speaks for the class, orange against it."

ABOUT = {
    "Saliency": "How much the class's logit changes with each pixel. Bright: a small change there matters.",
    "Grad-CAM": f"A layer's maps, weighted by how much they raise the class's logit. {SIGNS}",
    "Integrated gradients": "The rise of the logit on the way from a uniform picture to this one, divided among the "
    f"pixels. {SIGNS}",
    "Occlusion": f"How far the logit falls when a grey square covers the spot. {SIGNS}",
    "SmoothGrad": "Saliency's gradient, averaged over noisy copies of the photo: what flickers averages out.",
    "Grad-CAM++": f"Grad-CAM with weights that count small regions as much as large ones. {SIGNS}",
    "RISE": "The photo is looked at through random masks: how much more probable is the class where the spot is seen? "
    "Teal: more than on average, orange: less. It needs no gradient.",
}


@dataclass(frozen=True)
class Shown:
    """An attribution as it is drawn, with what was asked for: it may be shown when the page asks for another one."""

    request: Request
    found: Attribution
    picture: Image.Image
    about: str


def show(subject: LayerSubject) -> None:
    """The class and the methods to choose, and a panel for each method."""
    answer = classify_picture(subject.spec, subject.weights, subject.picture, place="maps")
    if answer is None:
        return
    target, methods = _choose(subject, answer.best[0].index)
    st.caption(
        f"Which pixels speak for **{plain(subject.labels[target])}** (logit {answer.logits[target]:.2f})? Look where "
        "the methods agree, then choose another class: what speaks for one often speaks against the other."
    )
    found: dict[Method, Shown] = {}
    columns = st.columns([1.25, 1], gap="large") if len(methods) == 1 else st.columns(len(methods), gap="medium")
    for column, method in zip(columns, methods, strict=False):
        with column:
            picture = main_picture() if method == methods[0] else st.container()
        with columns[1] if len(methods) == 1 else column, sentences():
            shown = _panel(subject, method, target, picture)
            if shown:
                found[method] = shown
    learned(
        "each method answers a question of its own, so no one of them is what the network looks at. Trust most "
        "where they agree."
    )
    if found:
        _take_away(subject, found)


def _choose(subject: LayerSubject, predicted: int) -> tuple[int, tuple[Method, ...]]:
    """The class and the methods to show."""
    first, second = form().columns([1, 1.7], gap="medium", vertical_alignment="bottom")
    target = choose_class(subject, predicted, place=first)
    options = (ALL, *BESIDE, *(method for method in METHODS if method not in BESIDE))
    shown = CONTROLS.one_of("method", "Method", options, ALL, place=second, wrap=True)
    return target, BESIDE if shown == ALL else tuple(method for method in METHODS if method == shown)


def _panel(subject: LayerSubject, method: Method, target: int, above: DeltaGenerator) -> Shown | None:
    """One method: its picture in ``above``, its settings here. What takes seconds waits for its button.

    Gives the result to take away; None if there is none, or only one of other settings.
    """
    above.markdown(f"**{method}**")
    place, below = later(above), above.container()
    st.caption(ABOUT[method])
    request, cost = _settings(subject, method, target)
    # The picture as it is holds the place until there is a result.
    place.image(png(subject.seen.convert("L").resize((448, 448))), alt="The picture, nothing computed yet")
    with below:
        outcome = run_study(
            "attribution",
            subject,
            (request,),
            lambda model, x: _study(subject, request, model, x),
            place=method,
            label=method,
            start=f"Run ({cost})" if cost else "",
            for_everybody=not cost,  # the others can be stale, so the session has them
        )
        if outcome.result is None:
            return None
        if outcome.state == "stale":
            st.info(f"This is from your previous settings: {outcome.result.about}.", icon=":material/history:")
    place.image(png(outcome.result.picture), alt=f"{method} over the picture", output_format="PNG")
    _completeness(outcome.result)
    return outcome.result if outcome.state == "done" else None


def _study(
    subject: LayerSubject, request: Request, model: LoadedModel, x: torch.Tensor
) -> Generator[Progress[None], None, Shown]:
    found = yield from attribute_steps(model, x, request)
    picture = attribution_overlay(subject.seen, found.values, signed=found.signed)
    at = f" at {next((layer.place for layer in model.nodes() if layer.name == request.node), '')}"
    details = {
        "Grad-CAM": at,
        "Grad-CAM++": at,
        "Integrated gradients": f" in {request.steps} steps",
        "Occlusion": f" of {request.window} × {request.window} by {request.stride}",
        "SmoothGrad": f" over {request.draws} noisy copies",
        "RISE": f" through {request.masks} masks",
    }.get(request.method, "")
    label = subject.labels[request.target]
    about = plain(f"{label} in “{subject.picture.title}” by {subject.spec.title}, {subject.weights}{details}")
    return Shown(request, found, picture, about)


def _settings(subject: LayerSubject, method: Method, target: int) -> tuple[Request, str]:
    """The request with the method's own settings, and what it costs ("" if it is cheap)."""
    if method in ("Grad-CAM", "Grad-CAM++"):
        layers = layers_with_maps(subject.spec)
        node = choose_node(CONTROLS, "cam_layer", "Layer", layers, layers[-1].name)
        return Request(method, target, node=node.name), ""
    if method == "Integrated gradients":
        steps = CONTROLS.number("ig_steps", "Steps", 5, 300, 50, 5)
        start = CONTROLS.select("ig_baseline", "Baseline", BASELINE_NAMES, BASELINE_NAMES[0])
        return Request(method, target, steps=steps, baseline=BASELINES[start]), f"{steps} gradients"
    if method == "Occlusion":
        side = subject.spec.preprocessing.crop
        window = CONTROLS.number("window", "Square", 4, side, min(32, side), 4)
        stride = CONTROLS.number("stride", "Stride", 2, side, min(16, side), 2)
        squares = len(occlusion_corners(side, side, window, stride))
        return Request(method, target, baseline=0.5, window=window, stride=stride), f"{squares} squares"
    if method == "SmoothGrad":
        draws = CONTROLS.number("draws", "Noisy copies", 5, 200, 25, 5)
        noise = CONTROLS.number("noise", "Noise (standard deviation, of 1)", 0.0, 0.5, 0.15, 0.05)
        return Request(method, target, draws=draws, noise=noise), f"{draws} gradients"
    if method == "RISE":
        masks = CONTROLS.number("masks", "Masks", 50, 4000, 500, 50)
        return Request(method, target, masks=masks), f"{masks} masks"
    return Request(method, target), ""


def _completeness(shown: Shown) -> None:
    """Integrated gradients must add up to the rise of the logit."""
    if shown.request.method != "Integrated gradients":
        return
    found = shown.found
    st.markdown(
        f"f(x) − f(baseline) = **{found.difference:.4f}**  \n"
        f"sum of all attributions = **{found.difference + found.gap:.4f}**  \n"
        f"completeness gap = **{found.gap:+.4f}**, **{found.gap_share:.1%}** of the difference"
    )
    if found.gap_share > WIDE_GAP:
        st.warning(
            f"The gap is above {WIDE_GAP:.0%}, so don't trust these attributions as shares of the logit. The gradient "
            "jumps on the way, where the network's logit is far from smooth, and the steps miss the jumps. More steps "
            "don't always help: try several numbers of steps, and another baseline.",
            icon=":material/warning:",
        )


def _take_away(subject: LayerSubject, found: dict[Method, Shown]) -> None:
    st.caption(
        "Full colour is the 98th percentile of a picture's own |values|; the scale below it shows how much that is, in "
        "logits (saliency and SmoothGrad: logits per full step of brightness; Grad-CAM: units of its layer; RISE: "
        "probability)."
    )
    names = {method: method.lower().replace("+", "plus").replace(" ", "_").replace("-", "_") for method in found}
    take_away(
        recipe.code(*subject.network, subject.sample, [vars(shown.request) for shown in found.values()]),
        File(
            "Picture (PNG)",
            lambda: png(side_by_side([shown.picture for shown in found.values()])),
            "cnnlab_attribution.png",
            "image/png",
        ),
        File(
            "Numbers (NPZ)",
            lambda: npz_file({names[method]: shown.found.values for method, shown in found.items()}),
            "cnnlab_attribution.npz",
            "application/zip",
        ),
    )
