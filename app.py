"""The home page: what the lab is, this machine's device, which models are ready, and the way in. Imports no torch."""

import streamlit as st

from cnnlab_core.device import likely_device
from cnnlab_core.images import sample_images
from cnnlab_core.models.weights import local_weights, weights_folder
from cnnlab_core.models.zoo import ZOO
from cnnlab_core.ui.contents import PAGES
from cnnlab_core.ui.frame import home
from cnnlab_core.ui.show import plain

home()
st.title("cnnlab")
st.markdown("See what a convolutional network computes, by doing it yourself. Each page answers one question.")

for page in PAGES:
    with st.container(border=True):
        st.page_link(page.file, label=f"**{page.title}**", icon=page.icon)
        st.markdown(f"{page.question} {page.promise}")

machine, models = st.columns([1, 2], gap="large")
with machine:
    st.subheader("This machine")
    st.markdown(f":material/memory: {plain(likely_device())}")
    st.caption("Every page is computed on it, and shared fairly between all who are here.")
with models:
    ready = [spec for spec in ZOO if local_weights(spec)]
    st.subheader(f"{len(ready)} of {len(ZOO)} networks are ready offline")
    st.dataframe(
        [
            {
                "network": spec.title,
                "trained weights": "ready" if spec in ready else f"{spec.weights.megabytes:.0f} MB to download",
                "parameters": f"{spec.parameters / 1e6:.1f} million",
                "about": spec.about,
            }
            for spec in ZOO
        ],
        hide_index=True,
        height="content",
    )
    st.caption(
        f"Weights lie in {plain(str(weights_folder()))} (set CNNLAB_WEIGHTS to choose a folder). "
        "With random weights every network works at once."
    )

st.subheader("Sample photos")
st.caption(" · ".join(f"{plain(s.title)}: {plain(s.credit)}, {plain(s.licence)}" for s in sample_images().values()))
