"""Three layers' dreams from the same noise, side by side, with the objective of each before and after."""

from dataclasses import replace
from functools import partial

import streamlit as st

from cnnlab_core.dream.layers import maps_of
from cnnlab_core.dream.several_layers import dream_layers_steps, grey_noise
from cnnlab_core.images import png, to_picture
from cnnlab_core.plots.paper import picture_row, rendered
from cnnlab_core.recipes.deepdream import several_layers as recipe
from cnnlab_core.ui.deepdream.layer import block_at
from cnnlab_core.ui.deepdream.settings import CONTROLS, MEASURES, Settings
from cnnlab_core.ui.show import folded, plain
from cnnlab_core.ui.subject import Subject, choose_node, run_on_model
from cnnlab_core.ui.take_away import offer, paper_files, show_code

SIZE = 224
"""Pixels of a side."""
DEPTHS = {"first": 0.15, "second": 0.5, "third": 0.85}
"""Of the layers at first."""


def show(subject: Subject, settings: Settings) -> None:
    """The choosers, the pictures in a row, and the row as a figure with its code."""
    st.header("Three layers from the same noise")
    st.caption("Each starts from the same grey noise and takes the settings above, with all of its layer maximised.")
    layers = maps_of(subject.spec)
    chosen = []
    for place, (name, depth) in zip(st.columns(3, gap="medium"), DEPTHS.items(), strict=True):
        with place:
            start = block_at(subject.spec, depth)
            chosen.append(choose_node(CONTROLS, f"{name}_of_three", f"The {name} layer", layers, start))
    nodes, asked = [layer.name for layer in chosen], replace(settings, node="", channel=None, side=SIZE)
    found = run_on_model(
        "three layers",
        subject.network,
        (nodes, asked),
        lambda model: dream_layers_steps(model, nodes, norm=asked.norm, size=SIZE, seed=asked.seed, **asked.arguments),
        label="Dreaming of three layers",
        start="Dream of the three",
        for_everybody=asked == Settings("", None, side=SIZE),
    )
    if found.state != "done" or not found.result:
        return
    measure = MEASURES[asked.norm]
    pictures = [("The noise", to_picture(grey_noise(SIZE, asked.seed)))]
    pictures += [
        (f"{layer.title}\n{measure} {one.before:.4g} to {one.after:.4g}", to_picture(one.image))
        for layer, one in zip(chosen, found.result, strict=True)
    ]
    for place, (title, picture) in zip(st.columns(4, gap="medium"), pictures, strict=True):
        place.image(png(picture), output_format="PNG", width="stretch", alt=title.replace("\n", ", "))
        name, *numbers = title.splitlines()
        place.markdown("  \n".join([f"**{plain(name)}**", *numbers]))
    network = f"{subject.spec.title}, {subject.weights} weights"
    figure = partial(
        picture_row,
        pictures,
        "Three layers from the same noise",
        f"{network}. The objective is the {measure} of the layer, measured on the noise and on the 8-bit picture. "
        f"{asked.octaves} octaves of {asked.steps} steps of {asked.step_size:g}/255, jitter {asked.jitter}, seed "
        f"{asked.seed}.",
    )
    with folded("Take the three away: one figure, code", ":material/download:"):
        with st.container(horizontal=True):
            offer(*paper_files(lambda kind: rendered(figure(), kind, tight=True), "layers"), icon=":material/download:")
        code = recipe.code(*subject.network, nodes, asked.norm, SIZE, asked.arguments, asked.seed)
        show_code(code, about="The same three layers")
