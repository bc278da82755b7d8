"""Dream: a layer or a channel paints what it sees into the photo."""

from collections.abc import Generator
from typing import Any

import streamlit as st
import torch
from PIL import Image

from cnnlab_core.dream import channel, dream, layer, memory
from cnnlab_core.images import to_tensor
from cnnlab_core.models import load_model
from cnnlab_core.models.layers import Layer
from cnnlab_core.recipes.dream import dream_code
from cnnlab_core.runtime.device import pick_device
from cnnlab_core.ui.dream.choice import Choice, choose_layer, shrunk
from cnnlab_core.ui.dream.gallery import show_patches
from cnnlab_core.ui.dream.live import film_files, show_film
from cnnlab_core.ui.dream.settings import DEPTH, SIDES, TRICKS, Settings, at_once, choose_settings, presets
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import take_away

READS = {
    TRICKS[0]: "Octaves draw at every size, jitter keeps the grain away, normalisation makes every step count. Leave "
    "one out and compare.",
    TRICKS[1]: "**Without octaves** all steps are made at the full size: only fine patterns, none larger than what a "
    "unit sees.",
    TRICKS[2]: "**Without jitter** the steps fall on the same pixels each time: look for grain and for the network's "
    "own grid.",
    TRICKS[
        3
    ]: "**Without normalisation** a step is the raw gradient times the step size: as small as gradients are, next "
    "to nothing happens.",
}


def show(choice: Choice) -> None:
    """The tab."""
    presets(choice.spec)
    place = choose_layer(choice.spec, key="dream_layer", depth=DEPTH)
    left, right = st.columns([1.45, 1], gap="large")
    with right:
        chosen = choose_settings(place)
        trick = segmented(
            st,
            "Tricks",
            TRICKS,
            default=TRICKS[0],
            key="dream_trick",
            bind="query-params",
            on_change=at_once,
            wrap=True,
        )
        st.caption(READS[trick])
        if chosen.channel is not None:
            show_patches(choice, place, chosen.channel)
    with left:
        _dream(choice, place, chosen, trick)


def _dream(choice: Choice, place: Layer, chosen: Settings, trick: str) -> None:
    settings = chosen.without(trick)
    before = shrunk(choice.picture.image, settings.side)
    if not _fits(choice, place, before):
        return

    def job() -> Generator[Any, None, Any]:
        model = load_model(*choice.model)
        asked = layer(settings.node) if settings.channel is None else channel(settings.node, settings.channel)
        generator = torch.Generator().manual_seed(settings.seed)
        x = to_tensor(before).to(model.device)
        return dream(model, x, asked, generator=generator, **settings.arguments)

    key = digest("dream", choice.model, choice.picture.key, settings)
    total = settings.octaves * settings.steps
    film = show_film(
        "dream",
        key,
        job,
        label=f"Dreaming of {place.name}",
        before=before,
        start="" if _now(key, chosen, place, choice) else "Dream",
        every=settings.steps if settings.octaves > 1 else 0,
        total=total,
        for_everybody=choice.picture.is_sample and _is_first(chosen),
        labels=(choice.picture.title, trick if trick != TRICKS[0] else "Dream"),
    )
    st.caption(
        f"Asked: {plain(place.name)}, {'all of it' if settings.channel is None else f'channel {settings.channel}'}."
    )
    if film:
        code = dream_code(
            *choice.model, choice.sample, settings.side, settings.objective, settings.arguments, settings.seed
        )
        take_away(code, *film_files(film, "cnnlab_dream"))


def _fits(choice: Choice, place: Layer, picture: Image.Image) -> bool:
    """Whether there is memory for the dream; if not, says so and offers the largest size for which there is."""
    most = memory.largest_area(choice.spec, [place.name], pick_device())
    if picture.width * picture.height <= most:
        return True
    shape = picture.width * picture.height / max(picture.size) ** 2
    smaller = [side for side in SIDES if side**2 * shape <= most]
    st.warning(
        f"A dream of {picture.width} × {picture.height} pixels needs more memory than is free on this machine. "
        + ("Here is a size that fits:" if smaller else "Try again when others are done."),
        icon=":material/memory:",
    )
    if smaller:
        st.button(f"Use {smaller[-1]} pixels", key="dream_smaller", on_click=_use_side, args=(smaller[-1],))
    return False


def _use_side(side: int) -> None:
    st.session_state["dream_side"] = side


def _is_first(chosen: Settings) -> bool:
    """Whether these are the settings that the page opens with, at any layer."""
    return chosen == Settings(chosen.node, None)


def _now(key: str, chosen: Settings, place: Layer, choice: Choice) -> bool:
    """Whether the dream runs at once: a preset, a surprise or a trick was just clicked, or it is the first look."""
    if st.session_state.pop("dream_now", False):
        st.session_state["dream_now_key"] = key
    return st.session_state.get("dream_now_key") == key or (_is_first(chosen) and choice.picture.is_sample)
