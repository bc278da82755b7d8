"""Letters as coloured cells: how likely each was, what a hidden unit did at each, what may come next."""

import unicodedata
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.labels import as_text
from cnnlab_core.plots.theme import FRAMED, ON_CELLS, SIGNED_CELLS, TICKS, cell_frame, make_figure, named_places

SHARE_CELLS = ((0.0, "#e9eef0"), (1.0, "#4fc4b4"))
"""Shares from 0 to 1 as cells, light on either ground."""
WIDEST = 32
"""Letters in a row; a longer line goes on in the next."""
_SIGNS = {"\n": "↵", " ": "␣", "\t": "⇥"}


def sign(character: str) -> str:
    """A character as it is shown: a line's end, a space and what has no form of its own have a sign."""
    if character in _SIGNS:
        return _SIGNS[character]
    if unicodedata.combining(character):
        return "\N{DOTTED CIRCLE}" + character
    return character if character.isprintable() else f"U+{ord(character):04X}"


def rows_of(text: str) -> list[list[int]]:
    """The places of a text's characters in rows: one for each line, with its end, and more for a long one."""
    rows: list[list[int]] = [[]]
    for place, character in enumerate(text):
        rows[-1].append(place)
        if character == "\n" or len(rows[-1]) == WIDEST:
            rows.append([])
    return [row for row in rows if row]


def shaded_text(text: str, values: npt.ArrayLike, *, name: str, signed: bool = False) -> go.Figure:
    """A text, letter by letter, line by line, each on the colour of its value: a share, or a ``signed`` number.

    ``values`` (T,) are in [0, 1], or in [-1, 1]; ``name`` is what they are, for the pointer.
    """
    given, rows = np.asarray(values, dtype=float), rows_of(text)
    width = max(map(len, rows), default=1)
    cells = [[sign(text[place]) for place in row] + [""] * (width - len(row)) for row in rows]
    z = [[float(given[place]) for place in row] + [np.nan] * (width - len(row)) for row in rows]
    about = [
        [f"{cell}: {name} {value:.3f}" for cell, value in zip(*both, strict=True)]
        for both in zip(cells, z, strict=True)
    ]
    return letter_cells(cells, z, about, signed=signed)


def letter_cells(
    cells: Sequence[Sequence[str]],
    values: npt.ArrayLike,
    about: Sequence[Sequence[str]],
    *,
    columns: Sequence[str] = (),
    framed: Collection[tuple[int, int]] = (),
    signed: bool = False,
) -> go.Figure:
    """Letters (H, W) on the colours of their ``values``, NaN where there is no cell; ``about`` each for the pointer."""
    z = np.asarray(values, dtype=float)
    height, width = z.shape
    heat = {
        "type": "heatmap",
        "z": z,
        "zmin": -1 if signed else 0,
        "zmax": 1,
        "colorscale": SIGNED_CELLS if signed else SHARE_CELLS,
        "showscale": False,
        "xgap": 1,
        "ygap": 2,
        "text": [[as_text(cell) for cell in row] for row in cells],
        "texttemplate": "%{text}",
        "textfont": {"size": 15 if width <= 24 else 12, "color": ON_CELLS},
        "hovertext": [[as_text(words) for words in row] for row in about],
        "hoverinfo": "text",
        "hoverongaps": False,
    }
    return make_figure(
        [heat],
        height=26 * height + (34 if columns else 8),
        margin={"l": 4, "r": 40, "t": 30 if columns else 4, "b": 4},  # on the right: the figure's own button
        x={**named_places([as_text(name) for name in columns]), "side": "top", "range": [-0.5, width - 0.5]},
        y={"ticks": "", "showticklabels": False, "range": [height - 0.5, -0.5]},
        names=("letter", "line"),
        shapes=[cell_frame(row, column, "#0f766e") for row, column in framed],
    )


def units_map(activity: npt.ArrayLike, letters: str, *, chosen: int) -> go.Figure:
    """The activity (T, units) of all hidden units, a row each, after each of the T ``letters``; one row is framed."""
    z = np.asarray(activity, dtype=float).T
    units, width = z.shape
    ticks = named_places([as_text(sign(letter)) for letter in letters])
    heat = {
        "type": "heatmap",
        "z": z,
        "zmin": -1,
        "zmax": 1,
        "colorscale": SIGNED_CELLS,
        "hovertemplate": "unit %{customdata}: %{z:.3f}<extra></extra>",
        "customdata": np.repeat(np.arange(1, units + 1)[:, None], width, axis=1),
        "colorbar": {"thickness": 10, "outlinewidth": 0, "tickfont": {"size": TICKS}, "tickvals": [-1, 0, 1]},
    }
    about = max(0.5, units / 100)  # at least two pixels more than the row: it stays visible
    frame = cell_frame(chosen, 0, ON_CELLS) | {
        "x0": -0.5,
        "x1": width - 0.5,
        "y0": chosen - about,
        "y1": chosen + about,
    }
    frame["line"] = {"color": ON_CELLS, "width": 2}
    return make_figure(
        [heat],
        height=430,
        x={**FRAMED, **ticks, "side": "top"},
        y={**FRAMED, "autorange": "reversed", "title": {"text": "hidden unit"}, "showticklabels": False},
        names=("letter", "hidden unit"),
        shapes=[frame],
    )
