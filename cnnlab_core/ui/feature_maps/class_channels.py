"""Channels of a class: which channels speak for it, and where; they add up to its logit."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.images import png
from cnnlab_core.models import LoadedModel
from cnnlab_core.network.contributions import Votes, spread, votes
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.overlays import attribution_overlay
from cnnlab_core.recipes.feature_maps import class_channels as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.feature_maps.layer import LayerSubject, choose_class
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.runner import once
from cnnlab_core.ui.show import form, main_answer, main_picture, plain
from cnnlab_core.ui.subject import classify_picture, run_study
from cnnlab_core.ui.take_away import File, take_away

BARS, DRAWN = 8, 3
"""Channels with a bar, and with a map."""
_WIDTH = 168
"""Pixels of a map: two beside each other fit on a phone."""


@dataclass(frozen=True)
class _Parts:
    """A vote, the logit that the network gives, and the maps (channels, h, w) of the first ``DRAWN`` channels."""

    vote: Votes
    logit: float
    order: list[int]
    maps: np.ndarray


def show(subject: LayerSubject) -> None:
    """The maps of the strongest channels over the photo, all parts as bars, and their sum."""
    answer = classify_picture(subject.spec, subject.weights, subject.picture, place="maps")
    if answer is None:
        return
    place = form()
    first, _ = place.columns([1, 1.4])
    target = choose_class(subject, answer.best[0].index, place=first)
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        picture, said = main_picture(), main_answer()
    found = run_study(
        "class channels",
        subject,
        (target,),
        lambda model, x: once(lambda: _parts(model, x, target)),
        label="Taking the logit apart",
    ).result
    if found is None:
        return
    vote, name = found.vote, plain(subject.labels[target])
    with picture, st.container(horizontal=True, gap="small"):
        for channel, overlay in zip(found.order, _overlays(subject, found), strict=False):
            with st.container(width=_WIDTH, gap=None):
                st.image(png(overlay), alt=f"Channel {channel} for the class, over the photo", width=_WIDTH)
                st.caption(f"channel {channel}: {vote.products[channel]:+.2f}")
    few = vote.products[found.order[:BARS]].sum()
    with said:
        st.markdown(
            f"The logit of **{name}** is a sum: each channel's mean, times its weight for the class. The {BARS} "
            f"strongest channels give **{few:+.2f}**, the other {len(vote.products) - BARS} "
            f"{vote.products.sum() - few:+.2f}, the bias {vote.bias:+.2f}: together **{vote.logit:.4f}**. The network "
            f"says {found.logit:.4f}. **Where do they look?** Teal speaks for the class, orange against it."
        )
    with right:
        labels = [f"channel {channel}" for channel in found.order[:BARS]]
        rest = [float(vote.products.sum() - few), vote.bias]
        figure = class_bars(
            [*labels, "all others", "bias"], [*vote.products[found.order[:BARS]].tolist(), *rest], percent=False,
            signed=True, what="part of the logit",
        )  # fmt: skip
        about = f"{subject.about} Class: {subject.labels[target]}."
        show_chart(figure, "class_channels", f"What adds up to the logit of {subject.labels[target]}", about)
    _guess(vote)
    learned(
        "a class is not one channel but many: the logit is their sum, to the last digit. The heat map that Grad-CAM "
        "draws at the last layer is these maps added up."
    )
    take_away(
        recipe.code(*subject.network, subject.sample, target),
        File(
            "Maps (PNG)", lambda: png(side_by_side(_overlays(subject, found))), "cnnlab_class_channels.png", "image/png"
        ),
        File("Every channel (CSV)", lambda: _table(vote), "cnnlab_class_channels.csv", "text/csv"),
    )


def _parts(model: LoadedModel, x: torch.Tensor, target: int) -> _Parts:
    found = votes(model, x, [target])
    if not found:
        raise InputError(
            f"{model.spec.title} doesn't end in a linear layer, so its logit isn't a weighted sum of channels. Choose "
            "another network, such as EfficientNet-Lite0 or ResNet-18."
        )
    vote = found[0]
    order = np.argsort(-vote.products, kind="stable").tolist()
    with torch.no_grad():
        logit = float(model.published(x)[0, target])
    return _Parts(vote, logit, order, spread(model, x, vote)[order[:DRAWN]])


def _overlays(subject: LayerSubject, found: _Parts):  # type: ignore[no-untyped-def]
    return [attribution_overlay(subject.seen, values, signed=True) for values in found.maps]


def _guess(vote: Votes) -> None:
    speaking = np.sort(np.maximum(vote.products, 0))[::-1]
    total = float(np.sum(speaking))
    half = 1 + int(np.searchsorted(np.cumsum(speaking), total / 2)) if total else 0
    guess_number(
        "class_channels", f"how many of the {len(vote.products)} channels give half of all that speaks for the class?",
        half, (10, 50), "", f"{half} channels give half of it; {int((vote.products < 0).sum())} speak against it.",
    )  # fmt: skip


def _table(vote: Votes) -> str:
    rows = (
        (channel, f"{mean:.9g}", f"{weight:.9g}", f"{part:.9g}")
        for channel, (mean, weight, part) in enumerate(zip(vote.activations, vote.weights, vote.products, strict=True))
    )
    return csv_table(("channel", "mean", "weight", "part_of_logit"), [*rows, ("bias", "", "", f"{vote.bias:.9g}")])
