"""Exercises on receptive fields: small stacks, whose fields :mod:`cnnlab_core.receptive_field` knows."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from cnnlab_core.convolution.geometry import output_size
from cnnlab_core.errors import InputError
from cnnlab_core.exercises.exercise import Numbers, Task
from cnnlab_core.exercises.looks import through_the_stack
from cnnlab_core.models.stack import Row, map_sides, write_stack
from cnnlab_core.receptive_field.stack import stack_fields
from cnnlab_core.receptive_field.worked_out import box_formula, growth_lines

SIDES = (12, 16, 20, 24, 28, 32)
LETTERS = {"kernel": "k", "stride": "s", "padding": "p", "dilation": "d"}
GROWTH = (
    "Layer by layer, with size 1, jump 1 and start 0 at the input: the size grows by $d (k - 1)$ times the jump "
    "before the layer, the start goes back by $p$ times that jump, and the jump is multiplied by the stride $s$."
)


def field_growth(generator: np.random.Generator, level: int) -> Task:
    """Size, jump and start of a unit of the last layer, and how large its map is."""
    rows, side = _stack(generator, level, padded=True)
    last = stack_fields(rows, side)[-1]
    growth = last.recurrence()[-1]
    prompt = f"{_picture(rows, side)}\n\nWhat do the units of **{last.name}** see?"
    asked = {
        "Size: how many pixels wide is the field of a unit?": growth.size,
        "Jump: how many pixels further on does the field of the next unit begin?": growth.jump,
        "Start: the first pixel that unit 0 sees (negative in the padding)": growth.start,
        f"How many units wide is the map of {last.name}?": _lengths(rows, side)[-1],
    }
    parts = tuple(Numbers(question, np.array([float(number)])) for question, number in asked.items())
    maps = f"The map of a layer is $\\lfloor (n + 2p - d (k - 1) - 1) / s \\rfloor + 1$ wide. {GROWTH}"
    steps = (*_growth_steps(rows, side), *_map_steps(rows, side))
    return Task(prompt, parts, maps, steps, _givens(rows, side), through_the_stack(rows, side))


def field_box(generator: np.random.Generator, level: int) -> Task:
    """The pixels that one unit sees, with the padding and without."""
    while True:
        rows, side = _stack(generator, level, padded=level > 1)
        last = stack_fields(rows, side)[-1]
        units = _lengths(rows, side)[-1]
        row, col = (int(n) for n in generator.integers(units, size=2))
        if level > 1:  # at the border, where there is something to cut
            row = int(generator.choice((0, units - 1)))
        whole, cut = last.box(row, col, clip=False), last.box(row, col)
        assert whole  # every stack has a closed form
        at_hand = [max(whole[0], 0), max(whole[1], 0), min(whole[2], side - 1), min(whole[3], side - 1)]
        # Cells that a stride left out may make a unit see less than its field cut at the picture: not asked here.
        if cut and list(cut) == at_hand and (cut != whole) == (level > 1):
            break
    prompt = (
        f"{_picture(rows, side)}\n\nWhich pixels does the unit in row {row}, column {col} of **{last.name}** see? "
        "Units and pixels are counted from 0; give the first row, first column, last row and last column."
    )
    question = "First row, first column, last row, last column"
    steps = [*_growth_steps(rows, side)]
    for what, index in dict.fromkeys((("Rows", row), ("Columns", col))):
        steps.append(f"{what}: $\\displaystyle {box_formula(last, index)}$")
    parts = [Numbers(f"{question}, padding included" if level > 1 else question, np.array(whole, dtype=float))]
    if level > 1:
        parts.append(Numbers(f"{question}, cut at the picture", np.array(cut, dtype=float)))
        steps.append(
            f"The picture has the pixels 0 to {side - 1}. What lies outside is padding, so {list(whole)} is cut "
            f"to {list(cut)}."
        )
    hint = f"{GROWTH} The field of unit $i$ begins at start $+ \\; i \\,\\cdot$ jump, and is as wide as the size says."
    givens = {**_givens(rows, side), "unit": (row, col)}
    return Task(prompt, tuple(parts), hint, tuple(steps), givens, through_the_stack(rows, side))


def field_setting(generator: np.random.Generator, level: int) -> Task:
    """One number of the stack is missing; the size of the field gives it away."""
    if level == 3 and generator.integers(2):
        return _same_padding(generator)
    while True:
        rows, side = _stack(generator, level, padded=level > 1)
        names = ["kernel", "stride", "dilation"] if level == 3 else ["kernel", "stride"]
        name = names[int(generator.integers(len(names)))]
        place = int(generator.integers(len(rows) - 1 if name == "stride" else len(rows)))
        known = getattr(rows[place], name)
        if rows[place].kind == "convolution" and (known > 1 or generator.integers(4) == 0):
            break
    size = _size(rows)
    symbol = LETTERS[name]
    layer = _names(rows)[place]
    prompt = (
        f"One number is missing from {_layers(rows, (place, name))}\n\nA unit of the last layer sees "
        f"${size} \\times {size}$ pixels. What is the {name} of {layer}?"
    )
    # The size is rest + factor times the unknown: read off at two values of it.
    low, high = (_size(_changed(rows, place, name, value)) for value in (1, 2))
    factor, rest = high - low, 2 * low - high
    left = f"{rest} + " if rest > 0 else f"-{-rest} + " if rest else ""
    moved = f"{size} - {rest}" if rest > 0 else f"{size} + {-rest}" if rest else f"{size}"
    solved = f"({moved}) / {factor}" if factor > 1 else moved
    steps = (
        f"Each layer adds $d (k - 1)$ times the strides of all layers before it: "
        f"${_sum(rows, (place, name))} = {size}$",
        f"Put together: ${left}{factor if factor > 1 else ''} {symbol} = {size}$",
        f"So ${symbol} = {solved} = {known}$.",
    )
    givens = {**_givens(rows, side), "missing": (place, name), "size": size}
    return Task(prompt, (Numbers("", np.array([float(known)])),), GROWTH, steps, givens)


def _same_padding(generator: np.random.Generator) -> Task:
    kernel, dilation = int(generator.choice((3, 5, 7))), int(generator.integers(1, 5))
    side = int(generator.choice(SIDES))
    padding = dilation * (kernel - 1) // 2
    prompt = (
        f"A convolution of ${kernel} \\times {kernel}$ with dilation {dilation} and stride 1 should keep a map of "
        f"${side} \\times {side}$ at its size. How much padding does it need on each side?"
    )
    steps = (
        f"Its window spans $d (k - 1) + 1 = {dilation} \\cdot {kernel - 1} + 1 = {2 * padding + 1}$ cells, so without "
        f"padding the map loses ${2 * padding}$.",
        f"$2p = {2 * padding}$, so $p = {padding}$, whatever the size of the map.",
    )
    hint = "With stride 1, a map loses $d (k - 1)$ cells along each axis, and a padding of $p$ gives $2p$ back."
    givens = {"kernel": kernel, "dilation": dilation, "side": side}
    return Task(prompt, (Numbers("", np.array([float(padding)])),), hint, steps, givens)


def field_depth(generator: np.random.Generator, level: int) -> Task:
    """How many layers it takes to see a given number of pixels."""
    if level == 3:
        return (_dilations if generator.integers(2) else _blocks)(int(generator.integers(9, 120)))
    kernel = int(generator.choice((3, 5, 7)))
    head, stride = (int(generator.choice((5, 7, 11))), int(generator.choice((2, 4)))) if level == 2 else (1, 1)
    growth = (kernel - 1) * stride
    wanted = head + int(generator.integers(growth, 12 * growth))
    layers = math.ceil((wanted - head) / growth)
    each = f"{kernel - 1} \\cdot {stride} \\, n" if stride > 1 else f"{kernel - 1} n"
    after = f"After a convolution of ${head} \\times {head}$ with stride {stride}, convolutions" if level == 2 else ""
    story = f"{after or 'Convolutions'} of ${kernel} \\times {kernel}$ with stride 1 follow one another."
    steps = (
        f"With $n$ of them a unit sees ${head} + {each}$ pixels along each axis.",
        f"This is at least ${wanted}$ if $n \\ge ({wanted} - {head}) / {growth} = {(wanted - head) / growth:.4g}$, "
        f"so $n = {layers}$.",
        f"They see ${head} + {growth} \\cdot {layers} = {head + growth * layers}$ pixels; one fewer would see "
        f"${head + growth * (layers - 1)}$.",
    )
    stack = ([f"c{head}s{stride}"] if level == 2 else []) + [f"c{kernel}"] * layers
    return _depth_task(story, layers, head + growth * layers, steps, stack, wanted)


def _dilations(wanted: int) -> Task:
    """Fields that double by dilation."""
    story = "Convolutions of $3 \\times 3$ with stride 1 follow one another, with dilation 1, 2, 4, 8, and so on."
    step = "The jump stays 1. Layer $l$ has the dilation $2^{l-1}$, so it adds $d (k - 1) = 2 \\cdot 2^{l-1}$."
    layers = math.ceil(math.log2((wanted - 1) / 2 + 1))
    return _doubling_task(story, step, 2, layers, [f"c3d{2**n}" for n in range(layers)], wanted)


def _blocks(wanted: int) -> Task:
    """Fields that double by pooling."""
    story = (
        "A convolution of $3 \\times 3$ with stride 1 and a max pooling of $2 \\times 2$ with stride 2 make a block. "
        "Blocks follow one another."
    )
    step = (
        "Block $l$ begins with the jump $2^{l-1}$. It adds $2 + 1 = 3$ jumps, $3 \\cdot 2^{l-1}$, and doubles the jump."
    )
    layers = math.ceil(math.log2((wanted - 1) / 3 + 1))
    return _doubling_task(story, step, 3, layers, ["c3", "m2s2"] * layers, wanted)


def _doubling_task(story: str, step: str, unit: int, layers: int, stack: list[str], wanted: int) -> Task:
    sizes = [1 + unit * (2**n - 1) for n in range(1, layers + 1)]
    steps = (
        step,
        f"$n$ of them see $1 + {unit} (1 + 2 + 4 + \\dots + 2^{{n-1}}) = 1 + {unit} (2^n - 1)$ pixels: "
        f"{', '.join(map(str, sizes))}.",
        f"The first of these that is at least {wanted} is {sizes[-1]}, with $n = {layers}$.",
    )
    return _depth_task(story, layers, sizes[-1], steps, stack, wanted)


def _depth_task(story: str, layers: int, size: int, steps: tuple[str, ...], stack: Sequence[str], wanted: int) -> Task:
    asked = (
        f"How many of them does it take for a unit of the last one to see at least ${wanted} \\times {wanted}$ pixels?"
    )
    parts = (
        Numbers("How many?", np.array([float(layers)])),
        Numbers("How many pixels does it then see along each axis?", np.array([float(size)])),
    )
    return Task(f"{story} {asked}", parts, GROWTH, steps, {"stack": ",".join(stack), "wanted": wanted})


# --- stacks ---------------------------------------------------------------------------------------------------


def _stack(generator: np.random.Generator, level: int, *, padded: bool) -> tuple[tuple[Row, ...], int]:
    """One layer more than the level, at level 3 one of them dilated; at least two units of the last one remain."""
    while True:
        rows = tuple(_row(generator, padded) for _ in range(level + 1))
        side = int(generator.choice(SIDES))
        if level == 3:
            convolutions = [place for place, row in enumerate(rows) if row.kind == "convolution"]
            rows = _changed(rows, int(generator.choice(convolutions or [0])), "dilation", 2)
        lengths = _lengths(rows, side)
        if (
            rows[0].kind == "convolution"
            and any(row.stride > 1 for row in rows)
            and any(row.padding for row in rows) == padded
            and all(one != other for one, other in pairwise(rows))
            and lengths
            and lengths[-1] > 1
        ):
            return rows, side


def _row(generator: np.random.Generator, padded: bool) -> Row:
    if generator.integers(3) == 0:
        return Row("max pool", int(generator.choice((2, 3))), 2)
    kernel = int(generator.choice((3, 5) if padded else (2, 3, 5)))
    padding = int(generator.integers(kernel // 2 + 1)) if padded else 0
    return Row("convolution", kernel, int(generator.choice((1, 1, 2))), padding)


def _lengths(rows: Sequence[Row], side: int) -> list[int]:
    """The sides of the maps; none where a window is larger than its map."""
    try:
        return map_sides(rows, side)
    except InputError:
        return []


def _changed(rows: Sequence[Row], place: int, name: str, value: int) -> tuple[Row, ...]:
    changed = Row(**{**vars(rows[place]), name: value})
    return (*rows[:place], changed, *rows[place + 1 :])


def _size(rows: Sequence[Row]) -> int:
    """The size of the last layer's field, by the recurrence: no picture is needed."""
    size = jump = 1
    for row in rows:
        size, jump = size + row.dilation * (row.kernel - 1) * jump, jump * row.stride
    return size


