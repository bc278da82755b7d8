"""A picture of cells to choose from, by pointer or keyboard: the component in ``assets/picker``.

A mosaic of feature maps and the units of one map are both that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from cnnlab_core.images import png
from cnnlab_core.plots.mosaic import Mosaic
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.component import Component
from cnnlab_core.ui.show import picture_address

_component = Component(
    "cnnlab_picker",
    html=read_asset("picker", "picker.html"),
    css=read_asset("picker", "picker.css"),
    js=read_asset("picker", "picker.js"),
)


@dataclass(frozen=True)
class Tiles:
    """A mosaic as the browser gets it: a PNG, and where its tiles are (see ``Mosaic``)."""

    image: bytes
    rows: int
    cols: int
    count: int
    size: int
    gap: int


def as_tiles(mosaic: Mosaic) -> Tiles:
    """The mosaic, written as a PNG."""
    return Tiles(png(mosaic.picture), mosaic.rows, mosaic.cols, mosaic.count, mosaic.size, mosaic.gap)


def pick_tile(
    tiles: Tiles,
    *,
    places: Sequence[int],
    chosen: int,
    label: Callable[[int], str],
    alt: str,
    on_pick: Callable[[int], None],
    key: str,
) -> None:
    """Draw a mosaic to choose a tile from. ``places`` says what each tile stands for; ``on_pick`` gets one of them."""
    pick_cell(
        tiles.image,
        rows=tiles.rows,
        cols=tiles.cols,
        count=tiles.count,
        size=tiles.size,
        gap=tiles.gap,
        chosen=places.index(chosen) if chosen in places else None,
        labels=[label(place) for place in places],
        alt=alt,
        on_pick=lambda cell: on_pick(places[cell]),
        key=key,
    )


def pick_cell(
    image: bytes,
    *,
    rows: int,
    cols: int,
    key: str,
    alt: str,
    on_pick: Callable[[int], None],
    chosen: int | None = None,
    count: int | None = None,
    size: int = 1,
    gap: int = 0,
    labels: Sequence[str] = (),
    hint: str = "",
    first: int = 0,
    from_below: bool = False,
    kind: str = "png",
) -> None:
    """Draw a picture of ``rows`` × ``cols`` cells (``size`` pixels each, ``gap`` between them) to choose one from.

    It is a PNG, or of another ``kind``, which is a photo rather than cells. ``on_pick`` gets the cell's index, row by
    row, before the page's next run. The last row may be filled only up to ``count`` cells. The cell under the pointer
    is described by its one of the ``labels``, or by row and column: these begin with ``first``, at the top left or
    ``from_below``.
    """
    count = rows * cols if count is None else count

    def picked() -> None:
        cell = st.session_state[key].get("cell")
        if isinstance(cell, int) and 0 <= cell < count:
            on_pick(cell)

    data = {
        "smooth": kind != "png",
        "src": picture_address(image, kind, key),
        "rows": rows,
        "cols": cols,
        "count": count,
        "size": size,
        "gap": gap,
        "labels": list(labels),
        "chosen": chosen,
        "alt": alt,
        "hint": hint,
        "first": first,
        "from_below": from_below,
    }
    _component(key=key, data=data, on_cell_change=picked)
