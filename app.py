"""The home page: what the lab is, this machine's device, which models are ready, and the way in. Imports no torch."""

import streamlit as st

from cnnlab_core.images import open_image, png, sample_images, square
from cnnlab_core.models.weights import local_weights
from cnnlab_core.runtime.device import likely_device
from cnnlab_core.ui.classroom import offered_specs
from cnnlab_core.ui.contents import pages_by_group
from cnnlab_core.ui.frame import home
from cnnlab_core.ui.homework import is_wanted, show_homework
from cnnlab_core.ui.network.hero import show_alive
from cnnlab_core.ui.show import is_dark, plain, reserve, sentences, show_words


@st.cache_data(show_spinner=False)
def icons() -> dict[str, bytes]:
    """The gallery, small and square."""
    return {name: png(square(open_image(sample.content), 200)) for name, sample in sample_images().items()}


home(
    "See what a convolutional network computes, by doing it yourself. Each page answers one question; no account is "
    "needed. A problem set on your desk? Go to [I have this exercise](#i-have-this-exercise)."
)
if is_wanted():
    show_homework()
else:
    reserve("home_network", "24.25rem")
    show_alive()

for group, pages in pages_by_group().items():
    st.subheader(group)
    for column, page in zip(st.columns(max(3, len(pages))), pages, strict=False):
        with column.container(border=True, height="stretch"):
            st.page_link(page.file, label=f"**{page.title}**", icon=page.icon)
            place = st.container(key=f"page_picture_{page.name}")
            place.image(page.picture(dark=is_dark()), width="stretch", alt=f"The page “{page.title}”, open")
            st.markdown(page.question)

if not is_wanted():
    show_homework()

st.header("Start with a photo")
with st.container(horizontal=True, gap="small"):
    for name, icon in icons().items():
        with st.container(width=150, gap="xsmall"):
            st.image(icon, width="stretch", alt=sample_images()[name].title, output_format="PNG")
            title = sample_images()[name].title
            st.page_link("pages/classifier.py", label=title, query_params={"picture": name})

machine, models = st.columns([1, 3], gap="large")
with machine:
    st.header("This machine")
    st.markdown(f":material/memory: {plain(likely_device())}")
    st.caption("Everything is computed here, and everyone who uses the lab gets a fair share.")
with models, sentences():
    networks = offered_specs()
    ready = [spec for spec in networks if local_weights(spec)]
    st.header(f"{len(ready)} of {len(networks)} networks ready offline")
    show_words(
        [
            {
                "network": spec.title,
                "trained weights": "ready" if spec in ready else f"{spec.weights.megabytes:.0f} MB to download",
                "parameters": f"{spec.parameters / 1e6:.1f} million",
                "about": spec.about,
            }
            for spec in networks
        ]
    )
    st.caption(
        "Downloaded weights stay on the server, in the folder of CNNLAB_WEIGHTS if that is set. With random weights, "
        "every network works right away."
    )

with st.expander("Photo credits"):
    for sample in sample_images().values():
        st.caption(f"{plain(sample.title)}: {plain(sample.credit)}. {plain(sample.licence)}.")
