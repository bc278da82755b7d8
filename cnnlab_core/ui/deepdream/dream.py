"""Dream: a layer or a channel paints what it sees into the photo."""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import streamlit as st
import torch
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.dream import channel, dream_steps, layer, memory
from cnnlab_core.dream.film import Film
from cnnlab_core.images import shrunk, to_tensor
from cnnlab_core.models import load_model
from cnnlab_core.models.layers import Layer
from cnnlab_core.recipes.deepdream import dream as recipe
from cnnlab_core.runtime.device import pick_device
from cnnlab_core.ui.deepdream import several_layers
from cnnlab_core.ui.deepdream.film import film_files, show_film, whole
from cnnlab_core.ui.deepdream.gallery import show_patches
from cnnlab_core.ui.deepdream.layer import choose_layer, strip_place, typical
from cnnlab_core.ui.deepdream.settings import (
    CONTROLS,
    DEPTH,
    MEASURES,
    SIDES,
    TRICKS,
    Settings,
    at_once,
    choose_settings,
    presets,
)
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.show import later, main_answer, main_picture, plain, reserve
from cnnlab_core.ui.subject import Subject
from cnnlab_core.ui.take_away import take_away

READS = {
    TRICKS[0]: "Octaves draw patterns of every size, jitter keeps the grain away, and normalisation makes every step "
    "count. Leave one out and compare.",
    TRICKS[1]: "**Without octaves**, all steps are made at full size: only fine patterns appear, none larger than a "
    "unit's receptive field.",
    TRICKS[2]: "**Without jitter**, the steps fall on the same pixels every time: look for grain and for the network's "
    "own grid.",
    TRICKS[3]: "**Without normalisation**, a step is the raw gradient times the step size. Gradients are tiny, so next "
    "to nothing happens.",
}


LOOKS_HEIGHT = 266
"""Of the presets on a laptop, in pixels: their place until the page's style comes, which lets them be as high as they
are."""


def show(subject: Subject) -> None:
    """Presets, the layer and the settings, and the dream that they give of the photo."""
    strip = strip_place(subject)
    left, right = st.columns([1.45, 1], gap="large")
    with right:
        answer, row = main_answer(), st.container()
        with answer:
            said = later()
        looks = st.container(key="dream_looks", height=LOOKS_HEIGHT, border=False)
        with st.popover(
            "More settings: octaves, steps, one channel, size …",
            icon=":material/tune:",
            key="dream_more",
            width="stretch",
        ):
            listed = st.container()
            with strip:
                chosen = choose_layer(subject, CONTROLS, depth=DEPTH, place=listed)
            settings = choose_settings(chosen)
        _answer(said, subject, chosen, settings, None)
        with looks:
            presets(subject.spec)
        trick = CONTROLS.one_of("trick", "Leave a trick out", TRICKS, TRICKS[0], on_change=at_once, wrap=True)
        st.caption(READS[trick])
        if settings.channel is not None:
            show_patches(subject, chosen, settings.channel)
    with left, main_picture():
        picture = st.container()
    with left:
        rest = st.container()
    with picture:
        film, take = _dream(subject, chosen, settings, trick, row, rest)
    _answer(said, subject, chosen, settings, film)
    with rest:
        take()
    if film:
        moved = float(
            np.abs(
                np.asarray(whole(film), float) - np.asarray(shrunk(subject.picture.image, settings.side), float)
            ).mean()
        )
        guess_number(
            "dream", "how far, of 255, does the dream move a number of the photo on average?", moved, (5, 20), "",
            f"By {moved:.1f}. An attack stays within some 4 of 255 and is hardly seen; a dream is made to be seen.",
        )  # fmt: skip
    learned(
        "a dream changes the photo so that one layer answers more strongly. What appears is "
        "what that layer looks for; early layers draw strokes, deep ones things."
    )
    several_layers.show(subject, settings.without(trick))


