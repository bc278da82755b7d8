"""The patches of the gallery's photos that excite a channel most, small, beside its dream."""

import streamlit as st

from cnnlab_core.models.layers import Layer
from cnnlab_core.ui.feature_maps.layer import LayerSubject
from cnnlab_core.ui.feature_maps.top_patches import find_patches
from cnnlab_core.ui.receptive_fields.fields import all_fields
from cnnlab_core.ui.subject import Subject


def show_patches(subject: Subject, layer: Layer, channel: int, *, most: int = 6) -> None:
    """The channel's strongest patches in a row."""
    asked = LayerSubject(subject.spec, subject.weights, subject.picture, layer)
    fields = all_fields(subject.spec)
    if not fields or layer.name not in fields:
        return
    found = find_patches(asked, fields[layer.name], channel, per_picture=2)
    if not found:
        if found is not None:
            st.caption("Nothing in the gallery excites this channel.")
        return
    st.caption(f"The photo patches that excite channel {channel} most:")
    with st.container(horizontal=True, gap="small"):
        for shown in found[:most]:
            st.image(shown.cut, width=84, alt=f"A patch of {shown.title}")
