"""Receptive fields of several layers on one picture, with rulers that count as a course does: a figure for paper."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

COLOURS = ("#00e0c8", "#ffb000", "#d6336c", "#3f6bff")


def fields_figure(
    picture: Image.Image,
    boxes: Mapping[str, tuple[int, int, int, int]],
    heading: str,
    *,
    first: int = 0,
    from_below: bool = False,
    ink: str = "black",
    paper: str = "white",
) -> Figure:
    """The picture with each box (top, left, bottom, right: numbers of the pixels, both ends included) in its colour.

    The rulers number the first pixel ``first``, at the top left or ``from_below``. The keys of ``boxes`` say what they
    are.
    """
    height, width = picture.height, picture.width
    low, right, far = first - 0.5, width + first - 0.5, height + first - 0.5
    figure = Figure(figsize=(5.2, 5.9 + 0.2 * len(boxes)), facecolor=paper, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(np.asarray(picture), extent=(low, right, low, far) if from_below else (low, right, far, low))
    for (name, (top, left, bottom, end)), colour in zip(boxes.items(), COLOURS, strict=False):
        corner, size = (left - 0.5, min(top, bottom) - 0.5), (end - left + 1, abs(bottom - top) + 1)
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, linewidth=2.2, label=name))
    axes.set_title(heading, color=ink, fontsize=11, parse_math=False)
    axes.set_xlabel("column (pixels)", color=ink)
    axes.set_ylabel("row (pixels)", color=ink)
    axes.tick_params(colors=ink)
    figure.legend(loc="outside lower center", frameon=False, labelcolor=ink, fontsize=9)
    return figure
