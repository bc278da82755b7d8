"""The receptive field of one unit: its box on the picture, its numbers in every convention, and how they grow."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from cnnlab_core.images import png, thumbnail
from cnnlab_core.interpretability.map_statistics import bring_to_scale
from cnnlab_core.models import ModelSpec, layer_table
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.plots.mosaic import one_map
from cnnlab_core.plots.overlays import field_on_picture
from cnnlab_core.receptive_field import Box, ReceptiveField, receptive_fields
from cnnlab_core.receptive_field.worked_out import box_formula
from cnnlab_core.recipes.feature_maps import fields as recipe
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, clearest_channel, maps_of, unit_in
from cnnlab_core.ui.picker import pick_cell
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import take_away

CONVENTIONS = ("from 0, top left", "from 1, top left", "from 0, bottom left", "from 1, bottom left")


def show(subject: LayerSubject) -> None:
    """A map to click a unit of, its field on the picture, and the numbers behind it."""
    fields = all_fields(subject.spec)
    maps = maps_of(subject)
    if not fields or maps is None or subject.node.name not in fields:
        return
    field = fields[subject.node.name]
    rows, cols = field.map_size or subject.node.shape[1:]
    row, col = unit_in(rows, cols)
    first, second, third = st.columns([1, 1, 1.15], gap="large")
    with first:
        _map(maps, row, col)
    with second:
        box = field.box(row, col) if field.known else None
        unclipped = field.box(row, col, clip=False) if field.size else None
        st.markdown("**What the unit sees**")
        drawn = field_on_picture(subject.seen, box, unclipped)
        st.image(
            png(thumbnail(drawn, 2 * max(drawn.size))),
            alt="The field on the picture",
            width="stretch",
            output_format="PNG",
        )
        if not field.known:
            st.caption(f"What this layer sees isn't known: {plain(field.why)}.")
        elif field.map_size is None:
            st.caption(f"This layer sees the whole image: {plain(field.why)}.")
        elif field.why:
            st.caption(f"The fields of this layer differ from unit to unit: {plain(field.why)}.")
        else:
            st.caption("Outside the field is dimmed. Hatched is padding, where the field reaches beyond the picture.")
    with third:
        _unit(rows, cols, row, col)
        _numbers(field)
    _conventions(field, subject.spec.preprocessing.crop, row, col)
    places = {layer.name: layer.place for layer in layer_table(subject.spec.name)}
    _recurrence(field, row, places)
    with st.expander("Every layer of this network"):
        st.dataframe([_row(entry, places) for entry in fields.values()], hide_index=True, height=420)
    take_away(recipe.code(subject.spec.name, subject.node.name, row, col))


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
        on_pick=lambda cell: CONTROLS.write(row=cell // cols, col=cell % cols),
        key="maps_field_unit",
    )


def chosen_channel(maps: np.ndarray) -> int:
    """The channel in the address; the one with the clearest shapes if there is none."""
    return CONTROLS.index("channel", len(maps) - 1, clearest_channel(maps))


def all_fields(spec: ModelSpec) -> dict[str, ReceptiveField] | None:
    """The fields of every node of the network at its own picture size; they don't depend on the weights."""
    side = spec.preprocessing.crop
    return run(
        "fields",
        digest("fields", spec.name),
        lambda: once(lambda: receptive_fields(build_on_meta(spec), (side, side))),
        label="Following the windows through the graph",
        for_everybody=True,
    ).result


def _unit(rows: int, cols: int, row: int, col: int) -> None:
    """The unit's index, to type in the convention of your course."""
    convention = CONTROLS.select("counting", "Rows and columns are counted", CONVENTIONS, CONVENTIONS[0])
    first, from_below = int("from 1" in convention), "bottom" in convention

    def there_and_back(index: int, length: int, *, flipped: bool) -> int:
        return length - 1 - index if flipped else index

    one, two = st.columns(2)
    CONTROLS.typed(
        "row", f"Unit row ({first} to {rows - 1 + first})", first, rows - 1 + first,
        there_and_back(row, rows, flipped=from_below) + first,
        lambda typed: CONTROLS.write(row=there_and_back(typed - first, rows, flipped=from_below)), place=one,
    )  # fmt: skip
    CONTROLS.typed(
        "col", f"Unit column ({first} to {cols - 1 + first})", first, cols - 1 + first, col + first,
        lambda typed: CONTROLS.write(col=typed - first), place=two,
    )  # fmt: skip


def _numbers(field: ReceptiveField) -> None:
    if field.size and field.jump and field.start:
        size, jump, start = st.columns(3)
        size.metric("Size", f"{field.size[0]:g} × {field.size[1]:g}", help="Pixels that a unit can see.")
        jump.metric("Jump", f"{field.jump[0]:g}, {field.jump[1]:g}", help="Pixels from one unit's field to the next.")
        start.metric("Start", f"{field.start[0]:g}, {field.start[1]:g}", help="First row and column that unit 0 sees.")
        if not field.centred:
            st.caption("Paths with different centres meet here: the field is the smallest box around them all.")


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


def _recurrence(field: ReceptiveField, row: int, places: Mapping[str, str]) -> None:
    """Each line that leads to this layer's field, in words and numbers, and the formula of one unit's rows."""
    lines = field.recurrence()
    if not lines:
        return
    st.markdown("**How the field grows, layer by layer** (rows; columns work the same way)")
    # Inline formulas, because they move to the next line where the page is narrow.
    st.markdown(
        r"$\text{size}' = \text{size} + d\,(k-1)\,\text{jump}$ &emsp; $\text{jump}' = \text{jump}\cdot s$ &emsp; "
        r"$\text{start}' = \text{start} - p\,\text{jump}$"
    )
    st.dataframe(
        [
            {
                "layer": places.get(line.name, line.name),
                "name in the graph": line.name,
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
        f"**Rows seen by unit row {row}** (from 0, top left): first = start + row · jump, last = first + size − 1"
    )
    st.latex(box_formula(field, row))


def _row(field: ReceptiveField, places: Mapping[str, str]) -> dict[str, str]:
    def pair(values: tuple[float, float] | None) -> str:
        return f"{values[0]:g} × {values[1]:g}" if values else ""

    return {
        "layer": places.get(field.name, field.name),
        "name in the graph": field.name,
        "map": pair(field.map_size),
        "size": pair(field.size) or ("differs" if field.map_size else "whole image" if field.known else "not known"),
        "jump": pair(field.jump),
        "start": f"{field.start[0]:g}, {field.start[1]:g}" if field.start else "",
        "why": field.why,
    }
