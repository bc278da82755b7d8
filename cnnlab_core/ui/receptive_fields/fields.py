"""The receptive field of one unit: its box on the picture, its numbers in every convention, and how they grow."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from cnnlab_core.models import ModelSpec, layer_table
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.receptive_field import Counting, ReceptiveField, receptive_fields
from cnnlab_core.receptive_field.counting import ALIKE
from cnnlab_core.receptive_field.worked_out import box_formula
from cnnlab_core.recipes.receptive_fields import fields as recipe
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, clearest_channel, maps_of, unit_in
from cnnlab_core.ui.feature_maps.units import show_units
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import folded, main_answer, main_picture, plain, reserve
from cnnlab_core.ui.take_away import take_away

HEADS = {
    name: st.column_config.TextColumn(name, help=meaning)
    for name, meaning in {
        "size": "Pixels that a unit of this layer sees, from side to side.",
        "jump": "Pixels from one unit's field to the next one's.",
        "start": "The first pixel row that unit 0 sees, from 0. Below 0, it lies in the padding above the picture.",
        "map": "Units of the layer, down and across.",
        "worked out": "How size, jump and start follow from the layer before.",
    }.items()
}
"""What the heads of the tables mean, told where the pointer rests on them."""
IN_BETWEEN = ", with row, first and last from 0 at the top left"


def show(subject: LayerSubject) -> None:
    """A map to click a unit of, its field on the picture, and the numbers behind it."""
    fields = all_fields(subject.spec)
    maps = maps_of(subject)
    if not fields or maps is None or subject.node.name not in fields:
        return
    field = fields[subject.node.name]
    rows, cols = field.map_size or subject.node.shape[1:]
    row, col = unit_in(rows, cols)
    first, second = st.columns([2.1, 1], gap="large")
    with first, main_picture():
        channel = chosen_channel(maps)
        reserve("maps_field_unit", "calc(min(348px, (100vw - 396px) * 0.312) + 52px)")
        show_units(subject, field, maps[channel], channel, (row, col), padding=True, key="maps_field_unit")
    with second, main_answer():
        _answer(field, row, col, subject.counting)
        _unit(subject.counting, rows, cols, row, col)
    st.caption(f"Move over the map, click a unit of it. {_look(field)}")
    learned(
        "each layer widens the field by (kernel − 1) · jump, and each stride multiplies the "
        "jump. So deep units see much of the photo, and all units of a layer see equally much."
    )
    if field.known and (box := field.box(row, col)) and field.image_size:
        pixels = (box.bottom - box.top + 1) * (box.right - box.left + 1)
        share = 100 * pixels / (field.image_size[0] * field.image_size[1])
        guess_number(
            "share", "what share of the photo's pixels does this unit see?", share, (1, 25), " %",
            f"{pixels:,} pixels, {share:.2g} % of the photo. Twice the side is four times as many.",
        )  # fmt: skip
    _conventions(field, row, col)
    places = {layer.name: layer.place for layer in layer_table(subject.spec.name)}
    _recurrence(field, row, places, subject.counting)
    with folded("Every layer of this network"):
        st.dataframe(
            [_row(entry, places) for entry in fields.values()], hide_index=True, height=420, column_config=HEADS
        )
    take_away(recipe.code(subject.spec.name, subject.node.name, row, col, subject.counting.name))


def _answer(field: ReceptiveField, row: int, col: int, counting: Counting) -> None:
    """What the unit sees in a sentence, and the layer's three numbers."""
    unit = counting.unit(row, col, field.map_size[0] if field.map_size else 1)
    box = field.box(row, col) if field.known else None
    if box:
        rows, cols = counting.spans(box, field.image_size[0])
        st.markdown(f"Unit **({unit[0]}, {unit[1]})** sees rows **{rows}** and columns **{cols}** of the photo.")
    _numbers(field)


def _look(field: ReceptiveField) -> str:
    """What to look at, or why there is nothing."""
    if not field.known:
        return f"What this layer sees isn't known: {plain(field.why)}."
    if field.map_size is None:
        return f"This layer sees the whole image: {plain(field.why)}."
    if field.why:
        return f"The fields of this layer differ from unit to unit: {plain(field.why)}."
    return "The box is its field. Hatched is padding, where the field reaches beyond the photo."


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


def _unit(counting: Counting, rows: int, cols: int, row: int, col: int) -> None:
    """The unit's numbers, to type as they are counted in your course."""
    first = counting.units
    shown = counting.unit(row, col, rows)
    one, two = st.columns(2)
    CONTROLS.typed(
        "row", f"Unit row ({first} to {rows - 1 + first})", first, rows - 1 + first, shown[0],
        lambda typed: CONTROLS.write(row=counting.index(typed, 0, rows)[0]), place=one,
    )  # fmt: skip
    CONTROLS.typed(
        "col", f"Unit column ({first} to {cols - 1 + first})", first, cols - 1 + first, shown[1],
        lambda typed: CONTROLS.write(col=typed - first), place=two,
    )  # fmt: skip


def _numbers(field: ReceptiveField) -> None:
    if field.size and field.jump and field.start:
        size, jump, start = st.columns(3)
        size.metric("Size", f"{field.size[0]:g} × {field.size[1]:g}", help="Pixels that a unit can see.")
        jump.metric("Jump", f"{field.jump[0]:g}, {field.jump[1]:g}", help="Pixels from one unit's field to the next.")
        start.metric("Start", f"{field.start[0]:g}, {field.start[1]:g}", help="First row and column that unit 0 sees.")
        st.caption(
            "A unit sees *size* pixels. The next unit's field begins *jump* pixels further. The first unit's begins at "
            "*start*: below 0, it begins in the padding."
        )
        if not field.centred:
            st.caption("Paths with different centres meet here: the field is the smallest box around them all.")


def _conventions(field: ReceptiveField, row: int, col: int) -> None:
    """The box in every way of counting pixels, in the picture and as the formula has it."""
    box, height = field.box(row, col), field.image_size[0]
    if box is None:
        st.info("This unit sees nothing but padding.")
        return
    whole = (field.box(row, col, clip=False) if field.size else None) or box
    st.dataframe(
        [
            dict(
                zip(
                    ("pixels are counted", "rows", "columns", "rows with padding", "columns with padding"),
                    (way.name, *way.spans(box, height), *way.spans(whole, height)),
                    strict=True,
                )
            )
            for way in ALIKE
        ],
        hide_index=True,
    )


def _recurrence(field: ReceptiveField, row: int, places: Mapping[str, str], counting: Counting) -> None:
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
        column_config=HEADS,
        height=min(420, 40 + 35 * len(lines)),
    )
    number, _ = counting.unit(row, 0, field.map_size[0] if field.map_size else 1)
    st.markdown(
        f"**Rows seen by unit row {number}** (counted {counting.name}): "
        f"first = start + row · jump, last = first + size − 1{IN_BETWEEN if counting != Counting() else ''}"
    )
    st.latex(box_formula(field, row, counting))


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
