"""Strongest patches: what in all the pictures at hand activates a channel most."""

import io
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.data import list_data, open_data
from cnnlab_core.data.dataset import Dataset
from cnnlab_core.data.own import own_path
from cnnlab_core.errors import ImageError
from cnnlab_core.images import png
from cnnlab_core.interpretability.top_patches import Patch, top_patches_steps
from cnnlab_core.models import load_model
from cnnlab_core.models.loaded import crop
from cnnlab_core.plots.mosaic import in_a_square, tiles
from cnnlab_core.plots.overlays import field_on_picture
from cnnlab_core.receptive_field import Box, ReceptiveField
from cnnlab_core.recipes.feature_maps import top_patches as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, clearest_channel, maps_of, type_channel
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.receptive_fields.fields import all_fields
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import Outcome, kept, run
from cnnlab_core.ui.shared import all_pictures
from cnnlab_core.ui.show import form, main_answer, main_picture, plain
from cnnlab_core.ui.take_away import File, take_away

MOST = 9
"""Patches of one channel."""
PHOTOS = "photos"
"""In the address: the gallery's photos and the session's own."""
MOST_PICTURES = 1000
"""Pictures of a data set that are looked through."""
_SIDE = 320
"""Pixels of a patch as it is shown."""


@dataclass(frozen=True)
class ShownPatch:
    """A patch as PNGs: cut out, and where it sits on its picture; there is no such PNG if it is all of it."""

    patch: Patch
    title: str
    cut: bytes
    place: bytes


@dataclass(frozen=True)
class Asked:
    """What patches were looked for: a channel of the field's layer, what that is called, and the rows of its maps."""

    channel: int
    field: ReceptiveField
    place: str
    rows: int


def show(subject: LayerSubject) -> None:
    """The patches in a row, strongest first, each with its activation and its place."""
    fields = all_fields(subject.spec)
    maps = maps_of(subject)
    if maps is None or not fields or subject.node.name not in fields:
        return
    field = fields[subject.node.name]
    first, second, third = form().columns([1, 1.6, 0.8], gap="medium", vertical_alignment="bottom")
    with first:
        channel = type_channel(len(maps), clearest_channel(maps))
    source = choose_pictures(CONTROLS, place=second)
    at_most_two = CONTROLS.toggle(
        "patches_two",
        "At most two per picture",
        True,
        place=third.popover("More", icon=":material/tune:", key="maps_patches_more", width="stretch"),
        help="Even so, two patches of one picture never share half of their rows and half of their columns.",
    )
    per_picture = 2 if at_most_two else MOST
    outcome = find_patches(subject, field, channel, source, per_picture=per_picture)
    found, asked = outcome.result, outcome.asked
    if found is None:
        return
    with kept(outcome, "patches"):
        with main_answer():
            _what_to_see(subject, asked, [shown.patch for shown in found])
        with main_picture(), st.container(horizontal=True, gap="small"):
            for number, shown in enumerate(found, 1):
                _card(number, shown, subject.counting.unit(shown.patch.row, shown.patch.col, asked.rows))
    learned("what a channel looks for is what its strongest patches have in common. It may be more than one thing.")
    if found and outcome.state == "done":
        _away(subject, asked, found, source, per_picture=per_picture)


def choose_pictures(controls: Controls, **more: Any) -> str:
    """Which pictures are looked through: the photos at hand, or a set of pictures that is on this machine."""
    sets = {one.name: one.title for one in list_data() if one.name == "cifar10" or one.name.startswith("own:")}
    here = {one.name for one in list_data() if not one.megabytes}
    count = len(all_pictures())
    titles = {PHOTOS: f"the {count} photos at hand"}
    titles |= {name: f"{title}: up to {MOST_PICTURES:,} pictures" for name, title in sets.items() if name in here}
    return controls.named("patches_of", "Look through", list(titles), PHOTOS, titles.__getitem__, **more)


def _what_to_see(subject: LayerSubject, asked: Asked, patches: list[Patch]) -> None:
    field, channel = asked.field, asked.channel
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
        f"What activates channel {channel} of {plain(asked.place)} most? A unit here {sees}. The number above a "
        "patch is the activation; the small picture below shows where the patch lies. Look for what the patches have "
        f"in common: that is what the channel looks for.{equal}"
    )


def find_patches(
    subject: LayerSubject, field: ReceptiveField, channel: int, source: str, *, per_picture: int
) -> Outcome[list[ShownPatch]]:
    """The patches of the pictures of a ``source`` that activate a channel most; its ``asked`` is what of.

    Without a result, the reason is on the page.
    """
    pictures = all_pictures() if source == PHOTOS else []

    def search() -> Generator[Progress[tuple[Patch, ...]], None, list[ShownPatch]]:
        images: Sequence[Image.Image]
        if source == PHOTOS:
            readable = [picture for picture in pictures if _opens(picture)]
            images, titles = [picture.image for picture in readable], [picture.title for picture in readable]
        else:
            chosen = _Set(open_data(source, fetch=False))
            images, titles = chosen, chosen.titles
        model = load_model(*subject.network)
        patches = yield from top_patches_steps(model, field, channel, images, most=MOST, per_picture=per_picture)
        seen = {
            index: crop(images[index], subject.spec.preprocessing) for index in {patch.picture for patch in patches}
        }
        return [
            ShownPatch(
                patch,
                titles[patch.picture],
                png(in_a_square(patch.cut(seen[patch.picture]), _SIDE)),
                _place(seen[patch.picture], patch.box),
            )
            for patch in patches
        ]

    rows = field.map_size[0] if field.map_size else 1
    return run(
        "patches",
        digest("patches", subject.network, subject.node.name, channel, per_picture, source, _version(source, pictures)),
        search,
        label=f"Looking through {len(pictures) or 'the'} pictures",
        start="" if source == PHOTOS else "Look through the pictures",
        for_everybody=all(picture.is_sample for picture in pictures),
        asked=Asked(channel, field, subject.node.place, rows),
    )


def _version(source: str, pictures: Sequence[Picture]) -> object:
    """What tells two states of a source apart."""
    if source == PHOTOS:
        return [picture.key for picture in pictures]
    return own_path(source.removeprefix("own:")).stat().st_mtime_ns if source.startswith("own:") else 0


class _Set(Sequence[Image.Image]):
    """Pictures of a data set, evenly spread over its training part."""

    def __init__(self, data: Dataset) -> None:
        self._images = data.train.images
        self._chosen = np.linspace(0, len(self._images) - 1, min(MOST_PICTURES, len(self._images))).astype(int)
        self.titles = [f"{data.classes[int(data.train.labels[at])]}, number {at}" for at in self._chosen]

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: Any) -> Any:
        return Image.fromarray(self._images[int(self._chosen[index])].numpy())


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


def _away(subject: LayerSubject, asked: Asked, found: list[ShownPatch], source: str, *, per_picture: int) -> None:
    data = "" if source == PHOTOS else source
    take_away(
        recipe.code(*subject.network, subject.node.name, asked.channel, MOST, per_picture, data, MOST_PICTURES),
        File("Patches (PNG)", lambda: _sheet(found), "cnnlab_patches.png", "image/png"),
        File("Table (CSV)", lambda: _table(subject, found, asked.rows).encode(), "cnnlab_patches.csv", "text/csv"),
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
