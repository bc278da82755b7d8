"""The patches of the gallery's photos that excite a channel most, small, beside its dream."""

import streamlit as st

from cnnlab_core.models.layers import Layer
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.feature_maps.layer import LayerSubject
from cnnlab_core.ui.feature_maps.top_patches import choose_pictures, find_patches
from cnnlab_core.ui.receptive_fields.fields import all_fields
from cnnlab_core.ui.runner import kept
from cnnlab_core.ui.subject import Subject

CONTROLS = Controls("neuron")


def show_patches(subject: Subject, layer: Layer, channel: int, *, most: int = 6) -> None:
    """The channel's strongest patches in a row."""
    asked = LayerSubject(subject.spec, subject.weights, subject.picture, layer)
    fields = all_fields(subject.spec)
    if not fields or layer.name not in fields:
        return
    words, pictures = st.container(), st.container()
    source = choose_pictures(CONTROLS)
    outcome = find_patches(asked, fields[layer.name], channel, source, per_picture=2)
    if outcome.result is None:
        return
    with pictures, kept(outcome, "gallery"), st.container(horizontal=True, gap="small"):
        for shown in outcome.result[:most]:
            st.image(shown.cut, width=84, alt=f"A patch of {shown.title}")
    found = "The patches of photos that excite" if outcome.result else "Nothing in these pictures excites"
    words.caption(f"{found} channel {outcome.asked.channel} most:" if outcome.result else f"{found} this channel.")
