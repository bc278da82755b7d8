"""Any figure of the lab on paper: its traces drawn by matplotlib, with title, axes and caption, as PNG, SVG or PDF.

White ground whatever the page's, texts as texts. Matplotlib by its objects alone: pyplot keeps a list of figures that
all sessions would share.
"""

import io
import re
import textwrap
import threading
from collections.abc import Callable, Sequence
from html import unescape
from typing import Any, Literal

import matplotlib
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter
from matplotlib.transforms import blended_transform_factory
from PIL import Image

from cnnlab_core.plots.theme import ACCENT

Format = Literal["png", "svg", "pdf"]
MIME: dict[Format, str] = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}

_WIDTH, _GAP = 6.4, 0.1
"""Inches: a figure's axes, and the space between its parts."""
_POINT = 0.72
"""Points in one of the page's pixels, of which 100 are an inch here."""
_SMALL, _TITLE = 8.0, 11.0
"""Sizes of texts in points."""
_INK, _GRID = "#17222a", "#dde3e5"
_DASHES: dict[str, Any] = {"solid": "-", "dash": "--", "dot": ":"}
_MARKERS = {"circle": "o", "diamond": "D", "square": "s", "triangle-up": "^", "pentagon": "p", "star": "*"}
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_MOST_DRAWN = 2500
"""Cells of a heat map that are drawn one by one; more become pixels, even in SVG and PDF."""
_SVG = threading.Lock()


def paper_figure(figure: go.Figure, *, title: str = "", caption: str = "") -> Figure:
    """The figure on white, under a ``title`` (default: its own) and above a ``caption``.

    Every trace is a group ``series-<number>-<part>`` in SVG. An axis that the page leaves without a name has the one
    given to ``theme.make_figure`` as ``names``. Raises ``TypeError`` for a kind of trace that the lab doesn't use.
    """
    layout = figure.layout
    width, height = _size(figure)
    paper = Figure(figsize=(width, height), dpi=100, facecolor="white")
    places: dict[tuple[str, str], Axes] = {}
    legend: dict[str, Any] = {}
    for number, trace in enumerate(figure.data):
        if trace.type not in _DRAW:
            raise TypeError(f"no way to draw a trace of type {trace.type} on paper")
        refs = trace.xaxis or "x", trace.yaxis or "y"
        if refs not in places:
            places[refs] = _axes(paper, layout, refs)
        axes = places[refs]
        before = set(axes.get_children())
        _DRAW[trace.type](axes, trace, layout)
        new = [artist for artist in axes.get_children() if artist not in before]
        for part, artist in enumerate(new):
            artist.set_gid(f"series-{number}-{part}")
        if layout.showlegend and trace.name and trace.showlegend is not False and new:
            legend[_words(trace.name)] = next((one for one in new if isinstance(one, Line2D)), new[0])
    for refs, axes in places.items():
        _finish(axes, layout, refs, figure)
    for shape in layout.shapes:
        _shape(places, shape)
    for note in layout.annotations:
        _note(paper, places, note)
    if legend:
        low = paper.get_tightbbox().y0
        shown = paper.legend(
            list(legend.values()), list(legend), loc="upper left", bbox_to_anchor=(0, low / height), frameon=False,
            fontsize=_SMALL, ncols=min(3, len(legend)), borderaxespad=0.3,
        )  # fmt: skip
        for text in shown.get_texts():
            text.set_parse_math(False)
    _frame_in_words(paper, title or _words(layout.title.text), caption)
    return paper


def rendered(figure: Figure, kind: Format, *, dpi: int = 200, tight: bool = False) -> bytes:
    """The figure as a file; the same figure gives the same bytes. ``tight`` takes all that is drawn, and no more."""
    file = io.BytesIO()
    dates = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    more: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": _GAP} if tight else {}
    # The one setting of SVG that no argument sets; only SVG reads it, and only here is any written.
    with _SVG, matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cnnlab"}):
        figure.savefig(file, format=kind, dpi=dpi, facecolor=figure.get_facecolor(), metadata=dates[kind], **more)
    return file.getvalue()


