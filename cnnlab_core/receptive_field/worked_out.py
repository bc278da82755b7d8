"""A unit's field worked out in full: each line of the recurrence, then the box of the unit, as formulas."""

from dataclasses import dataclass

from cnnlab_core.receptive_field.fields import ReceptiveField
from cnnlab_core.receptive_field.windows import Window


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


def box_formula(field: ReceptiveField, row: int) -> str:
    """LaTeX of the first (start + row · jump) and the last (first + size - 1) pixel row that units in ``row`` see.

    Padding counts. "" where there is no closed form.
    """
    if not (field.size and field.jump and field.start):
        return ""
    (size, _), (jump, _), (start, _) = field.size, field.jump, field.start
    first = start + row * jump
    return (
        rf"\begin{{aligned}}\text{{first}} &= {start:g} + {row} \cdot {jump:g} = {first:g} \\"
        rf"\text{{last}} &= {first:g} + {size:g} - 1 = {first + size - 1:g}\end{{aligned}}"
    )
