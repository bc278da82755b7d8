"""Numbers with a sign as colours: orange below zero, teal above; readable on white and on black."""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from PIL import Image

Array = npt.NDArray[np.float64]

NEGATIVE, POSITIVE = (224, 122, 31), (20, 160, 143)

# Tables have light cells and dark numbers whatever the theme, so that the numbers are readable on every cell.
CELLS = ((0.0, "#f0a25c"), (0.5, "#e9eef0"), (1.0, "#4fc4b4"))
INK = "#17222a"


def signed_picture(plane: npt.ArrayLike, limit: float) -> Image.Image:
    """A plane (H, W) as an RGBA picture of the same size: clear at 0, full colour at ``-limit`` and ``limit``."""
    share = np.clip(np.asarray(plane, dtype=np.float64) / (limit or 1), -1, 1)
    pixels = np.where((share < 0)[..., None], NEGATIVE, POSITIVE)
    alpha = np.rint(np.abs(share) * 255)[..., None]
    return Image.fromarray(np.concatenate([pixels, alpha], axis=-1).astype(np.uint8), "RGBA")


def signed_legend() -> Image.Image:
    """The scale of :func:`signed_picture`, from its lowest on the left to its highest on the right."""
    return signed_picture(np.tile(np.linspace(-1, 1, 512), (14, 1)), 1)


def number_grid(
    values: npt.ArrayLike,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    limit: float = 0.0,
    decimals: int = 2,
    framed: Collection[tuple[int, int]] = (),
    row_height: int = 38,
) -> go.Figure:
    """A small table (H, W) of coloured cells with their numbers in them, the first row on top.

    ``limit`` is the value of full colour (0: the largest there is), so that several tables can share one scale.
    ``framed`` cells get a frame.
    """
    table = np.asarray(values, dtype=np.float64)
    height, width = table.shape
    limit = limit or float(np.abs(table).max()) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=table,
            text=[[short_number(value, decimals) for value in row] for row in table],
            texttemplate="%{text}",
            textfont={"size": 14, "color": INK},
            zmin=-limit,
            zmax=limit,
            colorscale=CELLS,
            showscale=False,
            xgap=3,
            ygap=3,
            hoverinfo="skip",
        )
    )
    for row, column in framed:
        corners = {"x0": column - 0.47, "x1": column + 0.47, "y0": row - 0.46, "y1": row + 0.46}
        figure.add_shape(type="rect", **corners, line={"color": "#0f766e", "width": 3})
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": "", "tickfont": {"size": 13}}
    figure.update_layout(
        height=row_height * height + (30 if columns else 8),
        margin={"l": 4, "r": 4, "t": 26 if columns else 4, "b": 4},
        xaxis={**axis, **_ticks(columns), "side": "top", "range": [-0.5, width - 0.5]},
        yaxis={**axis, **_ticks(rows), "range": [height - 0.5, -0.5], "automargin": True},
        showlegend=False,
    )
    return figure


def short_number(value: float, decimals: int = 2) -> str:
    """A number in few characters: 3, -0.25, 1e-16; a true minus, and no minus before a zero."""
    if 0 < abs(value) < 10.0**-decimals / 2:
        text = f"{value:.0e}".replace("e-0", "e-")
    else:
        text = f"{value:.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else "0"


def _ticks(names: Sequence[str]) -> dict[str, object]:
    return {"tickvals": list(range(len(names))), "ticktext": list(names)} if names else {"showticklabels": False}
