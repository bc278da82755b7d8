"""Strongest patches: what in all the pictures at hand excites a channel most."""

import io
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.errors import ImageError
from cnnlab_core.images import png
from cnnlab_core.interpretability.map_statistics import order
from cnnlab_core.interpretability.top_patches import Patch, PatchStep, strongest_patches
from cnnlab_core.models import load_model
from cnnlab_core.models.loaded import crop
from cnnlab_core.plots.mosaic import in_a_square, tiles
from cnnlab_core.plots.overlays import field_on_picture
from cnnlab_core.receptive_field import Box, ReceptiveField
from cnnlab_core.recipes.feature_maps import patches_code
from cnnlab_core.ui.feature_maps.choice import Choice, channel_box, maps_of
from cnnlab_core.ui.feature_maps.field import all_fields
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.shared import Picture, all_pictures
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away

MOST = 9
_SIDE = 320


@dataclass(frozen=True)
class ShownPatch:
    """A patch as PNGs: cut out, and where it sits on its picture; there is no such PNG if it is all of it."""

    patch: Patch
    title: str
    cut: bytes
    place: bytes


def show(choice: Choice) -> None:
    """The tab."""
    fields = all_fields(choice)
    maps = maps_of(choice)
    if maps is None or not fields or choice.node.name not in fields:
        return
    field = fields[choice.node.name]
    first, second = st.columns([1, 3], gap="medium", vertical_alignment="bottom")
    with first:
        channel = channel_box(len(maps), int(order(maps, "interpretable first")[0]))
    at_most_two = second.toggle(
        "At most two of a picture",
        value=True,
        key="maps_patches_two",
        bind="query-params",
        help="Patches of one picture never share half of their rows and half of their columns with a stronger one.",
    )
    found = find_patches(choice, field, channel, per_picture=2 if at_most_two else MOST)
    if found is None:
        return
    _what_to_see(choice, field, channel, [shown.patch for shown in found])
    with st.container(horizontal=True, gap="small"):
        for number, shown in enumerate(found, 1):
            _card(number, shown)
    if found:
        _away(choice, channel, found, per_picture=2 if at_most_two else MOST)


def _what_to_see(choice: Choice, field: ReceptiveField, channel: int, patches: list[Patch]) -> None:
    if not patches:
        st.info("Nothing in these pictures excites this channel: it is nowhere above zero.")
        return
    side = choice.spec.preprocessing.crop
    if not field.size or min(field.size) >= side:
        sees = "can see as much as the whole picture: a patch is what of its field lies on the picture"
    else:
        sees = f"sees {field.size[0]:g} × {field.size[1]:g} pixels; each patch is what the excited one saw"
    ties = sum(patch.activation == patches[0].activation for patch in patches)
    equal = f" The first {ties} are equally strong; of equals, the earlier picture comes first." if ties > 1 else ""
    st.caption(
        f"What excites channel {channel} of {plain(choice.node.name)} most? A unit here {sees}. Above stands "
        "the activation, below where a patch is on its picture. Look for what the patches have in common: that is what "
        f"the channel looks for.{equal}"
    )


def find_patches(choice: Choice, field: ReceptiveField, channel: int, *, per_picture: int) -> list[ShownPatch] | None:
    """The patches of all pictures at hand that excite a channel most; None with the reason on the page."""
    pictures = all_pictures()

    def search() -> Generator[PatchStep, None, list[ShownPatch]]:
        readable = [picture for picture in pictures if _opens(picture)]
        images = [picture.image for picture in readable]
        model = load_model(choice.spec.name, choice.weights)
        patches = yield from strongest_patches(model, field, channel, images, most=MOST, per_picture=per_picture)
        seen = {index: crop(images[index], choice.spec.preprocessing) for index in {patch.picture for patch in patches}}
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
        digest("patches", choice.key[:2], choice.node.name, channel, per_picture, [p.key for p in pictures]),
        search,
        label=f"Looking through {len(pictures)} pictures",
        share=lambda step: step.done / step.total,
        for_everybody=all(picture.is_sample for picture in pictures),
    ).result


def _place(seen: Image.Image, box: Box) -> bytes:
    whole = box == (0, 0, seen.height - 1, seen.width - 1)
    return b"" if whole else png(field_on_picture(seen, box))


def _opens(picture: Picture) -> bool:
    """A damaged upload is told of where it is chosen; here it is left out."""
    try:
        return bool(picture.image)
    except ImageError:
        return False


def _card(number: int, shown: ShownPatch) -> None:
    patch = shown.patch
    with st.container(width=160, gap="small"):
        st.markdown(f"**{number}.** {patch.activation:.3g}")
        st.image(shown.cut, width=160, alt=f"Patch {number}")
        if shown.place:
            st.image(shown.place, width=160, alt=f"Where patch {number} is on its picture")
        st.caption(f"{plain(shown.title)}, unit ({patch.row}, {patch.col})")


def _away(choice: Choice, channel: int, found: list[ShownPatch], *, per_picture: int) -> None:
    header = "place,picture,unit_row,unit_column,activation,top,left,bottom,right"
    lines = [
        f'{number},"{shown.title.replace(chr(34), "")}",{shown.patch.row},{shown.patch.col},'
        f"{shown.patch.activation:.9g},{','.join(map(str, shown.patch.box))}"
        for number, shown in enumerate(found, 1)
    ]
    take_away(
        patches_code(choice.spec.name, choice.weights, choice.node.name, channel, MOST, per_picture),
        File("Patches (PNG)", lambda: _sheet(found), "cnnlab_patches.png", "image/png"),
        File("Table (CSV)", lambda: "\n".join([header, *lines, ""]).encode(), "cnnlab_patches.csv", "text/csv"),
    )


def _sheet(found: list[ShownPatch]) -> bytes:
    """The patches in one picture, in order."""
    cuts = [np.asarray(Image.open(io.BytesIO(shown.cut)).convert("RGB")) for shown in found]
    return png(tiles(np.stack(cuts), cols=3, tile=_SIDE, gap=8).picture)
