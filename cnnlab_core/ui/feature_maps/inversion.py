"""Inversion: what a layer still knows of the photo, drawn from its activations alone."""

from collections.abc import Generator
from typing import Any

import streamlit as st
from PIL import Image

from cnnlab_core.dream.film import Film
from cnnlab_core.images import to_tensor
from cnnlab_core.interpretability.inversion import SMOOTHNESS, distance_at, inversion_steps
from cnnlab_core.interpretability.methods import BACKWARD
from cnnlab_core.models import load_model
from cnnlab_core.recipes.feature_maps import inversion as recipe
from cnnlab_core.ui.deepdream.film import film_files, show_film
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject
from cnnlab_core.ui.feature_maps.trial import start_label
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import form, main_answer, main_picture, plain
from cnnlab_core.ui.take_away import take_away

STEPS = 64


def show(subject: LayerSubject) -> None:
    """The photo and the picture that the layer takes for it, and how far apart the two are."""
    more, _ = form().columns([0.5, 3])
    with more.popover("More", icon=":material/tune:", key="maps_inversion_more", width="stretch"):
        steps = CONTROLS.slider("inversion_steps", "Steps", 16, 512, STEPS, 16)
        smoothness = CONTROLS.slider("smoothness", "Smoothness", 0.0, 2.0, SMOOTHNESS, 0.1)
        seed = CONTROLS.number("inversion_seed", "Seed", 0, 99_999, 0, 1)
    arguments: dict[str, Any] = {"steps": steps, "smoothness": smoothness, "generator": seed}
    node = subject.node.name

    def job() -> Generator[Any, None, Any]:
        model = load_model(*subject.network)
        return inversion_steps(model, model.prepare(subject.picture.image), node, **arguments)

    key = digest("inversion", subject.key, node, arguments)
    left, right = st.columns([1, 1], gap="large")
    with left:
        row, picture, below = st.container(), main_picture(), st.container()
    with picture:
        film = show_film(
            "inversion",
            key,
            job,
            label="Inverting the layer",
            before=subject.seen,
            start=start_label(subject.spec, (1 + BACKWARD) * steps, node),
            total=steps,
            for_everybody=subject.picture.is_sample,
            labels=("The photo", "From the layer alone"),
            measured="The objective is minus the squared distance, as a share, less what smoothness costs.",
            at=row,
            below=below,
        )
    with right:
        with main_answer():
            st.markdown(
                f"The layer **{plain(subject.node.place)}** sees the photo as {subject.node.shape[0]} maps. The other "
                "picture was made from noise until the layer gave nearly the same maps: what is lost in it, the layer "
                "doesn't know. **What is the first thing to go**: colours, places, or details? Choose a late layer."
            )
        if film and film.picture and film.result is not None:
            _distances(subject, film.picture, key)
        learned(
            "early layers keep nearly every pixel; late ones keep what is there and roughly where, and let go of the "
            "rest."
        )
    if film is not None:
        _away(subject, film, arguments)


def _distances(subject: LayerSubject, picture: Image.Image, key: str) -> None:
    """How far apart the two pictures are, for the layer and pixel by pixel, of the 8-bit picture."""

    def measure() -> tuple[float, float]:
        model = load_model(*subject.network)
        x, other = model.prepare(subject.picture.image), to_tensor(picture).to(model.device)
        return distance_at(model, x, other, subject.node.name), (x - other).abs().mean().item()

    outcome = run(
        "inversion distance", digest("inversion distance", key), lambda: once(measure), label="Comparing",
        for_everybody=subject.picture.is_sample,
    )  # fmt: skip
    if outcome.result is None:
        return
    layer, pixels = outcome.result
    st.metric("Distance of the maps, of their own size", f"{layer:.1%}", help="‖Φ(x′) − Φ(x)‖ / ‖Φ(x)‖, in 8 bits")
    guess_number(
        "inversion", "how far is the new picture from the photo, pixel by pixel?", 100 * pixels, (5, 15), " %",
        f"A colour of a pixel is off by {pixels:.1%} of black to white on average, while the layer's maps are off by "
        f"{layer:.1%}.",
    )  # fmt: skip


def _away(subject: LayerSubject, film: Film, arguments: dict[str, Any]) -> None:
    take_away(
        recipe.code(*subject.network, subject.sample, subject.node.name, arguments),
        *film_files(film, "cnnlab_inversion"),
    )