def _givens(rows: Sequence[Row], side: int) -> dict[str, object]:
    return {"stack": write_stack(rows), "side": side}


# --- words ----------------------------------------------------------------------------------------------------


def _names(rows: Sequence[Row]) -> list[str]:
    """conv1, pool1, conv2, ... as :func:`stack_fields` names them."""
    short = ["conv" if row.kind == "convolution" else "pool" for row in rows]
    return [f"{name}{short[: place + 1].count(name)}" for place, name in enumerate(short)]


def _picture(rows: Sequence[Row], side: int) -> str:
    return f"A picture of ${side} \\times {side}$ pixels goes through {_layers(rows)}"


def _layers(rows: Sequence[Row], missing: tuple[int, str] | None = None) -> str:
    """The stack in words and as a Markdown table; ``missing`` (place, setting) is shown as a question mark.

    Padding and dilation are left out where no layer has any.
    """
    usual = {"kernel": None, "stride": None, "padding": 0, "dilation": 1}
    columns = [name for name, value in usual.items() if any(getattr(row, name) != value for row in rows)]
    letters = ", ".join(f"{name} ${LETTERS[name]}$" for name in columns)
    lines = [f"| layer | {' | '.join(f'${LETTERS[name]}$' for name in columns)} |", "|:---|" + "---:|" * len(columns)]
    for place, (name, row) in enumerate(zip(_names(rows), rows, strict=True)):
        cells = ["**?**" if missing == (place, column) else str(getattr(row, column)) for column in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    table = "\n".join(lines)
    return (
        "these layers, the same along rows and columns (conv is a convolution, pool a max pooling; "
        f"{letters}):\n\n{table}"
    )


def _growth_steps(rows: Sequence[Row], side: int) -> tuple[str, str]:
    """The rule, and the table of the layers with its numbers in it."""
    lines = ["| layer | size $r$ | jump $j$ | start |", "|:---|:---|:---|:---|", "| input | $1$ | $1$ | $0$ |"]
    lines += [
        f"| {line.name} | ${line.size}$ | ${line.jump}$ | ${line.start}$ |"
        for line in growth_lines(stack_fields(rows, side)[-1])
    ]
    rule = (
        r"The rule: $r_l = r_{l-1} + d_l (k_l - 1) \, j_{l-1}$, $j_l = j_{l-1} \, s_l$ and "
        r"$\text{start}_l = \text{start}_{l-1} - p_l \, j_{l-1}$."
    )
    return rule, "\n".join(lines)


def _map_steps(rows: Sequence[Row], side: int) -> list[str]:
    sizes = [side, *_lengths(rows, side)]
    results = [
        output_size(size, row.kernel, stride=row.stride, padding=row.padding, dilation=row.dilation)
        for size, row in zip(sizes, rows, strict=False)
    ]
    return [
        f"The map of {name}: $\\displaystyle {result.numbers}$"
        for name, result in zip(_names(rows), results, strict=True)
    ]


def _sum(rows: Sequence[Row], missing: tuple[int, str]) -> str:
    """The size as a sum over layers, the missing number as its letter."""
    terms, strides = ["1"], list[str]()
    for place, row in enumerate(rows):
        shown = {
            name: letter if missing == (place, name) else str(getattr(row, name)) for name, letter in LETTERS.items()
        }
        dilation = [shown["dilation"]] if shown["dilation"] != "1" else []
        terms.append(r" \cdot ".join([*dilation, f"({shown['kernel']} - 1)", *(s for s in strides if s != "1")]))
        strides.append(shown["stride"])
    return " + ".join(terms)
