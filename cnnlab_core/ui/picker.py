"""A picture of cells to choose from, by pointer or keyboard: the component in ``assets/picker``.

A mosaic of feature maps and the units of one map are both that.
"""

import base64
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

_ASSETS = Path(__file__).parents[2] / "assets" / "picker"

_component = st.components.v2.component(
    "cnnlab_picker",
    html=(_ASSETS / "picker.html").read_text(),
    css=(_ASSETS / "picker.css").read_text(),
    js=(_ASSETS / "picker.js").read_text(),
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
) -> None:
    """Draw a PNG of ``rows`` × ``cols`` cells (``size`` pixels each, ``gap`` between them) to choose one from.

    ``on_pick`` gets the cell's index, row by row, before the page's next run. The last row may be filled only up to
    ``count`` cells. ``labels`` (or row and column) are told of the cell under the pointer.
    """
    count = rows * cols if count is None else count

    def picked() -> None:
        cell = st.session_state[key].get("cell")
        if isinstance(cell, int) and 0 <= cell < count:
            on_pick(cell)

    data = {
        "src": "data:image/png;base64," + base64.b64encode(image).decode(),
        "rows": rows,
        "cols": cols,
        "count": count,
        "size": size,
        "gap": gap,
        "labels": list(labels),
        "chosen": chosen,
        "alt": alt,
        "hint": hint,
    }
    _component(key=key, data=data, on_cell_change=picked)
