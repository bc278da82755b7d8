"""A photo, one of its feature maps, and the map over the photo, with what each unit sees: ``assets/units``."""

import math
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.images import jpeg, png
from cnnlab_core.interpretability.map_statistics import bring_to_scale
from cnnlab_core.plots.mosaic import colour
from cnnlab_core.receptive_field import ReceptiveField
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.component import Component
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject
from cnnlab_core.ui.results import digest, kept
from cnnlab_core.ui.show import picture_address

_component = Component(
    "cnnlab_units",
    html=read_asset("units", "units.html"),
    css=read_asset("units", "units.css"),
    js=read_asset("units", "units.js"),
)


def show_units(
    subject: LayerSubject,
    field: ReceptiveField | None,
    values: np.ndarray,
    channel: int,
    unit: tuple[int, int],
    *,
    key: str,
    over: str = "",
    padding: bool = False,
) -> None:
    """Draw one map (h, w) beside its photo; a click writes the unit's row and column into the address.

    ``over`` is what the map laid over the photo is called, if it is shown too; with ``padding``, the photo has a margin
    for the part of a field that lies outside it.
    """
    rows, cols = values.shape
    height, width = subject.seen.height, subject.seen.width
    signed, full = bool((values < 0).any()), float(np.abs(values).max())
    low = -1.0 if signed else 0.0
    levels = np.rint(255 * (bring_to_scale(values[None])[0] - low) / (1 - low)).astype(np.uint8)
    spans = kept(digest("spans", subject.spec.name, subject.node.name), lambda: _spans(field, rows, cols))
    reach = _reach(field)
    palette = Image.fromarray(colour(np.linspace(low, 1, 256)[None], signed=signed))

    def picked() -> None:
        cell = st.session_state[key].get("cell")
        if isinstance(cell, int) and 0 <= cell < rows * cols:
            CONTROLS.write(row=cell // cols, col=cell % cols)

    data = {
        "photo": {"src": picture_address(jpeg(subject.seen), "jpeg", f"{key} photo"), "title": subject.picture.title},
        "map": {
            "src": picture_address(png(Image.fromarray(levels)), "png", f"{key} map"),
            "title": f"Channel {channel}",
        },
        "over": over,
        "palette": picture_address(png(palette), "png", f"{key} palette"),
        "low": low * full,
        "high": full,
        "strong": float(np.quantile(values.clip(0, None), 0.98)),
        "rows": rows,
        "cols": cols,
        "height": height,
        "width": width,
        "margin": _margin(spans, reach, rows, cols, height) if padding else 0,
        "field": None if _cut_reach(reach, rows, cols, height, width) == spans else spans or None,
        "reach": reach,
        "chosen": unit[0] * cols + unit[1],
        "counted": {
            "first": subject.counting.units,
            "pixels": subject.counting.pixels,
            "below": subject.counting.from_below,
        },
    }
    _component(key=key, data=data, on_cell_change=picked)


def _spans(field: ReceptiveField | None, rows: int, cols: int) -> dict[str, Any]:
    """The first and the last pixel row that the units of each row see, and the same of the columns."""
    if field is None or not field.known:
        return {}
    if field.map_size is None:
        box = field.box(0, 0)
        return {"rows": [box and (box.top, box.bottom)] * rows, "cols": [box and (box.left, box.right)] * cols}
    down = [field.box(row, cols // 2) for row in range(rows)]
    across = [field.box(rows // 2, col) for col in range(cols)]
    return {
        "rows": [box and (box.top, box.bottom) for box in down],
        "cols": [box and (box.left, box.right) for box in across],
    }


def _cut_reach(reach: dict[str, Any] | None, rows: int, cols: int, height: int, width: int) -> dict[str, Any]:
    """The same spans by size, jump and start, cut at the photo's edges: where they agree, the browser finds them."""
    if not reach:
        return {}
    found: dict[str, Any] = {}
    for axis, (name, count, side) in enumerate((("rows", rows, height), ("cols", cols, width))):
        firsts = [reach["start"][axis] + place * reach["jump"][axis] for place in range(count)]
        edges = [
            (max(0, math.ceil(first)), min(side - 1, math.floor(first + reach["size"][axis] - 1))) for first in firsts
        ]
        found[name] = [edge if edge[0] <= edge[1] else None for edge in edges]
    return found


def _reach(field: ReceptiveField | None) -> dict[str, Any] | None:
    if field is None or not (field.size and field.jump and field.start):
        return None
    return {"size": field.size, "jump": field.jump, "start": field.start}


def _margin(spans: dict[str, Any], reach: dict[str, Any] | None, rows: int, cols: int, height: int) -> int:
    """Pixels around the photo in which padding is shown: as far as any field reaches, at most half of the photo."""
    if not spans or not reach:
        return 0
    beyond = [-reach["start"][axis] for axis in (0, 1)]
    beyond += [
        reach["start"][axis] + (count - 1) * reach["jump"][axis] + reach["size"][axis] - height
        for axis, count in ((0, rows), (1, cols))
    ]
    return int(min(max(0, *beyond), height // 2))
