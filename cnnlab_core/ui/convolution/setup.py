"""The controls of a convolution, 1-D or 2-D: presets, sizes, typed numbers, settings.

The tabs 1-D and 2-D and Backward show the same ones, so what was set in one is there in the other.
"""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.checks import Array
from cnnlab_core.convolution import ConvProblem, Example, geometry, resize, write_planes
from cnnlab_core.convolution.options import NAMED_PADDINGS, PADDING_MODES
from cnnlab_core.ui.convolution.grid import Cell
from cnnlab_core.ui.convolution.presets import (
    CONVOLUTIONS,
    MOST_CELLS,
    MOST_CHANNELS,
    MOST_KERNEL,
    Numbers,
    example_planes,
    example_settings,
    show_presets,
    show_sizes,
)
from cnnlab_core.ui.convolution.state import Field, Kept, limit_drawn, pattern
from cnnlab_core.ui.show import form, show_problem

PADDINGS = ["0", "1", "2", "3", *NAMED_PADDINGS]
MOST_PADDED = {1: (48,), 2: (24, 24)}


def convolution_setup(dims: int) -> ConvProblem:
    """Draw the controls and give what they say. Raises ``InputError`` if there is no such convolution."""
    kept = Kept(f"conv_{dims}")
    row = form(horizontal=True, gap="small", vertical_alignment="bottom")
    example, stride, padding = (row.container(width=width) for width in (230, 110, 110))
    more, sizes, typed = (row.container(width="content") for _ in range(3))
    fields = _fields(dims)
    x, planes, b, dy = (kept.numbers(field) for field in fields)
    with typed.popover("Type the numbers", icon=":material/keyboard:", key="conv_typed"):
        kept.typing(fields)
    with more.popover("Kernel and more", icon=":material/tune:", key="conv_more"):
        kernel = st.container()
        options = _settings(kept, example_settings(_first(dims)), stride, padding)
    w = _by_output(planes, len(x), options["groups"])
    b = resize(b.reshape(-1), (len(w),))
    numbers = Numbers(kept, dims, x, w, b)
    kept.put("drawn", numbers)
    with sizes.popover("Sizes", icon=":material/straighten:", key="conv_sizes"):
        show_sizes(numbers)
    show_presets(numbers, example, kernel)
    return _problem(dims, x, w, b, dy if kept.get("dy") else None, options)


def take_edits(problem: ConvProblem, edits: list[tuple[Cell, float]]) -> None:
    """Cells were edited in the grid: the text of their arrays follows."""
    kept = Kept(f"conv_{problem.dims}")
    kept.write_edits(
        {name: problem.planes(name, getattr(problem, name)) for name in ("x", "w", "b", "dy")}, edits, problem.dims
    )


# --- the numbers --------------------------------------------------------------------------------------------------


def _fields(dims: int) -> list[Field]:
    """x (C, ...), w as planes (O * C / groups, ...), b, and dy, which may be empty."""
    text = {name: write_planes(planes) for name, planes in example_planes(_first(dims), dims).items()}
    return [
        Field("x", "Input x", text["x"], dims),
        Field("w", "Kernel w, for each output the channels that it reads", text["w"], dims),
        Field("b", "Bias b, one for each output channel", text["b"], 1),
        Field("dy", "Gradient of the output dy (empty: a pattern)", "", dims),
    ]


def _first(dims: int) -> Example:
    return next(iter(CONVOLUTIONS[dims].values()))


def _by_output(planes: Array, channels: int, groups: int) -> Array:
    """The planes of w as (O, C / groups, ...)."""
    per_group = max(1, channels // groups)
    outputs = max(1, len(planes) // per_group)
    if len(planes) != outputs * per_group:
        show_problem(
            f"w has {len(planes)} planes and each output channel reads {per_group}: give {outputs * per_group} of them."
        )
    return resize(planes, (outputs * per_group, *planes.shape[1:])).reshape(outputs, per_group, *planes.shape[1:])


def _problem(dims: int, x: Array, w: Array, b: Array, dy: Array | None, options: dict[str, Any]) -> ConvProblem:
    limit_drawn("x", x.shape, (MOST_CHANNELS, *MOST_CELLS[dims]))
    limit_drawn("w", w.shape, (MOST_CHANNELS, MOST_CHANNELS, *MOST_KERNEL[dims]))
    spatial = {name: value for name, value in options.items() if name != "groups"}
    where = geometry(x.shape[1:], w.shape[2:], **spatial)
    limit_drawn("The padded input", where.padded_shape, MOST_PADDED[dims])
    shape = (len(w), *where.out_shape)
    dy = pattern(shape) if dy is None else resize(dy, shape)
    if len(x) == len(w) == 1:
        x, w, dy = x[0], w[0, 0], dy[0]
    problem = ConvProblem(dims, x, w, b, dy, options)
    _ = problem.y  # what can't be said from the sizes alone is said here: groups that don't divide
    return problem


# --- settings -----------------------------------------------------------------------------------------------------


def _settings(kept: Kept, defaults: dict[str, Any], first: DeltaGenerator, second: DeltaGenerator) -> dict[str, Any]:
    """Stride (drawn in the ``first`` place), padding (in the ``second``) and so on, as options of the core."""
    stride = kept.slider("stride", "Stride", 1, 4, defaults["stride"], 1, place=first)
    padding = kept.select("padding", "Padding", PADDINGS, defaults["padding"], place=second)
    dilation = kept.slider("dilation", "Dilation", 1, 3, defaults["dilation"], 1)
    mode = kept.select("mode", "Padding mode", PADDING_MODES, "zeros")
    groups = kept.number("groups", "Groups", 1, MOST_CHANNELS, 1, 1, on_change=_regroup, args=(kept,))
    flip = kept.toggle("flip", "Flip the kernel", help=FLIP)
    return {
        "stride": stride,
        "padding": int(padding) if padding.isdigit() else padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": mode,
        "flip": flip,
    }


FLIP = (
    "Off: cross-correlation, which deep learning calls convolution. On: the kernel is turned around first, which is "
    "convolution in mathematics."
)


def _regroup(kept: Kept) -> None:
    """Other groups: as many output channels as before, each with the channels that it reads now."""
    kept.get("drawn").resize(groups=kept.get("groups"))