def figure_file(figure: go.Figure, kind: Format, *, title: str = "", caption: str = "") -> bytes:
    """A figure as a PNG, SVG or PDF file; the arguments are those of :func:`paper_figure`."""
    return rendered(paper_figure(figure, title=title, caption=caption), kind, tight=True)


def picture_row(pictures: Sequence[tuple[str, Image.Image]], title: str, caption: str = "") -> Figure:
    """Pictures side by side, each under its own title of one or more lines, with a ``title`` and a ``caption``."""
    side = _WIDTH / len(pictures)
    paper = Figure(figsize=(_WIDTH, side), dpi=100, facecolor="white")
    for place, (name, picture) in enumerate(pictures):
        axes = paper.add_axes((place / len(pictures), 0, 0.95 / len(pictures), 0.95))
        axes.imshow(np.asarray(picture))
        axes.set_axis_off()
        axes.set_title(_lines(name, 100 * side / _SMALL), fontsize=_SMALL - 1, color=_INK, loc="left", parse_math=False)
    _frame_in_words(paper, title, caption)
    return paper


# --- the frame --------------------------------------------------------------------------------------------------------


def _size(figure: go.Figure) -> tuple[float, float]:
    """Inches of all axes together; a table of few columns with numbers in it is narrower than a figure."""
    height = figure.layout.height / 100
    if len(figure.data) == 1 and figure.data[0].type == "heatmap" and figure.data[0].texttemplate:
        return min(_WIDTH, max(0.62 * np.shape(figure.data[0].z)[1], height)), height
    return _WIDTH, height


def _axes(paper: Figure, layout: Any, refs: tuple[str, str]) -> Axes:
    (left, right), (bottom, top) = ((_axis(layout, ref).domain or (0, 1)) for ref in refs)
    return paper.add_axes((left, bottom, right - left, top - bottom))


def _axis(layout: Any, ref: str) -> Any:
    return layout[f"{ref[0]}axis{ref[1:]}"]


def _finish(axes: Axes, layout: Any, refs: tuple[str, str], figure: go.Figure) -> None:
    """Names, ranges and ticks; all of them after the traces, which would change them."""
    named = (layout.meta or {}).get("names", ("", ""))
    texts = any(trace.type == "bar" and trace.text is not None for trace in figure.data)
    cells = any(trace.type == "heatmap" for trace in figure.data)
    for which, ref, name in zip((axes.xaxis, axes.yaxis), refs, named, strict=True):
        about, across = _axis(layout, ref), ref[0] == "x"
        limits = axes.set_xlim if across else axes.set_ylim
        if about.type == "log":
            (axes.set_xscale if across else axes.set_yscale)("log")
        if about.range is not None:
            limits(*(10 ** np.array(about.range) if about.type == "log" else about.range))
        elif about.autorange == "reversed":
            limits(*reversed(axes.get_xlim() if across else axes.get_ylim()))
        hidden = about.visible is False
        if (hidden and (texts or cells)) or about.showticklabels is False:
            which.set_ticks([])
        elif about.tickvals is not None:
            texts_at = about.ticktext if about.ticktext is not None else [f"{value:g}" for value in about.tickvals]
            which.set_ticks(about.tickvals, [_words(text) for text in texts_at])
            which.set_minor_locator(NullLocator())
        elif about.type != "log":
            which.set_major_locator(MaxNLocator(about.nticks or 6))
        if about.tickformat == ".0%":
            which.set_major_formatter(PercentFormatter(1, decimals=0))
        if about.side == "top":
            axes.xaxis.tick_top()
            axes.xaxis.set_label_position("top")
        which.set_tick_params(labelsize=_SMALL, labelcolor=_INK, color=_INK, length=0 if about.ticks == "" else 3)
        for label in which.get_ticklabels() if about.ticktext is not None else []:
            label.set_parse_math(False)
            if about.tickangle:
                label.set(rotation=-about.tickangle, ha="right" if across else "center", rotation_mode="anchor")
        which.set_label_text(_words(about.title.text) or name, fontsize=_SMALL + 1, color=_INK, parse_math=False)
        if about.showgrid and not cells:
            axes.grid(axis="x" if across else "y", color=_GRID, linewidth=0.6)
        for side in ("bottom", "top") if across else ("left", "right"):
            first = side in ("bottom", "left")
            axes.spines[side].set_visible(bool(about.mirror) or (first and not cells and not hidden))
            axes.spines[side].set_color("#9aa5a8")
        if about.scaleanchor:
            axes.set_aspect("equal", adjustable="box")
    axes.set_axisbelow(True)


