"""Design your own: a stack of layers in a table, and how the field of its middle unit grows."""

import streamlit as st
from PIL import Image

from cnnlab_core.images import png, square, thumbnail
from cnnlab_core.models.stack import read_stack, write_stack
from cnnlab_core.plots.overlays import field_on_picture
from cnnlab_core.receptive_field import Counting, ReceptiveField
from cnnlab_core.receptive_field.stack import MOST_SIDE, PRESETS, Preset, stack_fields
from cnnlab_core.receptive_field.worked_out import box_formula, growth_formulas
from cnnlab_core.recipes.receptive_fields import stack as recipe
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.receptive_fields.fields import HEADS, IN_BETWEEN
from cnnlab_core.ui.show import folded, form, main_picture, plain
from cnnlab_core.ui.stack_table import WINDOW_COLUMNS, StackTable
from cnnlab_core.ui.take_away import take_away

FIRST = PRESETS["AlexNet 2012"]
TABLE = StackTable("maps_stack", WINDOW_COLUMNS)


def show(subject: LayerSubject) -> None:
    """The table to edit, what the middle unit of a row sees, and how the field grows from row to row."""
    with form("presets", horizontal=True):
        for name, preset in PRESETS.items():
            st.button(name, key=f"preset {name}", on_click=_load, args=(preset,))
    left, right = st.columns([1.25, 1], gap="large")
    with left, form():
        side = CONTROLS.index("input", MOST_SIDE, FIRST.side, lowest=1)
        CONTROLS.typed("input", "Input (pixels wide and high)", 1, MOST_SIDE, side)
        rows = TABLE.draw(FIRST.text)
        about = next((p.about for p in PRESETS.values() if (read_stack(p.text), p.side) == (rows, side)), "")
        st.caption(about or "Add a row below the last one. To remove rows, select them at their left edge.")
        fields = stack_fields(rows, side)
    with right, main_picture():
        _look_through(fields, square(subject.picture.image, side), subject.counting)
    _growth(fields, side, subject.counting)
    learned("three layers of 3 × 3 see as much as one of 7 × 7, with fewer weights. Strides make a field grow fastest.")
    take_away(recipe.code(write_stack(rows), side, subject.counting.name))


def _load(preset: Preset) -> None:
    TABLE.load(preset.text)
    CONTROLS.write(input=preset.side, through=len(read_stack(preset.text)))


def _look_through(fields: list[ReceptiveField], picture: Image.Image, counting: Counting) -> None:
    """What the middle unit of one row sees."""
    last = len(fields)
    through = CONTROLS.index("through", last, last, lowest=1)
    CONTROLS.typed("through", f"Look through row (1 to {last})", 1, last, through)
    field = fields[through - 1]
    middle = _middle(field)
    box = field.box(middle, middle)
    drawn = field_on_picture(picture, box, field.box(middle, middle, clip=False))
    large = png(thumbnail(drawn, max(448, 2 * max(drawn.size))))
    st.image(large, alt="The field of the middle unit", width="stretch", output_format="PNG")
    row, col = counting.unit(middle, middle, _side(field))
    where = "rows {}, columns {}".format(*counting.spans(box, picture.height)) if box else "only padding"
    st.caption(
        f"What unit ({row}, {col}) of **{field.name}** sees: {_number(field.size)} × {_number(field.size)} "
        f"pixels, {where} (counted {counting.name}). Step through the rows and watch it grow. Hatched is padding."
    )


def _growth(fields: list[ReceptiveField], side: int, counting: Counting) -> None:
    st.markdown("**How the field grows**")
    lines = {line.name: line for line in fields[-1].recurrence()}
    first = {"row": 0, "layer": "input", "map": f"{side} × {side}", "size": "1", "jump": "1", "start": "0"}
    first["worked out"] = "each pixel sees itself"
    table = [
        {
            "row": number,
            "layer": field.name,
            "map": f"{field.map_size[0]} × {field.map_size[1]}" if field.map_size else "",
            "size": _number(field.size),
            "jump": _number(field.jump),
            "start": _number(field.start),
            "worked out": lines[field.name].equation if field.name in lines else "changes nothing",
        }
        for number, field in enumerate(fields, 1)
    ]
    st.dataframe(
        [first, *table],
        hide_index=True,
        column_config=HEADS,
        height=min(460, 38 + 35 * (len(table) + 1)),
    )
    last = fields[-1]
    with folded("The last row as formulas"):
        for name, formula in growth_formulas(last)[-1:]:
            st.markdown(plain(name))
            st.latex(formula)
        number, _ = counting.unit(_middle(last), 0, _side(last))
        st.markdown(
            f"Rows seen by its middle unit, in row {number} (counted {counting.name})"
            f"{IN_BETWEEN if counting != Counting() else ''}"
        )
        st.latex(box_formula(last, _middle(last), counting))


def _side(field: ReceptiveField) -> int:
    return field.map_size[0] if field.map_size else 1


def _middle(field: ReceptiveField) -> int:
    return _side(field) // 2


def _number(pair: tuple[float, float] | None) -> str:
    return f"{pair[0]:g}" if pair else ""
