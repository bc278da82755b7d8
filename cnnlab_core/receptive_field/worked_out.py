"""A unit's field worked out in full: each line of the recurrence, then the box of the unit, as formulas."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnlab_core.receptive_field.counting import COUNTINGS, Counting
from cnnlab_core.receptive_field.fields import ReceptiveField
from cnnlab_core.receptive_field.windows import Window

_PLAIN = Counting()


@dataclass(frozen=True)
class GrowthLine:
    """One layer's line of the recurrence with its numbers, in LaTeX: what ``size``, ``jump`` and ``start`` equal."""

    name: str
    size: str
    jump: str
    start: str


def growth_lines(field: ReceptiveField) -> list[GrowthLine]:
    """The lines (along the rows) of the layers up to this one that have a window."""
    lines = []
    for line in field.recurrence():
        if not isinstance(line.window, Window):
            continue
        window = line.window
        jump = line.jump / window.stride  # before the layer, as its size and start are
        size, start = line.size - window.dilation * (window.kernel - 1) * jump, line.start + window.before * jump
        dilation = f"{window.dilation} \\cdot " if window.dilation > 1 else ""
        lines.append(
            GrowthLine(
                line.name,
                rf"{size:g} + {dilation}({window.kernel} - 1) \cdot {jump:g} = {line.size:g}",
                rf"{jump:g} \cdot {window.stride} = {line.jump:g}",
                rf"{start:g} - {window.before} \cdot {jump:g} = {line.start:g}",
            )
        )
    return lines


def growth_formulas(field: ReceptiveField) -> list[tuple[str, str]]:
    """The name of each layer up to this one that has a window, and its line of the recurrence (rows) in LaTeX."""
    return [
        (
            line.name,
            rf"\begin{{aligned}}"
            rf"\text{{size}} &= {line.size} \\"
            rf"\text{{jump}} &= {line.jump} \\"
            rf"\text{{start}} &= {line.start}"
            rf"\end{{aligned}}",
        )
        for line in growth_lines(field)
    ]


def box_steps(field: ReceptiveField, row: int, counting: Counting = _PLAIN) -> list[tuple[str, str]]:
    """What one finds, step by step, and how (in LaTeX), for the pixel rows that units in ``row`` see.

    ``row`` is from 0 at the top. Its number is read as ``counting`` has it; first (start + row · jump) and last (first
    + size - 1) are from 0 at the top, and in the end the pixels are counted. Padding counts. Empty where there is no
    closed form.
    """
    if not (field.size and field.jump and field.start and field.map_size):
        return []
    (size, _), (jump, _), (start, _), (rows, _) = field.size, field.jump, field.start, field.map_size
    number, _ = counting.unit(row, 0, rows)
    first = start + row * jump
    last = first + size - 1
    steps = [
        ("first", rf"{start:g} + {row} \cdot {jump:g} = {first:g}"),
        ("last", f"{first:g} + {size:g} - 1 = {last:g}"),
    ]
    if counting.from_below:
        unit, pixel = ("" if begin else " - 1" for begin in (counting.units, counting.pixels))
        height = field.image_size[0]
        steps.insert(0, ("row", f"{rows}{unit} - {number} = {row}"))
        for name, edge in (("from", last), ("to", first)):
            steps.append((name, f"{height}{pixel} - {_signed(edge)} = {height - 1 - edge + counting.pixels:g}"))
    else:
        if counting.units:
            steps.insert(0, ("row", f"{number} - 1 = {row}"))
        if counting.pixels:
            steps += [(name, f"{edge:g} + 1 = {edge + 1:g}") for name, edge in (("from", first), ("to", last))]
    return steps


def box_formula(field: ReceptiveField, row: int, counting: Counting = _PLAIN) -> str:
    """The steps of ``box_steps`` below each other, in LaTeX; "" where there is no closed form."""
    lines = (rf"\text{{{name}}} &= {how}" for name, how in box_steps(field, row, counting))
    text = r" \\ ".join(lines)
    return rf"\begin{{aligned}}{text}\end{{aligned}}" if text else ""


def seen_by(field: ReceptiveField, number: int, counting: Counting) -> str:
    """The pixels seen by the unit that is called (``number``, ``number``): “109 … 119” where rows and columns agree."""
    assert field.map_size
    box = field.box(*counting.index(number, number, field.map_size[0]))
    assert box
    rows, cols = counting.spans(box, field.image_size[0])
    return rows if rows == cols else f"rows {rows}, columns {cols}"


def every_counting(fields: Sequence[ReceptiveField], numbers: Sequence[int]) -> list[dict[str, str]]:
    """A row for each way of counting: what the unit called by its number sees, for each of the layers."""
    return [
        {
            "counted": name,
            **{f"{field.name}, unit {n}": seen_by(field, n, way) for field, n in zip(fields, numbers, strict=True)},
        }
        for name, way in COUNTINGS.items()
    ]


def worked_out(fields: Sequence[ReceptiveField], numbers: Sequence[int], counting: Counting) -> str:
    """The whole way in plain text: for each layer its recurrence and its unit's pixels, then every way of counting."""
    text = [f"Counted {counting.name}. In between, row, first and last are from 0 at the top left.", ""]
    for field, number in zip(fields, numbers, strict=True):
        assert field.map_size
        row, _ = counting.index(number, number, field.map_size[0])
        text.append(f"{field.name}: map {field.map_size[0]} × {field.map_size[1]}, unit ({number}, {number})")
        text += [f"  {line.name}: {line.equation}" for line in field.recurrence()]
        text += [
            f"  {name} = {how}".replace(r"\cdot", "·").replace("-", "−")
            for name, how in box_steps(field, row, counting)
        ]
        text += [f"  It sees {seen_by(field, number, counting)}", ""]
    text.append("Every way of counting")
    text += [
        "  " + "; ".join(f"{key}: {seen}" for key, seen in line.items()) for line in every_counting(fields, numbers)
    ]
    return "\n".join(text) + "\n"


def _signed(number: float) -> str:
    return f"{number:g}" if number >= 0 else f"({number:g})"