def _frame_in_words(paper: Figure, title: str, caption: str) -> None:
    """The title above all that is drawn, the caption below it, both broken to its width."""
    box, (width, height) = paper.get_tightbbox(), paper.get_size_inches()
    room = max(box.width, 4.5)
    look: dict[str, Any] = {"color": _INK, "parse_math": False, "ha": "left", "linespacing": 1.3}
    if title:
        lines = _lines(title, room / (0.0075 * _TITLE))
        paper.text(box.x0 / width, (box.y1 + _GAP) / height, lines, va="bottom", fontsize=_TITLE, weight="bold", **look)
    if caption:
        lines = _lines(caption, room / (0.0072 * _SMALL))
        paper.text(box.x0 / width, (box.y0 - _GAP) / height, lines, va="top", fontsize=_SMALL, **look)


def _lines(text: str, most: float) -> str:
    return "\n".join(line for part in text.splitlines() for line in textwrap.wrap(part, int(most)))


# --- traces -----------------------------------------------------------------------------------------------------------


def _scatter(axes: Axes, trace: Any, layout: Any) -> None:
    x, y = (np.array(values, dtype=float) for values in (trace.x, trace.y))
    marker, alpha = trace.marker, 1 if trace.opacity is None else trace.opacity
    colour = _colour(_first(marker.color) or trace.line.color or ACCENT)
    if "lines" in trace.mode:
        line = _colour(trace.line.color or ACCENT)
        dash, width = _DASHES[trace.line.dash or "solid"], _POINT * (trace.line.width or 2)
        if marker.symbol == "arrow":
            for at in np.flatnonzero(np.isfinite(x[:-1]) & np.isfinite(x[1:])):
                look = {"arrowstyle": "-|>", "color": line, "linewidth": width, "linestyle": dash, "shrinkA": 0,
                        "shrinkB": 0}  # fmt: skip
                axes.annotate("", (x[at + 1], y[at + 1]), (x[at], y[at]), arrowprops=look, annotation_clip=False)
            axes.plot(x, y, linestyle="none")  # an arrow alone doesn't count for the ranges
            return
        axes.plot(x, y, color=line, alpha=alpha, linestyle=dash, linewidth=width)
    if "markers" in trace.mode and marker.opacity != 0 and len(x):
        symbols = np.broadcast_to(np.asarray(marker.symbol or "circle", dtype=object), x.shape)
        size, edge = (_POINT * (marker.size or 6)) ** 2, _POINT * (marker.line.width or 0)
        for symbol in dict.fromkeys(symbols):
            chosen, hollow = symbols == symbol, symbol.endswith("-open")
            grown = 1.8 if symbol == "star" else 1.0  # matplotlib's star is the smaller one
            around = _colour(marker.line.color) if marker.line.color else colour
            axes.scatter(
                x[chosen], y[chosen], s=grown * size, marker=_MARKERS[symbol.removesuffix("-open")],
                facecolors="none" if hollow else [colour], edgecolors=[around], linewidths=edge, zorder=3,
            )  # fmt: skip
    for which, error in (("xerr", trace.error_x), ("yerr", trace.error_y)):
        if error.array is not None:
            reach: dict[str, Any] = {which: [error.arrayminus, error.array]}
            axes.errorbar(x, y, fmt="none", ecolor=colour, elinewidth=_POINT * 1.5, **reach)
    if "text" in trace.mode:
        beside = trace.textposition or "top center"
        positions = [beside] * len(x) if isinstance(beside, str) else beside
        for across, above, text, position in zip(x, y, trace.text, positions, strict=True):
            up, side = position.split(" ")
            _beside(axes, (across, above), text, side, up)


