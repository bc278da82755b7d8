"""The effective field: how much each pixel really moves a unit, trained and untrained side by side."""

import io
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import streamlit as st
import torch
from PIL import Image

from cnnlab_core.images import open_image, png, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.models.spec import WEIGHTS_KINDS
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.overlays import influence_in_box
from cnnlab_core.receptive_field import Box
from cnnlab_core.receptive_field.effective import (
    EffectiveStep,
    effective_field,
    mass_radii,
    noise_pictures,
    share_of_box,
)
from cnnlab_core.recipes.feature_maps import effective_field_code
from cnnlab_core.ui.feature_maps.choice import Choice, in_address, maps_of, number_box, put_in_address
from cnnlab_core.ui.feature_maps.field import all_fields, chosen_channel
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import data_address, plain, sentences
from cnnlab_core.ui.take_away import File, take_away

SOURCES = ("the gallery", "noise")
UNITS = ("one channel", "all channels")
FOLLOWS = 8
"""More pictures than this wait for a button."""
MOST = 64


def show(choice: Choice) -> None:
    """The tab."""
    fields = all_fields(choice)
    maps = maps_of(choice)
    if not fields or maps is None or choice.node.name not in fields:
        return
    source, count, channel = _controls(maps)
    row, col = (
        in_address("row", maps.shape[1] - 1, maps.shape[1] // 2),
        in_address("col", maps.shape[2] - 1, maps.shape[2] // 2),
    )
    box = fields[choice.node.name].box(row, col)
    if box is None:
        st.info("This unit sees nothing but padding.")
        return
    what = "all channels" if channel is None else f"channel {channel}"
    st.caption(
        f"How strongly each pixel moves unit ({row}, {col}) of {plain(choice.node.name)}, {what}. The green box is all "
        "that it can see; the circles hold 25, 50 and 95 % of what it does see. How little of the box that is, and "
        "how training changes it! (Brightness is the square root of the influence.)"
    )
    found: dict[str, np.ndarray] = {}
    unit = (choice.node.name, row, col)
    for column, weights in zip(st.columns(2, gap="large"), WEIGHTS_KINDS, strict=True):
        with column, sentences():
            st.markdown(f"**{weights}**")
            if weights_ready(choice.spec, weights, place="effective"):
                influence = _influence(choice, weights, unit, channel, source, count, box)
                if influence is not None:
                    found[weights] = influence
                    _numbers(influence, box)
    if found:
        code = effective_field_code(choice.spec.name, tuple(found), unit, channel, count, noise=source == SOURCES[1])
        take_away(
            code,
            File("Picture (PNG)", lambda: png(_drawn(found, box)), "cnnlab_effective_field.png", "image/png"),
            File("Numbers (NPZ)", lambda: _npz(found), "cnnlab_effective_field.npz", "application/zip"),
        )


def _drawn(found: dict[str, np.ndarray], box: Box) -> Image.Image:
    return side_by_side([influence_in_box(map_, box, *mass_radii(map_)) for map_ in found.values() if map_.any()])


def _controls(maps: np.ndarray) -> tuple[str, int, int | None]:
    """What to average over, how many, and the channel (None: the sum of all)."""
    first, second, third, fourth = st.columns([1.1, 1, 1.2, 1], gap="medium", vertical_alignment="bottom")
    source = segmented(first, "Mean over", SOURCES, default=SOURCES[0], key="maps_effective_over", bind="query-params")
    gallery = len(sample_images())
    most = gallery if source == SOURCES[0] else MOST
    with second:
        count = max(1, in_address("pictures", most, FOLLOWS))
        number_box(f"Pictures (1 to {most})", "pictures", 1, most, count, lambda typed: put_in_address(pictures=typed))
    unit = segmented(third, "Unit of", UNITS, default=UNITS[1], key="maps_effective_unit", bind="query-params")
    if unit == UNITS[1]:
        return source, count, None
    channel = chosen_channel(maps)
    with fourth:
        number_box("Channel", "channel", 0, len(maps) - 1, channel, lambda typed: put_in_address(channel=typed))
    return source, count, channel


def _influence(
    choice: Choice, weights: str, unit: tuple[str, int, int], channel: int | None, source: str, count: int, box: Box
) -> np.ndarray | None:
    """The influence map, drawn, and sharper with every slice while it is computed."""
    above, place = st.container(), st.empty()  # progress and Stop keep their place while the picture changes

    def job() -> Generator[EffectiveStep, None, np.ndarray]:
        model = load_model(choice.spec.name, weights)
        return (yield from effective_field(model, *unit, _Pictures(model, source, count), channel=channel))

    def draw(influence: np.ndarray) -> None:
        if influence.any():
            picture = png(influence_in_box(influence, box, *mass_radii(influence)))
            about = f"The influence of the pixels, {weights} weights"
            place.image(data_address(picture), alt=about, width="stretch")

    with above:
        outcome = run(
            f"effective {weights}",
            digest("effective", choice.spec.name, weights, unit, channel, source, count),
            job,
            label=f"Averaging over {count} pictures",
            share=lambda step: step.done / step.total,
            start="" if count <= FOLLOWS else f"Average over {count} pictures",
            paint=lambda steps: draw(steps[-1].influence),
            for_everybody=count <= FOLLOWS,  # no picture of anybody's own is in it
        )
    if outcome.result is None or outcome.state == "stale":  # an earlier unit's influence has no place in this box
        return None
    draw(outcome.result)
    return outcome.result


class _Pictures(Sequence[torch.Tensor]):
    """The pictures to average over, each made when it is its turn, so that slices stay short."""

    def __init__(self, model: Any, source: str, count: int) -> None:
        self._model, self._count = model, count
        self._noise = noise_pictures(model, count, torch.Generator().manual_seed(0)) if source == "noise" else []
        self._samples = list(sample_images().values())[:count]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if index >= self._count:
            raise IndexError(index)
        return self._noise[index] if self._noise else self._model.prepare(open_image(self._samples[index].content))


def _numbers(influence: np.ndarray, box: Box) -> None:
    centre, radii = mass_radii(influence)
    for column, share, radius in zip(st.columns(4), ("25 %", "50 %", "95 %"), radii, strict=False):
        column.metric(f"{share} within", f"{radius:.1f} px")
    covered = share_of_box(centre, radii[-1], box)
    height, width = box.bottom - box.top + 1, box.right - box.left + 1
    st.markdown(f"The 95 % circle covers **{covered:.0%}** of the {height} × {width} box.")


def _npz(found: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **found)  # type: ignore[arg-type]
    return file.getvalue()
