"""What in the gallery excites a channel most, small, beside what it dreams of."""

import streamlit as st

from cnnlab_core.models.layers import Layer
from cnnlab_core.ui.dream.choice import Choice
from cnnlab_core.ui.feature_maps.fields import all_fields
from cnnlab_core.ui.feature_maps.layer import LayerSubject
from cnnlab_core.ui.feature_maps.top_patches import find_patches


def show_patches(choice: Choice, layer: Layer, channel: int, *, most: int = 6) -> None:
    """The channel's strongest patches in a row."""
    asked = LayerSubject(choice.spec, choice.weights, choice.picture, layer)
    fields = all_fields(choice.spec)
    if not fields or layer.name not in fields:
        return
    found = find_patches(asked, fields[layer.name], channel, per_picture=2)
    if not found:
        if found is not None:
            st.caption("Nothing in the gallery excites this channel.")
        return
    st.caption(f"In photos, channel {channel} answers most to:")
    with st.container(horizontal=True, gap="small"):
        for shown in found[:most]:
            st.image(shown.cut, width=84, alt=f"A patch of {shown.title}")
