"""AlexNet as in the paper and as in torchvision: the same layers, and where their middle units look."""

import streamlit as st

from cnnlab_core.images import png, square, thumbnail
from cnnlab_core.models.stack import read_stack
from cnnlab_core.plots.overlays import field_on_picture
from cnnlab_core.receptive_field import ReceptiveField
from cnnlab_core.receptive_field.stack import PRESETS, stack_fields
from cnnlab_core.receptive_field.worked_out import box_formula, growth_formulas
from cnnlab_core.recipes.feature_maps import stack as recipe
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject
from cnnlab_core.ui.take_away import take_away

BOTH = {
    "AlexNet 2012": "As in the 2012 paper · 227 × 227, padding 0",
    "AlexNet torchvision": "As in torchvision · 224 × 224, padding 2",
}
LAYERS = ("conv1", "conv2", "conv3")


def show(subject: LayerSubject) -> None:
    """Both versions side by side: the field of a middle unit on the picture, and its layers worked out."""
    chosen = CONTROLS.one_of("alexnet", "Draw the field of the middle unit of", LAYERS, LAYERS[2])
    st.caption(
        "Size and jump are the same on both sides, because the windows are. Padding only moves where the fields begin: "
        "compare “start”. The paper says 224, but its 55 × 55 maps need 227 without padding, or 224 with padding 2. "
        "The first row that a unit sees is start + row · jump, the last is first + size − 1; columns work the same way."
    )
    for column, (name, title) in zip(st.columns(2, gap="large"), BOTH.items(), strict=True):
        fields = {field.name: field for field in stack_fields(read_stack(PRESETS[name].text), PRESETS[name].side)}
        with column:
            st.markdown(f"**{title}**")
            _picture(subject, fields[chosen], PRESETS[name].side)
            for number, layer in enumerate(LAYERS, 1):
                _layer(number, fields[layer])
    take_away("\n".join(recipe.code(PRESETS[name].text, PRESETS[name].side) for name in BOTH))


def _picture(subject: LayerSubject, field: ReceptiveField, side: int) -> None:
    row, col = _centre(field)
    picture = square(subject.picture.image, side)
    drawn = field_on_picture(picture, field.box(row, col), field.box(row, col, clip=False))
    about = f"The field of the middle unit of {field.name}"
    st.image(png(thumbnail(drawn, 2 * max(drawn.size))), alt=about, width="stretch", output_format="PNG")


def _layer(number: int, field: ReceptiveField) -> None:
    """One layer in full: every line of the recurrence that leads to it from the convolution before, then the box."""
    row, col = _centre(field)
    box = field.box(row, col)
    assert field.size
    assert field.map_size
    assert box
    st.markdown(f"**Layer {number}: {field.name}** · map {field.map_size[0]} × {field.map_size[1]}")
    formulas = growth_formulas(field)[0 if number == 1 else -2 :]  # with the pooling between two convolutions
    formulas.append((f"unit {row}", box_formula(field, row)))
    lines = (rf"\text{{{name}}} & \quad {formula}" for name, formula in formulas)
    st.latex(r"\begin{array}{rl}" + r"\\[2.4em]".join(lines) + r"\end{array}")
    st.markdown(
        f"It sees **{field.size[0]:g} × {field.size[1]:g}** pixels: rows {box.top} … {box.bottom}, columns "
        f"{box.left} … {box.right}."
    )


def _centre(field: ReceptiveField) -> tuple[int, int]:
    rows, cols = field.map_size or (1, 1)
    return rows // 2, cols // 2
