"""What the network will see of a new run's first pictures: before and after all that the settings do to them."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import streamlit as st
import torch
from PIL import Image

from cnnlab_core.data import find_data
from cnnlab_core.images import png, to_picture
from cnnlab_core.plots.mosaic import CLEAR, tiles
from cnnlab_core.recipes.training import first_batch as recipe
from cnnlab_core.training import Config
from cnnlab_core.training.checks import Facts
from cnnlab_core.training.first_batch import DECIDING, FirstBatch, first_batch
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import folded, plain
from cnnlab_core.ui.take_away import show_code

SHOWN = 8
SIDE = 96


def show(config: Config, facts: Facts) -> None:
    """The first pictures of step 1, which are those that the run will begin with."""
    st.header("What the network sees")
    if find_data(config.data).megabytes:
        st.caption("The first pictures appear here once the data are on this machine.")
        return
    outcome = run(
        "first batch",
        digest("first batch", [getattr(config, name) for name in DECIDING], facts.pictures, facts.side, facts.classes),
        lambda: once(lambda: first_batch(config, SHOWN)),
        label="Dealing the first pictures",
        for_everybody=not config.data.startswith("own:"),
    )
    found = outcome.result
    if found is None:
        return
    with st.container(horizontal=True, gap="small"):
        for told, pair in zip(map(_told, found.classes), _pairs(found), strict=True):
            with st.container(width=SIDE, gap="xxsmall"):
                st.image(pair, width=SIDE, output_format="PNG", alt=f"{told}: as it is, and as the network sees it")
                st.caption(plain(told))
    smaller = f" They begin with {side} × {side} pixels." if (side := found.after.shape[-1]) < facts.side else ""
    attacked = " Then they are attacked." if config.attack != "none" else ""
    st.caption(
        "The first pictures of step 1, with these settings and this seed: above as they are, below as they are learned "
        f"from.{smaller}{attacked} In the next epoch each of them is changed in another way."
    )
    learned("what an answer must not depend on is changed at random again and again, and so no longer counts.")
    with folded("These pictures in Python", ":material/code:"):
        show_code(recipe.code(config, SHOWN), about="The first pictures of step 1")


def _told(classes: Mapping[str, float]) -> str:
    """What the network is told of a picture: its class, or after mixup the shares of two."""
    if len(classes) == 1:
        return next(iter(classes))
    return ", ".join(f"{share:.0%} {name}" for name, share in classes.items())


@lru_cache(maxsize=16)
def _pairs(found: FirstBatch) -> list[bytes]:
    """Each picture as it is, above what the network sees of it."""
    pairs = [np.stack([_grown(one) for one in both]) for both in zip(found.before, found.after, strict=True)]
    return [png(tiles(pair, cols=1, tile=SIDE, gap=4, ground=CLEAR).picture) for pair in pairs]


def _grown(pixels: torch.Tensor) -> npt.NDArray[np.uint8]:
    """A picture with the side that is shown; its pixels stay squares."""
    picture = to_picture(pixels)
    how = Image.Resampling.NEAREST if picture.width <= SIDE else Image.Resampling.BICUBIC
    return np.asarray(picture.resize((SIDE, SIDE), how))
