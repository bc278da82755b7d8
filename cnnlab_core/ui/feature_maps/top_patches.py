"""Strongest patches: what in all the pictures at hand activates a channel most."""

import io
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.errors import ImageError
from cnnlab_core.images import png
from cnnlab_core.interpretability.top_patches import Patch, top_patches
from cnnlab_core.models import load_model
from cnnlab_core.models.loaded import crop
from cnnlab_core.plots.mosaic import in_a_square, tiles
from cnnlab_core.plots.overlays import field_on_picture
from cnnlab_core.receptive_field import Box, ReceptiveField
from cnnlab_core.recipes.feature_maps import top_patches as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, clearest_channel, maps_of, type_channel
from cnnlab_core.ui.receptive_fields.fields import all_fields
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.shared import Picture, all_pictures
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away

MOST = 9
"""Patches of one channel."""
_SIDE = 320
"""Pixels of a patch as it is shown."""


@dataclass(frozen=True)
class ShownPatch:
    """A patch as PNGs: cut out, and where it sits on its picture; there is no such PNG if it is all of it."""

    patch: Patch
    title: str
    cut: bytes
    place: bytes


def show(subject: LayerSubject) -> None:
    """The patches in a row, strongest first, each with its activation and its place."""
    fields = all_fields(subject.spec)
    maps = maps_of(subject)
    if maps is None or not fields or subject.node.name not in fields:
        return
    field = fields[subject.node.name]
    first, second = st.columns([1, 3], gap="medium", vertical_alignment="bottom")
    with first:
        channel = type_channel(len(maps), clearest_channel(maps))
    at_most_two = CONTROLS.toggle(
        "patches_two",
        "At most two per picture",
        True,
        place=second,
        help="Even so, two patches of one picture never share half of their rows and half of their columns.",
    )
    per_picture = 2 if at_most_two else MOST
    found = find_patches(subject, field, channel, per_picture=per_picture)
    if found is None:
        return
    _what_to_see(subject, field, channel, [shown.patch for shown in found])
    with st.container(horizontal=True, gap="small"):
        for number, shown in enumerate(found, 1):
            _card(number, shown, subject.counting.unit(shown.patch.row, shown.patch.col, maps.shape[1]))
    if found:
        _away(subject, channel, found, maps.shape[1], per_picture=per_picture)


def _what_to_see(subject: LayerSubject, field: ReceptiveField, channel: int, patches: list[Patch]) -> None:
    if not patches:
        st.info("Nothing in these pictures activates this channel: it is nowhere above zero.")
        return
    side = subject.spec.preprocessing.crop
    if not field.size or min(field.size) >= side:
        sees = "can see as much as the whole picture: a patch is the part of its field that lies on the picture"
    else:
        sees = f"sees {field.size[0]:g} × {field.size[1]:g} pixels; each patch is what the strongest unit saw"
    ties = sum(patch.activation == patches[0].activation for patch in patches)
    equal = f" The first {ties} are equally strong and stand in the order of their pictures." if ties > 1 else ""
    st.caption(
        f"What activates channel {channel} of {plain(subject.node.place)} most? A unit here {sees}. The number above a "
        "patch is the activation; the small picture below shows where the patch lies. Look for what the patches have "
        f"in common: that is what the channel looks for.{equal}"
    )


def find_patches(
    subject: LayerSubject, field: ReceptiveField, channel: int, *, per_picture: int
) -> list[ShownPatch] | None:
    """The patches of all pictures at hand that activate a channel most; None with the reason on the page."""
    pictures = all_pictures()

    def search() -> Generator[Progress[tuple[Patch, ...]], None, list[ShownPatch]]:
        readable = [picture for picture in pictures if _opens(picture)]
        images = [picture.image for picture in readable]
        model = load_model(*subject.network)
        patches = yield from top_patches(model, field, channel, images, most=MOST, per_picture=per_picture)
        seen = {
            index: crop(images[index], subject.spec.preprocessing) for index in {patch.picture for patch in patches}
        }
        return [
            ShownPatch(
                patch,
                readable[patch.picture].title,
                png(in_a_square(patch.cut(seen[patch.picture]), _SIDE)),
                _place(seen[patch.picture], patch.box),
            )
            for patch in patches
        ]

    return run(
        "patches",
        digest("patches", subject.network, subject.node.name, channel, per_picture, [p.key for p in pictures]),
        search,
        label=f"Looking through {len(pictures)} pictures",
        for_everybody=all(picture.is_sample for picture in pictures),
    ).result


def _place(seen: Image.Image, box: Box) -> bytes:
    whole = box == (0, 0, seen.height - 1, seen.width - 1)
    return b"" if whole else png(field_on_picture(seen, box))


def _opens(picture: Picture) -> bool:
    """Whether it can be read; the chooser says what is wrong with a damaged upload, here it is left out."""
    try:
        return bool(picture.image)
    except ImageError:
        return False


def _card(number: int, shown: ShownPatch, unit: tuple[int, int]) -> None:
    patch = shown.patch
    with st.container(width=160, gap="small"):
        st.markdown(f"**{number}.** {patch.activation:.3g}")
        st.image(shown.cut, width=160, alt=f"Patch {number}")
        if shown.place:
            st.image(shown.place, width=160, alt=f"Where patch {number} is on its picture")
        st.caption(f"{plain(shown.title)}, unit {unit}")


def _away(subject: LayerSubject, channel: int, found: list[ShownPatch], rows: int, *, per_picture: int) -> None:
    take_away(
        recipe.code(*subject.network, subject.node.name, channel, MOST, per_picture),
        File("Patches (PNG)", lambda: _sheet(found), "cnnlab_patches.png", "image/png"),
        File("Table (CSV)", lambda: _table(subject, found, rows).encode(), "cnnlab_patches.csv", "text/csv"),
    )


def _table(subject: LayerSubject, found: list[ShownPatch], rows: int) -> str:
    header = ("place", "picture", "unit_row", "unit_column", "activation", "top", "left", "bottom", "right", "counted")
    counting, height = subject.counting, subject.spec.preprocessing.crop
    lines = (
        (
            number, shown.title, *counting.unit(shown.patch.row, shown.patch.col, rows),
            f"{shown.patch.activation:.9g}", *counting.box(shown.patch.box, height), counting.name,
        )
        for number, shown in enumerate(found, 1)
    )  # fmt: skip
    return csv_table(header, lines)


def _sheet(found: list[ShownPatch]) -> bytes:
    """The patches in one picture, in order."""
    cuts = [np.asarray(Image.open(io.BytesIO(shown.cut)).convert("RGB")) for shown in found]
    return png(tiles(np.stack(cuts), cols=3, tile=_SIDE, gap=8).picture)
