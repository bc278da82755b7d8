"""The effective field: how much each pixel really moves a unit, trained and untrained side by side."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
import torch
from PIL import Image

from cnnlab_core.images import open_image, png, sample_images
from cnnlab_core.models import LoadedModel, ModelSpec, load_model
from cnnlab_core.models.spec import WEIGHTS_KINDS
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.overlays import influence_in_box
from cnnlab_core.receptive_field import Box
from cnnlab_core.receptive_field.effective import effective_field_steps, mass_radii, noise_pictures, share_of_box
from cnnlab_core.recipes.receptive_fields import effective as recipe
from cnnlab_core.runtime.files import npz_file
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, maps_of, unit_in
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.receptive_fields.fields import all_fields, chosen_channel
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import mark, run
from cnnlab_core.ui.show import data_address, form, later, main_answer, main_picture, plain, sentences
from cnnlab_core.ui.take_away import File, take_away


@dataclass(frozen=True)
class _Unit:
    """What an influence was asked of: the unit, what it can see, and all of it in words."""

    node: str
    row: int
    col: int
    channel: int | None
    box: Box
    about: str

    @property
    def place(self) -> tuple[str, int, int]:
        return self.node, self.row, self.col


SOURCES = ("the gallery", "noise")
UNITS = ("one channel", "all channels")
FOLLOWS = 8
"""Pictures that are averaged over at once; more wait for a button."""
MOST = 64
"""Pictures of noise to average over."""


def show(subject: LayerSubject) -> None:
    """The influence of each pixel on the unit, with trained and with random weights."""
    spec, node = subject.spec, subject.node
    fields = all_fields(spec)
    maps = maps_of(subject)
    if not fields or maps is None or node.name not in fields:
        return
    source, count, channel = _controls(maps)
    row, col = unit_in(*maps.shape[1:])
    box = fields[node.name].box(row, col)
    if box is None:
        st.info("This unit sees nothing but padding.")
        return
    what = "all channels" if channel is None else f"channel {channel}"
    shown = subject.counting.unit(row, col, maps.shape[1])
    unit = _Unit(node.name, row, col, channel, box, f"unit {shown} of {plain(node.place)}, {what}")
    found: dict[str, np.ndarray] = {}
    with main_picture():
        for column, weights in zip(st.columns(2, gap="large"), WEIGHTS_KINDS, strict=True):
            with column, sentences():
                st.markdown(f"**{weights} weights**")
                if weights_ready(spec, weights, place="effective"):
                    influence = _influence(spec, weights, unit, source, count)
                    if influence is not None:
                        found[weights] = influence
    with main_answer():
        st.caption(
            f"How strongly each pixel affects {unit.about}. The green box is all that it can see; the circles hold 25, "
            "50 and 95 % of the influence. Notice how little of the box is used, and how training changes that. "
            "(Brightness is the square root of the influence.)"
        )
    learned(
        "what a unit can see and what counts are two things. The middle counts most, since most paths lead from "
        "there to the unit."
    )
    if found:
        take_away(
            recipe.code(spec.name, tuple(found), unit.place, channel, count, noise=source == SOURCES[1]),
            File("Picture (PNG)", lambda: png(_drawn(found, box)), "cnnlab_effective_field.png", "image/png"),
            File("Numbers (NPZ)", lambda: npz_file(found), "cnnlab_effective_field.npz", "application/zip"),
        )


def _drawn(found: dict[str, np.ndarray], box: Box) -> Image.Image:
    return side_by_side([influence_in_box(map_, box, *mass_radii(map_)) for map_ in found.values() if map_.any()])


def _controls(maps: np.ndarray) -> tuple[str, int, int | None]:
    """What to average over, how many, and the channel (None: the sum of all)."""
    with form(horizontal=True, vertical_alignment="center"):
        unit = CONTROLS.one_of("effective_unit", "Unit of", UNITS, UNITS[1], label_visibility="collapsed")
        more = st.popover("More: pictures to average over", icon=":material/tune:", key="maps_effective_more")
    source = CONTROLS.one_of("effective_over", "Mean over", SOURCES, SOURCES[0], place=more)
    gallery = len(sample_images())
    most = gallery if source == SOURCES[0] else MOST
    count = CONTROLS.index("pictures", most, FOLLOWS, lowest=1)
    CONTROLS.typed("pictures", f"Pictures (1 to {most})", 1, most, count, place=more)
    if unit == UNITS[1]:
        return source, count, None
    channel = chosen_channel(maps)
    CONTROLS.typed("channel", "Channel", 0, len(maps) - 1, channel, place=more)
    return source, count, channel


def _influence(spec: ModelSpec, weights: str, unit: _Unit, source: str, count: int) -> np.ndarray | None:
    """The influence map, drawn, and sharper with every slice while it is computed; None if it isn't there (yet)."""
    above, box = st.container(), f"effective_{weights}"  # progress and Stop keep their place while the picture changes
    with st.container(key=box):
        picture, numbers = st.columns([1.3, 1], gap="small", vertical_alignment="center")
        place = later(picture)

    def job() -> Generator[Progress[np.ndarray], None, np.ndarray]:
        model = load_model(spec.name, weights)
        pictures = _Pictures(model, source, count)
        return (yield from effective_field_steps(model, *unit.place, pictures, channel=unit.channel))

    def draw(influence: np.ndarray, of: _Unit) -> None:
        if influence.any():
            drawn = png(influence_in_box(influence, of.box, *mass_radii(influence)))
            about = f"The influence of the pixels, {weights} weights"
            place.image(data_address(drawn), alt=about, width="stretch")

    outcome = run(
        f"effective {weights}",
        digest("effective", spec.name, weights, unit.place, unit.channel, source, count),
        job,
        label=f"Averaging over {count} pictures",
        start="" if count <= FOLLOWS else f"Average over {count} pictures",
        paint=lambda steps: draw(steps[-1].latest, unit),
        for_everybody=count <= FOLLOWS,  # no upload is among the pictures
        asked=unit,
        at=above,
    )
    if outcome.result is None:
        return None
    mark(outcome, box)
    draw(outcome.result, outcome.asked)
    with numbers:
        if outcome.state == "stale":
            st.caption(f"Of {outcome.asked.about}.")
        _numbers(outcome.result, outcome.asked.box)
    return outcome.result if outcome.state == "done" else None


class _Pictures(Sequence[torch.Tensor]):
    """The pictures to average over, each made when it is its turn, so that slices stay short."""

    def __init__(self, model: LoadedModel, source: str, count: int) -> None:
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
    for share, radius in zip(("25 %", "50 %", "95 %"), radii, strict=True):
        st.metric(f"{share} within", f"{radius:.1f} px")
    covered = share_of_box(centre, radii[-1], box)
    height, width = box.bottom - box.top + 1, box.right - box.left + 1
    st.markdown(f"The 95 % circle covers **{covered:.0%}** of the {height} × {width} box.")
