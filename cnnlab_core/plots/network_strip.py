"""A network as a strip of bars, one for each block from the picture on: as high as its maps are large."""

import math
from collections.abc import Sequence

from PIL import Image, ImageColor, ImageDraw

from cnnlab_core.plots.theme import ACCENT

SIZE, GAP = 120, 24
_HEIGHT = 330


def network_strip(sides: Sequence[int], *, largest: int) -> Image.Image:
    """An RGBA strip of ``SIZE`` pixels a block with ``GAP`` between them; ``sides`` are their maps', in cells.

    Heights are logarithms: every halving is a step of the same height. ``largest`` is the picture's own side.
    """
    width = len(sides) * (SIZE + GAP) - GAP
    strip = Image.new("RGBA", (width, _HEIGHT))
    draw = ImageDraw.Draw(strip)
    red, green, blue = ImageColor.getrgb(ACCENT)[:3]
    for index, side in enumerate(sides):
        share = math.log2(side + 1) / math.log2(largest + 1)
        half = round(share * (_HEIGHT / 2 - 18))
        left, middle = index * (SIZE + GAP), _HEIGHT // 2
        depth = index / max(1, len(sides) - 1)
        box = (left + 18, middle - half, left + SIZE - 19, middle + half)
        draw.rounded_rectangle(box, radius=14, fill=(red, green, blue, round(110 + 130 * depth)))
        if index:
            draw.line((left - GAP - 17, middle, left + 17, middle), fill=(128, 140, 140, 150), width=5)
    return strip
