"""Zoom: into the dream, each frame dreamt on from the one before."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import streamlit as st
import torch

from cnnlab_core.dream import layer, zoom_steps
from cnnlab_core.images import shrunk, to_tensor
from cnnlab_core.models import load_model
from cnnlab_core.recipes.deepdream import zoom as recipe
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.deepdream.film import VIEWS, film_files, show_film
from cnnlab_core.ui.deepdream.layer import choose_layer, strip_place
from cnnlab_core.ui.deepdream.settings import DEPTH, SIDES, Settings
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.show import main_answer, main_picture
from cnnlab_core.ui.subject import Subject
from cnnlab_core.ui.take_away import take_away

CONTROLS = Controls("zoom")
OCTAVES = 2
"""Octaves of each frame: the frame before has most of the pattern already."""


def show(subject: Subject) -> None:
    """The layer and the settings, and the frames as an animation."""
    strip = strip_place(subject)
    left, right = st.columns([1.45, 1], gap="large")
    with right:
        with main_answer():
            st.markdown(
                "Each frame is the one before, slightly enlarged about its middle and dreamt on. **A speck becomes a "
                "world:** the photo is soon gone, and the layer is alone with its own pictures."
            )
        row = st.container()
        frames = CONTROLS.slider("frames", "Frames", 4, 96, 24, 4)
        factor = CONTROLS.slider("factor", "Enlargement per frame (×)", 1.0, 1.2, 1.05, 0.01)
        with st.popover(
            "More settings: any layer, steps, size …", icon=":material/tune:", key="zoom_more", width="stretch"
        ):
            listed = st.container()
            with strip:
                chosen = choose_layer(subject, CONTROLS, depth=DEPTH, place=listed)
            steps = CONTROLS.slider("steps", "Steps per frame", 2, 20, 4, 2)
            step_size = CONTROLS.slider("step_size", "Step size (/255)", 0.25, 12.0, 2.5, 0.25)
            side = CONTROLS.select("side", "Longest side (pixels)", SIDES[:5], SIDES[0])
            seed = CONTROLS.number("seed", "Seed", 0, 99_999, 0, 1)
    settings = replace(
        Settings(chosen.name, None), octaves=OCTAVES, steps=steps // OCTAVES, step_size=step_size, side=side, seed=seed
    )
    before = shrunk(subject.picture.image, side)

    def job() -> Generator[Any, None, Any]:
        model = load_model(*subject.network)
        x = to_tensor(before).to(model.device)
        generator = torch.Generator().manual_seed(seed)
        goal = layer(chosen.name)
        return zoom_steps(model, x, goal, frames=frames, factor=factor, generator=generator, **settings.arguments)

    with right:
        learned("each frame begins with the last, so what a layer sees a little of grows, whatever the photo was.")
    with left, main_picture():
        picture = st.container()
    with left:
        below = st.container()
    with picture:
        film = show_film(
            "zoom",
            digest("zoom", subject.network, subject.picture.key, settings, frames, factor),
            job,
            label="Zooming",
            before=before,
            start="Zoom",
            total=frames * OCTAVES * settings.steps,
            labels=(subject.picture.title, "Last frame"),
            view=VIEWS[2],
            at=row,
            below=below,
        )
    with below:
        if film:
            code = recipe.code(
                *subject.network, subject.sample, side, settings.objective, frames, factor, settings.arguments, seed
            )
            take_away(code, *film_files(film, "cnnlab_zoom"))