def _answer(place: DeltaGenerator, subject: Subject, chosen: Layer, settings: Settings, film: Film | None) -> None:
    """What the layer draws, in a sentence; with its ``film``, how much more strongly it answers."""
    what = plain(chosen.title.split(" · ")[0])
    part = f"Channel {settings.channel} of {what}" if settings.channel is not None else what
    drew = f"**{part}** draws what it looks for into the photo."
    if film and hasattr(film.result, "before") and film.result.before > 0:
        more = film.result.after / film.result.before
        drew = f"**{part}** drew what it looks for into the photo, and now answers **{more:.1f} times** as strongly."
    place.markdown(f"{drew} {typical(subject, chosen)}")


def _dream(
    subject: Subject, chosen: Layer, all_tricks: Settings, trick: str, row: DeltaGenerator, rest: DeltaGenerator
) -> tuple[Film | None, Callable[[], None]]:
    """The dream; gives its film, and what is to be drawn below it."""
    settings = all_tricks.without(trick)
    before = shrunk(subject.picture.image, settings.side)
    if not _fits(subject, chosen, before):
        return None, lambda: None

    def job() -> Generator[Any, None, Any]:
        model = load_model(*subject.network)
        goal = (
            layer(settings.node, settings.norm)
            if settings.channel is None
            else channel(settings.node, settings.channel)
        )
        generator = torch.Generator().manual_seed(settings.seed)
        x = to_tensor(before).to(model.device)
        return dream_steps(model, x, goal, generator=generator, **settings.arguments)

    reserve("frame_film_dream", f"calc(((100vw - 396px) * 0.592 - 32px) * {before.height / before.width:.3f})")
    key = digest("dream", subject.network, subject.picture.key, settings)
    film = show_film(
        "dream",
        key,
        job,
        label="Dreaming",
        before=before,
        start="" if _runs_at_once(key, all_tricks, subject) else "Dream",
        every=settings.steps if settings.octaves > 1 else 0,
        total=settings.octaves * settings.steps,
        for_everybody=subject.picture.is_sample and _is_first(all_tricks),
        labels=(subject.picture.title, trick if trick != TRICKS[0] else "Dream"),
        at=row,
        below=rest,
    )

    def take() -> None:
        part = MEASURES[settings.norm] if settings.channel is None else f"mean of channel {settings.channel}"
        st.caption(f"Maximised: the {part} of {plain(chosen.title)}.")
        if film:
            code = recipe.code(
                *subject.network, subject.sample, settings.side, settings.objective, settings.arguments, settings.seed
            )
            take_away(code, *film_files(film, "cnnlab_dream"))

    return film, take


def _fits(subject: Subject, chosen: Layer, picture: Image.Image) -> bool:
    """Whether there is memory for the dream; if not, says so and offers the largest size that fits."""
    most = memory.largest_area(subject.spec, [chosen.name], pick_device())
    if picture.width * picture.height <= most:
        return True
    shape = picture.width * picture.height / max(picture.size) ** 2
    smaller = [side for side in SIDES if side**2 * shape <= most]
    st.warning(
        f"A dream of {picture.width} × {picture.height} pixels needs more memory than this machine has free. "
        + ("This size fits:" if smaller else "Try again when other jobs are done."),
        icon=":material/memory:",
    )
    if smaller:
        st.button(f"Use {smaller[-1]} pixels", key="dream_smaller", on_click=_use_side, args=(smaller[-1],))
    return False


def _use_side(side: int) -> None:
    st.session_state[CONTROLS.key("side")] = side


def _is_first(settings: Settings) -> bool:
    """Whether these are the settings that the page opens with, at any layer."""
    return settings == Settings(settings.node, None)


def _runs_at_once(key: str, settings: Settings, subject: Subject) -> bool:
    """Whether no button is needed: a preset, a surprise or a trick was just clicked, or it is the first look."""
    if st.session_state.pop("dream_now", False):
        st.session_state["dream_now_key"] = key
    return st.session_state.get("dream_now_key") == key or (_is_first(settings) and subject.picture.is_sample)
