"""The receptive field of one unit: its box on the picture, its numbers in every convention, and how they grow."""

import streamlit as st

from cnnlab_core.images import png
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.plots.mosaic import field_on_picture
from cnnlab_core.receptive_field import Box, ReceptiveField, receptive_fields
from cnnlab_core.ui.feature_maps.choice import Choice, in_address, number_box, put_in_address, seen_picture
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import plain

CONVENTIONS = ("from 0, top left", "from 1, top left", "from 0, bottom left", "from 1, bottom left")


def show(choice: Choice) -> None:
    """The tab."""
    fields = all_fields(choice)
    if not fields or choice.node.name not in fields:
        return
    field = fields[choice.node.name]
    rows, cols = field.map_size or choice.node.shape[1:]
    row, col = in_address("row", rows - 1, rows // 2), in_address("col", cols - 1, cols // 2)
    left, right = st.columns([1, 1.2], gap="large")
    with right:
        row, col = _unit(rows, cols, row, col)
        _numbers(field, choice, row, col)
    with left:
        box = field.box(row, col)
        unclipped = field.box(row, col, clip=False) if field.size else None
        drawn = field_on_picture(seen_picture(choice), box, unclipped)
        st.image(png(drawn.resize((drawn.width * 2, drawn.height * 2), 0)), alt="The field on the picture")
        if field.why:
            st.caption(f"This layer sees the whole image: {plain(field.why)}.")
        else:
            st.caption("Outside the field is dimmed; hatched is padding, where the field reaches past the picture.")
    _recurrence(field)
    with st.expander("Every layer of this network"):
        st.dataframe([_row(entry) for entry in fields.values()], hide_index=True, height=420)


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


def _unit(rows: int, cols: int, row: int, col: int) -> tuple[int, int]:
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
    return row, col


def _numbers(field: ReceptiveField, choice: Choice, row: int, col: int) -> None:
    box = field.box(row, col)
    if field.size and field.jump and field.start:
        size, jump, start = st.columns(3)
        size.metric("Size", f"{field.size[0]:g} × {field.size[1]:g}", help="Pixels that a unit can see.")
        jump.metric("Jump", f"{field.jump[0]:g}, {field.jump[1]:g}", help="From one unit's field to the next one's.")
        start.metric("Start", f"{field.start[0]:g}, {field.start[1]:g}", help="First row and column that unit 0 sees.")
        if not field.centred:
            st.caption("Paths with different centres meet here: the field is the smallest that holds them all.")
    if box is None:
        st.info("This unit sees nothing but padding.")
        return
    boxes = {"in the picture": box}
    if field.size:
        boxes["with padding"] = field.box(row, col, clip=False) or box
    st.dataframe(
        [
            {"counted": convention, "": what, **_in_convention(convention, choice.spec.preprocessing.crop, pixels)}
            for convention in CONVENTIONS
            for what, pixels in boxes.items()
        ],
        hide_index=True,
    )


def _in_convention(convention: str, side: int, box: Box) -> dict[str, str]:
    first = int("from 1" in convention)
    rows = (box.top, box.bottom)
    if "bottom" in convention:
        rows = (side - 1 - box.bottom, side - 1 - box.top)
    return {
        "rows": f"{rows[0] + first} … {rows[1] + first}",
        "columns": f"{box.left + first} … {box.right + first}",
    }


def _recurrence(field: ReceptiveField) -> None:
    lines = field.recurrence()
    if not lines:
        return
    st.markdown("**How the field grows, layer by layer** (rows; columns alike)")
    st.latex(
        r"\text{size}' = \text{size} + d\,(k-1)\,\text{jump} \qquad \text{jump}' = \text{jump}\cdot s \qquad "
        r"\text{start}' = \text{start} - p\,\text{jump}"
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