def _beside(axes: Axes, place: tuple[float, float], text: str, side: str, up: str) -> None:
    """A text that stands off a point as plotly's ``textposition`` says."""
    across, rise = {"left": -1, "right": 1}.get(side, 0), {"top": 1, "bottom": -1}.get(up, 0)
    ha, va = {-1: "right", 1: "left", 0: "center"}[across], {1: "bottom", -1: "top", 0: "center"}[rise]
    axes.annotate(
        _words(text).strip(), place, (5 * across, 4 * rise), textcoords="offset points", fontsize=_SMALL, color=_INK,
        parse_math=False, ha=ha, va=va,
    )  # fmt: skip


def _bar(axes: Axes, trace: Any, layout: Any) -> None:
    colours = trace.marker.color
    colour = _colour(colours) if isinstance(colours, str) else [_colour(each) for each in colours]
    thick = 1 - (layout.bargap or 0) if trace.width is None else trace.width
    if trace.orientation == "h":
        bars = axes.barh(trace.y, trace.x, height=thick, color=colour)
    else:
        bars = axes.bar(trace.x, trace.y, width=thick, color=colour)
    if trace.text is not None:
        axes.bar_label(bars, [_words(text) for text in trace.text], padding=3, fontsize=_SMALL, color=_INK)


def _heatmap(axes: Axes, trace: Any, layout: Any) -> None:
    z = np.asarray(trace.z, dtype=float)
    rows, columns = z.shape
    low, high = (trace.zmin, trace.zmax) if trace.zmin is not None else (np.nanmin(z), np.nanmax(z))
    palette, gap = _palette(trace.colorscale), trace.xgap or 0
    if trace.zsmooth:
        axes.imshow(
            z, extent=(trace.x[0], trace.x[-1], trace.y[0], trace.y[-1]), origin="lower", aspect="auto",
            interpolation="bilinear", cmap=palette, vmin=low, vmax=high,
        )  # fmt: skip
        return
    mesh = axes.pcolormesh(
        np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5, np.ma.masked_invalid(z), cmap=palette, vmin=low,
        vmax=high, edgecolors="white" if gap else "face", linewidth=_POINT * gap, rasterized=z.size > _MOST_DRAWN,
    )  # fmt: skip
    if trace.showscale is not False:
        bar = axes.figure.colorbar(mesh, ax=axes, pad=0.02, fraction=0.04)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=_SMALL)
    if trace.texttemplate and trace.text is not None:
        texts = [[_words(text) for text in line] for line in trace.text]
        longest = max(max(map(len, line)) for line in texts) or 1
        cell = _POINT * axes.get_window_extent().width / columns
        size = float(np.clip(cell / (0.7 * longest), 2.5, _SMALL))
        for (row, column), value in np.ndenumerate(z):
            if text := texts[row][column]:
                red, green, blue, alpha = palette((value - low) / ((high - low) or 1))
                light = 1 - alpha * (1 - (0.3 * red + 0.59 * green + 0.11 * blue))
                axes.text(
                    column, row, text, ha="center", va="center", fontsize=size, parse_math=False,
                    color=_INK if light > 0.45 else "white",
                )  # fmt: skip


def _contour(axes: Axes, trace: Any, layout: Any) -> None:
    x, y, z = (np.asarray(values, dtype=float) for values in (trace.x, trace.y, trace.z))
    how, about = trace.contours.coloring or "fill", trace.contours
    if about.start is None:
        levels = np.asarray(MaxNLocator(trace.ncontours or 10).tick_values(z.min(), z.max()))
    else:
        levels = np.arange(about.start, about.end + (about.size or 1) / 2, about.size or 1)
    if how in ("fill", "heatmap"):
        axes.contourf(x, y, z, levels, cmap=_palette(trace.colorscale))
    look: dict[str, Any] = {"colors": [_colour(trace.line.color)], "linewidths": _POINT * trace.line.width}
    axes.contour(x, y, z, levels, negative_linestyles="-", **look)


