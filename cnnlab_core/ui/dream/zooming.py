"""Zoom: a journey into the dream, each frame dreamt on from the one before."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import streamlit as st
import torch

from cnnlab_core.dream import layer, zoom
from cnnlab_core.images import to_tensor
from cnnlab_core.models import load_model
from cnnlab_core.recipes.dream import zoom_code
from cnnlab_core.ui.dream.choice import Choice, choose_layer, shrunk
from cnnlab_core.ui.dream.live import VIEWS, film_files, show_film
from cnnlab_core.ui.dream.settings import DEPTH, SIDES, Settings
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.take_away import take_away


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        "Each frame is enlarged a little about its middle and dreamt on. What was a speck becomes a world; the photo "
        "is soon forgotten, and the layer alone with itself."
    )
    place = choose_layer(choice.spec, key="zoom_layer", depth=DEPTH)
    left, right = st.columns([1.45, 1], gap="large")
    with right:
        frames = int(st.slider("Frames", 4, 96, 24, 4, key="zoom_frames", bind="query-params"))
        factor = float(st.slider("Enlarged each time ×", 1.0, 1.2, 1.05, 0.01, key="zoom_factor", bind="query-params"))
        steps = int(st.slider("Steps in each frame", 2, 20, 4, 2, key="zoom_steps", bind="query-params"))
        size = float(st.slider("Step size (of 255)", 0.25, 12.0, 2.5, 0.25, key="zoom_step_size", bind="query-params"))
        side = int(st.selectbox("Longer side, at most", SIDES[:5], index=0, key="zoom_side", bind="query-params"))
        seed = int(st.number_input("Seed", 0, 99_999, 0, key="zoom_seed", bind="query-params"))
    settings = replace(Settings(place.name, None), octaves=2, steps=steps // 2, step_size=size, side=side, seed=seed)
    before = shrunk(choice.picture.image, side)

    def job() -> Generator[Any, None, Any]:
        model = load_model(*choice.model)
        x = to_tensor(before).to(model.device)
        generator = torch.Generator().manual_seed(seed)
        asked = layer(place.name)
        return zoom(model, x, asked, frames=frames, factor=factor, generator=generator, **settings.arguments)

    with left:
        film = show_film(
            "zoom",
            digest("zoom", choice.model, choice.picture.key, settings, frames, factor),
            job,
            label=f"Zooming into {place.name}",
            before=before,
            start="Zoom",
            total=frames * 2 * settings.steps,
            labels=(choice.picture.title, "Last frame"),
            view=VIEWS[2],
        )
        if film:
            code = zoom_code(
                *choice.model, choice.sample, side, settings.objective, frames, factor, settings.arguments, seed
            )
            take_away(code, *film_files(film, "cnnlab_zoom"))
