"""Offers the download of weights that aren't on this machine; nothing is downloaded without a click."""

import streamlit as st

from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.models.weights import download_weights_steps, local_weights
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import plain


def weights_ready(spec: ModelSpec, weights: str, *, place: str) -> bool:
    """True if the model can be loaded; otherwise offers the download where the result would have been.

    ``place`` tells several offers on one page apart.
    """
    if weights == "random" or local_weights(spec):
        return True
    st.info(
        f"The weights of {plain(spec.title)} aren't on this machine yet. They are downloaded from "
        f"{plain(spec.weights.url.split('/')[2])}. Until then you can use its random weights, or a network that needs "
        "no download.",
        icon=":material/download:",
    )
    outcome = run(
        f"download {place}",
        spec.name,
        lambda: download_weights_steps(spec),
        label=f"Downloading {spec.weights.megabytes:.0f} MB",
        start=f"Download {spec.weights.megabytes:.0f} MB",
        computes=False,
        keep=False,
    )
    if outcome.state == "done":
        st.rerun()
    return False
