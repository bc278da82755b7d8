"""AlexNet as in the paper and as in torchvision: the same layers, and where their middle units look."""

from functools import partial

import streamlit as st
from matplotlib.figure import Figure

from cnnlab_core.images import png, square, thumbnail
from cnnlab_core.models.stack import read_stack
from cnnlab_core.plots.fields import fields_figure
from cnnlab_core.plots.overlays import field_on_picture
from cnnlab_core.plots.paper import Format, rendered
from cnnlab_core.receptive_field import Counting, ReceptiveField
from cnnlab_core.receptive_field.stack import PRESETS, stack_fields
from cnnlab_core.receptive_field.worked_out import box_formula, every_counting, growth_formulas, seen_by, worked_out
from cnnlab_core.recipes.receptive_fields import alexnet as recipe
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import figure_colours, form, main_picture
from cnnlab_core.ui.take_away import File, paper_files, take_away

BOTH = {
    "AlexNet 2012": "As in the 2012 paper · 227 × 227, padding 0",
    "AlexNet torchvision": "As in torchvision · 224 × 224, padding 2",
}
NUMBERS = {"conv1": 27, "conv2": 13, "conv3": 6}
"""The units looked through, as a sheet names them: the middle ones if units are counted from 0."""
ALL = "all three"


def show(subject: LayerSubject) -> None:
    """Both versions side by side: the fields on the picture, and the layers worked out as one's course counts."""
    chosen = CONTROLS.one_of("alexnet", "Draw the field in", (*NUMBERS, ALL), ALL, place=form())
    counting = subject.counting
    units = "the ones before the middle, as units count from 1 here" if counting.units else "the middle ones"
    st.caption(
        f"Through unit 27 of layer 1, unit 13 of layer 2 and unit 6 of layer 3 (row and column): {units}. Counted "
        f"{counting.name}, as chosen above; one range stands for rows and columns alike. Size and jump are the same on "
        "both sides, because the windows are. Padding only moves where the fields begin: compare “start”. The paper "
        "says 224, but its 55 × 55 maps need 227 without padding, or 224 with padding 2."
    )
    versions = {
        name: {f.name: f for f in stack_fields(read_stack(PRESETS[name].text), PRESETS[name].side)} for name in BOTH
    }
    for column, (name, title) in zip(st.columns(2, gap="large"), BOTH.items(), strict=True):
        fields = {layer: versions[name][layer] for layer in NUMBERS}
        with column:
            with main_picture() if name == next(iter(BOTH)) else st.container():
                st.markdown(f"**{title}**")
                if chosen == ALL:
                    figure = _figure(subject, name, fields, figure_colours())
                    st.image(rendered(figure, "png", dpi=130), alt="The three fields on the picture", width="stretch")
                else:
                    _picture(subject, fields[chosen])
            for number, field in enumerate(fields.values(), 1):
                _layer(number, field, counting)
    st.markdown("**The same numbers in every way of counting**")
    st.caption(
        "A sheet that says “unit 27” may count units from 0 or from 1: the field lies one jump apart. One that starts "
        "at the bottom left turns the rows around; at 227 × 227 the layers fit exactly, so the middle stays the middle."
    )
    for name, title in BOTH.items():
        st.markdown(title)
        st.dataframe(
            every_counting([versions[name][layer] for layer in NUMBERS], list(NUMBERS.values())), hide_index=True
        )
    learned("padding moves where the fields begin. How large they are comes of kernels and strides alone.")
    _away(subject, versions)


def _index(field: ReceptiveField, counting: Counting) -> tuple[int, int]:
    """The unit looked through, from 0 at the top left."""
    assert field.map_size
    return counting.index(NUMBERS[field.name], NUMBERS[field.name], field.map_size[0])


def _picture(subject: LayerSubject, field: ReceptiveField) -> None:
    unit = _index(field, subject.counting)
    picture = square(subject.picture.image, field.image_size[0])
    drawn = field_on_picture(picture, field.box(*unit), field.box(*unit, clip=False))
    about = f"The field of a unit of {field.name}"
    st.image(png(thumbnail(drawn, 2 * max(drawn.size))), alt=about, width="stretch", output_format="PNG")


def _figure(
    subject: LayerSubject, name: str, fields: dict[str, ReceptiveField], colours: tuple[str, str] = ("black", "white")
) -> Figure:
    """All three fields on one picture, with rulers."""
    counting, side = subject.counting, PRESETS[name].side
    boxes = {}
    for number, (layer, field) in enumerate(fields.items(), 1):
        box = field.box(*_index(field, counting))
        assert box
        title = f"layer {number}, unit ({NUMBERS[layer]}, {NUMBERS[layer]}): {seen_by(field, NUMBERS[layer], counting)}"
        boxes[title] = counting.box(box, side)
    return fields_figure(
        square(subject.picture.image, side),
        dict(reversed(boxes.items())),
        f"{name}, {side} × {side}\ncounted {counting.name}",
        first=counting.pixels,
        from_below=counting.from_below,
        ink=colours[0],
        paper=colours[1],
    )


def _layer(number: int, field: ReceptiveField, counting: Counting) -> None:
    """One layer in full: every line of the recurrence that leads to it from the convolution before, then the box."""
    assert field.size
    assert field.map_size
    unit = NUMBERS[field.name]
    st.markdown(f"**Layer {number}: {field.name}** · map {field.map_size[0]} × {field.map_size[1]}")
    formulas = growth_formulas(field)[0 if number == 1 else -2 :]  # with the pooling between two convolutions
    formulas.append((f"unit {unit}", box_formula(field, _index(field, counting)[0], counting)))
    lines = (rf"\text{{{name}}} & \quad {formula}" for name, formula in formulas)
    st.latex(r"\begin{array}{rl}" + r"\\[2.4em]".join(lines) + r"\end{array}")
    st.markdown(
        f"Unit ({unit}, {unit}) sees **{field.size[0]:g} × {field.size[1]:g}** pixels: "
        f"**{seen_by(field, unit, counting)}**."
    )


def _away(subject: LayerSubject, versions: dict[str, dict[str, ReceptiveField]]) -> None:
    counting = subject.counting

    def figure(name: str, kind: Format) -> bytes:
        return rendered(_figure(subject, name, {layer: versions[name][layer] for layer in NUMBERS}), kind)

    def text() -> str:
        return "\n".join(
            f"{title}\n{worked_out([versions[name][layer] for layer in NUMBERS], list(NUMBERS.values()), counting)}"
            for name, title in BOTH.items()
        )

    take_away(
        "\n".join(recipe.code(PRESETS[name].text, PRESETS[name].side, NUMBERS, counting.name) for name in BOTH),
        *paper_files(partial(figure, "AlexNet 2012"), "alexnet", "Figure 2012 ({})"),
        *paper_files(partial(figure, "AlexNet torchvision"), "alexnet_torchvision", "Figure torchvision ({})"),
        File("Worked out (text)", text, "cnnlab_alexnet.txt", "text/plain"),
    )
