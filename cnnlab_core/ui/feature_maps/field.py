"""The receptive field of one unit: its box on the picture, its numbers in every convention, and how they grow."""

import numpy as np
import streamlit as st

from cnnlab_core.images import png, thumbnail
from cnnlab_core.interpretability.map_statistics import bring_to_scale, order
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.plots.mosaic import one_map
from cnnlab_core.plots.overlays import field_on_picture
from cnnlab_core.receptive_field import Box, ReceptiveField, receptive_fields
from cnnlab_core.receptive_field.working import box_formula
from cnnlab_core.recipes.feature_maps import field_code
from cnnlab_core.ui.feature_maps.choice import Choice, in_address, maps_of, number_box, put_in_address, seen_picture
from cnnlab_core.ui.picker import pick_cell
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import take_away

CONVENTIONS = ("from 0, top left", "from 1, top left", "from 0, bottom left", "from 1, bottom left")


def show(choice: Choice) -> None:
    """The tab."""
    fields = all_fields(choice)
    maps = maps_of(choice)
    if not fields or maps is None or choice.node.name not in fields:
        return
    field = fields[choice.node.name]
    rows, cols = field.map_size or choice.node.shape[1:]
    row, col = in_address("row", rows - 1, rows // 2), in_address("col", cols - 1, cols // 2)
    first, second, third = st.columns([1, 1, 1.15], gap="large")
    with first:
        _map(maps, row, col)
    with second:
        box = field.box(row, col)
        unclipped = field.box(row, col, clip=False) if field.size else None
        st.markdown("**What the unit sees**")
        drawn = field_on_picture(seen_picture(choice), box, unclipped)
        st.image(
            png(thumbnail(drawn, 2 * max(drawn.size))),
            alt="The field on the picture",
            width="stretch",
            output_format="PNG",
        )
        if field.why:
            st.caption(f"This layer sees the whole image: {plain(field.why)}.")
        else:
            st.caption("Outside the field is dimmed; hatched is padding, where the field reaches past the picture.")
    with third:
        _unit(rows, cols, row, col)
        _numbers(field)
    _conventions(field, choice.spec.preprocessing.crop, row, col)
    _recurrence(field, row)
    with st.expander("Every layer of this network"):
        st.dataframe([_row(entry) for entry in fields.values()], hide_index=True, height=420)
    take_away(field_code(choice.spec.name, choice.node.name, row, col))


def _map(maps: np.ndarray, row: int, col: int) -> None:
    """The chosen channel's map; a click on a cell moves to that unit."""
    channel = chosen_channel(maps)
    values = maps[channel]
    rows, cols = values.shape
    st.markdown(f"**Channel {channel}: click a unit**")
    pick_cell(
        png(one_map(bring_to_scale(values[None])[0], signed=bool((values < 0).any()))),
        rows=rows,
        cols=cols,
        chosen=row * cols + col,
        alt=f"Channel {channel}, one cell for each unit",
        on_pick=lambda cell: put_in_address(row=cell // cols, col=cell % cols),
        key="maps_field_unit",
    )


def chosen_channel(maps: np.ndarray) -> int:
    """The channel in the address; the one with the clearest shapes if there is none."""
    return in_address("channel", len(maps) - 1, int(order(maps, "interpretable first")[0]))


def all_fields(choice: Choice) -> dict[str, ReceptiveField] | None:
    """The fields of every node of the network at its own picture size; they don't depend on the weights."""
    side = choice.spec.preprocessing.crop
    return run(
        "fields",
        digest("fields", choice.spec.name),
        lambda: once(lambda: receptive_fields(build_on_meta(choice.spec), (side, side))),
        label="Following the windows through the graph",
        for_everybody=True,
    ).result


def _unit(rows: int, cols: int, row: int, col: int) -> None:
    """Type the unit's index in the convention of one's own course."""
    convention = st.selectbox("Rows and columns are counted", CONVENTIONS, key="maps_counting", bind="query-params")
    first, from_below = int("from 1" in convention), "bottom" in convention

    def there_and_back(index: int, length: int, *, flipped: bool) -> int:
        return length - 1 - index if flipped else index

    one, two = st.columns(2)
    with one:
        shown = there_and_back(row, rows, flipped=from_below) + first
        number_box(
            f"Unit row ({first} to {rows - 1 + first})", "row", first, rows - 1 + first, shown,
            lambda typed: put_in_address(row=there_and_back(typed - first, rows, flipped=from_below)),
        )  # fmt: skip
    with two:
        number_box(
            f"Unit column ({first} to {cols - 1 + first})", "col", first, cols - 1 + first, col + first,
            lambda typed: put_in_address(col=typed - first),
        )  # fmt: skip


def _numbers(field: ReceptiveField) -> None:
    if field.size and field.jump and field.start:
        size, jump, start = st.columns(3)
        size.metric("Size", f"{field.size[0]:g} × {field.size[1]:g}", help="Pixels that a unit can see.")
        jump.metric("Jump", f"{field.jump[0]:g}, {field.jump[1]:g}", help="From one unit's field to the next one's.")
        start.metric("Start", f"{field.start[0]:g}, {field.start[1]:g}", help="First row and column that unit 0 sees.")
        if not field.centred:
            st.caption("Paths with different centres meet here: the field is the smallest that holds them all.")


def _conventions(field: ReceptiveField, side: int, row: int, col: int) -> None:
    """The box in every convention, in the picture and as the formula has it."""
    box = field.box(row, col)
    if box is None:
        st.info("This unit sees nothing but padding.")
        return
    whole = field.box(row, col, clip=False) if field.size else None
    st.dataframe(
        [
            {
                "pixels are counted": convention,
                "rows": _in_convention(convention, side, box)[0],
                "columns": _in_convention(convention, side, box)[1],
                "rows with padding": _in_convention(convention, side, whole or box)[0],
                "columns with padding": _in_convention(convention, side, whole or box)[1],
            }
            for convention in CONVENTIONS
        ],
        hide_index=True,
    )


def _in_convention(convention: str, side: int, box: Box) -> tuple[str, str]:
    """The rows and the columns of a box as the convention counts them, from the lower number to the higher."""
    first = int("from 1" in convention)
    rows = (side - 1 - box.bottom, side - 1 - box.top) if "bottom" in convention else (box.top, box.bottom)
    return f"{rows[0] + first} … {rows[1] + first}", f"{box.left + first} … {box.right + first}"


def _recurrence(field: ReceptiveField, row: int) -> None:
    lines = field.recurrence()
    if not lines:
        return
    st.markdown("**How the field grows, layer by layer** (rows; columns alike)")
    # Inline formulas, because they move to the next line where the page is narrow.
    st.markdown(
        r"$\text{size}' = \text{size} + d\,(k-1)\,\text{jump}$ &emsp; $\text{jump}' = \text{jump}\cdot s$ &emsp; "
        r"$\text{start}' = \text{start} - p\,\text{jump}$"
    )
    st.dataframe(
        [
            {
                "layer": line.name,
                "type": line.kind,
                "size": f"{line.size:g}",
                "jump": f"{line.jump:g}",
                "start": f"{line.start:g}",
                "worked out": line.equation,
            }
            for line in lines
        ],
        hide_index=True,
        height=min(420, 40 + 35 * len(lines)),
    )
    st.markdown(
        f"**The rows that unit row {row} sees** (from 0, top left): first = start + row · jump, last = first + size − 1"
    )
    st.latex(box_formula(field, row))


def _row(field: ReceptiveField) -> dict[str, str]:
    def pair(values: tuple[float, float] | None) -> str:
        return f"{values[0]:g} × {values[1]:g}" if values else ""

    return {
        "layer": field.name,
        "type": field.kind,
        "map": pair(field.map_size),
        "size": pair(field.size) or "whole image",
        "jump": pair(field.jump),
        "start": f"{field.start[0]:g}, {field.start[1]:g}" if field.start else "",
        "why": field.why,
    }