_DRAW: dict[str, Callable[[Axes, Any, Any], None]] = {
    "scatter": _scatter, "bar": _bar, "heatmap": _heatmap, "contour": _contour,
}  # fmt: skip


# --- shapes and notes -------------------------------------------------------------------------------------------------


def _place(places: dict[tuple[str, str], Axes], x: str | None, y: str | None) -> tuple[Axes, Any]:
    """The axes that a shape or a note refers to, and the transform of its coordinates."""
    axes = next(axes for own, axes in places.items() if {x, y} <= {*own, "paper", None})
    across, up = (axes.transAxes if ref == "paper" else axes.transData for ref in (x, y))
    return axes, blended_transform_factory(across, up)


def _shape(places: dict[tuple[str, str], Axes], shape: Any) -> None:
    axes, transform = _place(places, shape.xref, shape.yref)
    x, y = (shape.x0, shape.x1), (shape.y0, shape.y1)
    look: dict[str, Any] = {"color": _colour(shape.line.color), "linewidth": _POINT * (shape.line.width or 2)}
    if shape.type == "line":
        dash = _DASHES[shape.line.dash or "solid"]
        axes.add_line(Line2D(x, y, linestyle=dash, transform=transform, zorder=1.5, **look))
    else:
        axes.add_patch(
            Rectangle((x[0], y[0]), x[1] - x[0], y[1] - y[0], fill=False, transform=transform, zorder=4, **look)
        )


def _note(paper: Figure, places: dict[tuple[str, str], Axes], note: Any) -> None:
    axes, transform = _place(places, note.xref, note.yref)
    if note.xref == note.yref == "paper":
        transform = paper.transFigure
    if note.showarrow is not False:
        look = {"arrowstyle": "-|>", "color": _colour(note.arrowcolor), "linewidth": _POINT * (note.arrowwidth or 1),
                "shrinkA": 0, "shrinkB": 0}  # fmt: skip
        axes.annotate("", (note.x, note.y), (note.ax, note.ay), arrowprops=look)
        return
    # On a logarithmic axis plotly places notes by the exponent, and everything else by the number.
    logs = (axes.get_xscale() == "log" and note.xref != "paper", axes.get_yscale() == "log" and note.yref != "paper")
    x, y = (10**value if is_log else value for value, is_log in zip((note.x, note.y), logs, strict=True))
    axes.annotate(
        _words(note.text), (x, y), (_POINT * (note.xshift or 0), _POINT * (note.yshift or 0)),
        xycoords=transform, textcoords="offset points", ha=note.xanchor or "center",
        va={"middle": "center", None: "center"}.get(note.yanchor, note.yanchor), rotation=-(note.textangle or 0),
        fontsize=_SMALL, color=_INK, parse_math=False,
    )  # fmt: skip


# --- small things -----------------------------------------------------------------------------------------------------


def _words(text: str | None) -> str:
    """A text without plotly's HTML."""
    lowered = re.sub(r"<sub>(.*?)</sub>", lambda found: found[1].translate(_LOWERED), text or "")
    return unescape(re.sub(r"<[^>]*>", "", lowered))


def _first(colours: Any) -> str | None:
    return colours if isinstance(colours, str) or colours is None else str(colours[0])


def _colour(colour: str) -> tuple[float, float, float, float]:
    """``#rrggbb`` or ``rgba(r,g,b,a)`` as shares."""
    if not colour.startswith("rgb"):
        return to_rgba(colour)
    red, green, blue, *alpha = (float(part) for part in colour[colour.index("(") + 1 : -1].split(","))
    return red / 255, green / 255, blue / 255, alpha[0] if alpha else 1.0


def _palette(scale: Any) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("scale", [(place, _colour(colour)) for place, colour in scale])
