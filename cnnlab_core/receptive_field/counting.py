"""The ways in which courses count pixels and units: from 0 or from 1, from the top left or from the bottom left."""

from dataclasses import dataclass
from itertools import product

from cnnlab_core.checks import fit_fields
from cnnlab_core.receptive_field.fields import Box


@dataclass(frozen=True)
class Counting:
    """The number of the first pixel and of the first unit, and whether rows are counted from the bottom up.

    The lab itself counts as ``Counting()`` does: from 0, at the top left. Columns always go from left to right.
    """

    pixels: int = 0
    units: int = 0
    from_below: bool = False

    def __post_init__(self) -> None:
        """Raise ``InputError`` for a number that isn't one."""
        fit_fields(self)

    @property
    def name(self) -> str:
        """What it is called on the screen and in links."""
        first = f"from {self.pixels}" if self.pixels == self.units else f"pixels from {self.pixels}, units {self.units}"
        return f"{first}, {'bottom' if self.from_below else 'top'} left"

    def unit(self, row: int, col: int, rows: int) -> tuple[int, int]:
        """The numbers of unit (``row``, ``col``), which are from 0 at the top left, of a map with ``rows`` rows."""
        return (rows - 1 - row if self.from_below else row) + self.units, col + self.units

    def index(self, row: int, col: int, rows: int) -> tuple[int, int]:
        """The other way round: from 0 at the top left, the unit that is called (``row``, ``col``)."""
        row -= self.units
        return rows - 1 - row if self.from_below else row, col - self.units

    def box(self, box: Box, height: int) -> Box:
        """The numbers of the four edges of a box on a picture of ``height`` rows; counted from below, top > bottom."""
        top, bottom = (height - 1 - row if self.from_below else row for row in (box.top, box.bottom))
        return Box(*(edge + self.pixels for edge in (top, box.left, bottom, box.right)))

    def spans(self, box: Box, height: int) -> tuple[str, str]:
        """The rows and the columns of a box, each from the lower number to the higher: “109 … 119”."""
        top, left, bottom, right = self.box(box, height)
        return f"{min(top, bottom)} … {max(top, bottom)}", f"{left} … {right}"


ALIKE = tuple(Counting(first, first, below) for below, first in product((False, True), (0, 1)))
"""The ways that begin with the same number for pixels and for units."""

COUNTINGS = {
    way.name: way
    for way in (*ALIKE, *(Counting(first, 1 - first, below) for below, first in product((False, True), (1, 0))))
}
"""Every way of counting by its name."""
