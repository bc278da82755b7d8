"""The rules of convolution and pooling in LaTeX, as they are for given strides, paddings, groups and so on.

Outputs are at i, j; kernel cells at u, v; input cells at p, q; n counts samples, o output channels, c input channels.
All are counted from ``first``, 0 or 1.
"""

from cnnlab_core.convolution import latex
from cnnlab_core.convolution.conv import Layer
from cnnlab_core.convolution.pooling import Pool
from cnnlab_core.convolution.windows import Axes, Axis


def conv_law(target: str, layer: Layer, with_bias: bool, first: int = 0) -> str:
    """The rule for every cell of ``target``: y, dx, dw or db of a convolution."""
    dims, batch = len(layer.axes), ["n"] if len(layer.x_shape) == layer.x.ndim else []
    i, u, p = _letters(layer.axes)
    has_c = len(layer.w_shape) == layer.w.ndim
    o, c = ("o", "c") if has_c else (str(first),) * 2
    w_lead = [o, c] if has_c else []
    y = [*batch, *([o] if layer.channel_shape else []), *i]
    x_lead = [*batch, *([_channel_read(layer, first)] if len(layer.x_shape) > dims else [])]
    x = latex.symbol("x", [*x_lead, *_seen(layer.axes, first)])
    bias = latex.symbol("b", [o] if layer.channel_shape else [])
    match target:
        case "y":
            law = rf"{_sum_over(w_lead[1:] + u)} {latex.symbol('w', w_lead + u)} \, {x}"
            return f"{latex.symbol('y', y)} = {law}{f' + {bias}' if with_bias else ''}"
        case "dw":
            return rf"{latex.symbol('dw', w_lead + u)} = {_sum_over(batch + i)} {latex.symbol('dy', y)} \, {x}"
        case "db":
            db = latex.symbol("db", [o] if layer.channel_shape else [])
            return f"{db} = {_sum_over(batch + i)} {latex.symbol('dy', y)}"
    left = latex.symbol("dx", [*batch, *([c] if len(layer.x_shape) > dims else []), *p])
    outputs = r"o \text{ in the group of } c" if layer.groups > 1 else "o"
    within = _from_first(r"{} \bmod " + str(layer.w.shape[1]), "c", first) if layer.groups > 1 else "c"
    over_o = _sum_over([outputs]) if has_c else ""
    weight = latex.symbol("w", [*([o, within] if has_c else []), *u])
    return rf"{left} = {over_o} {_sum_over_meetings(layer.axes, first)} {weight} \, {latex.symbol('dy', y)}"


def pool_law(kind: str, target: str, pool: Pool, first: int = 0) -> str:
    """The rule for every cell of ``target``, y or dx, where the ``kind`` is max or avg."""
    i, u, p = _letters(pool.axes)
    lead = ["n", "c"][len(pool.axes) + 2 - len(pool.x_shape) :]
    y, x = latex.symbol("y", lead + i), latex.symbol("x", [*lead, *_seen(pool.axes, first)])
    dy, dx = latex.symbol("dy", lead + i), latex.symbol("dx", lead + p)
    share = r"\tfrac{1}{" + latex.symbol("m", i) + "}"  # m: how many cells of the window count
    match kind, target:
        case "max", "y":
            return rf"{y} = \max_{{{','.join(u)}}} {x}"
        case "max", _:
            return rf"{dx} = \sum_{{{','.join(i)} \text{{ won by }} {','.join(p)}}} {dy}"
        case _, "y":
            return rf"{y} = {share} {_sum_over(u)} {x}"
    return rf"{dx} = {_sum_over_meetings(pool.axes, first)} {share} \, {dy}"


def _letters(axes: Axes) -> tuple[list[str], list[str], list[str]]:
    """Of outputs, kernel cells and input cells."""
    return ["i", "j"][: len(axes)], ["u", "v"][: len(axes)], ["p", "q"][: len(axes)]


def _sum_over(letters: list[str]) -> str:
    return rf"\sum_{{{','.join(letters)}}}"


def _sum_over_meetings(axes: Axes, first: int) -> str:
    """Over the outputs and kernel cells that meet at input cell p, q."""
    shows = "=" if all(axis.padding_mode == "zeros" for axis in axes) else r"\text{ shows }"
    lines = r" \\ ".join(f"{seen} {shows} {p}" for seen, p in zip(_seen(axes, first), _letters(axes)[2], strict=True))
    return rf"\sum_{{\substack{{{lines}}}}}"


def _seen(axes: Axes, first: int) -> list[str]:
    """The input cell that kernel cell u, v meets at output i, j, along each axis: 2i + u - 1, say."""
    i, u, _ = _letters(axes)
    return [_seen_along(axis, i[n], u[n], first) for n, axis in enumerate(axes)]


def _seen_along(axis: Axis, i: str, u: str, first: int) -> str:
    to_tap = -axis.dilation if axis.flip else axis.dilation
    start = int(axis.offsets()[0]) - axis.before + first * (1 - axis.stride - to_tap)
    steps = f"{axis.stride if axis.stride > 1 else ''}{i} {'-' if axis.flip else '+'} "
    taps = f"{axis.dilation if axis.dilation > 1 else ''}{u}"
    return steps + taps + (f" {'+' if start > 0 else '-'} {abs(start)}" if start else "")


def _channel_read(layer: Layer, first: int) -> str:
    """The input channel that w[o, c] multiplies."""
    per_group, group = layer.w.shape[1], len(layer.w) // layer.groups
    if len(layer.w_shape) < layer.w.ndim:
        return str(first)
    if layer.groups == 1:
        return "c"
    number = r"\lfloor {} / " + str(group) + r" \rfloor" if group > 1 else "{}"
    if per_group == 1:
        return _from_first(number, "o", first)
    return f"{per_group} {_from_first(number, 'o', first, back=False)} + c"


def _from_first(number: str, letter: str, first: int, *, back: bool = True) -> str:
    """A formula that counts from 0, with a ``letter`` counted from ``first`` at its ``{}``; ``back``: so its result."""
    if not first or (back and number == "{}"):
        return number.format(letter)
    return number.format(f"({letter} - {first})") + (f" + {first}" if back else "")
