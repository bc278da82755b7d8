"""The picture as the browser gets it: plain data, with maps as bytes from -127 to 127.

What a column, its tiles and what feeds them look like is said in ``assets/network/main.js``: a network that is
computed in the browser gives the same.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnlab_core.classification.softmax import softmax
from cnnlab_core.images import jpeg
from cnnlab_core.models import Layer, layer_table
from cnnlab_core.network.cell import Backward, Cell
from cnnlab_core.network.contributions import Feeds, Votes
from cnnlab_core.network.layer import MapView
from cnnlab_core.network.live import Look
from cnnlab_core.network.stages import words_of
from cnnlab_core.network.strongest import Column, Overview, Small
from cnnlab_core.network.values import Array, maps_shape
from cnnlab_core.receptive_field import ReceptiveField
from cnnlab_core.ui.show import data_address
from cnnlab_core.ui.subject import Subject

CLASSES = 5
"""Bars of the answer."""
MOST_TERMS = 8
"""Terms of a sum that are listed one by one; the others are added up in one row."""


def scene_of(
    subject: Subject, found: Overview, opened: Sequence[str], classes: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Photo, columns and answer; ``opened`` are the titles of the stages that were unfolded.

    ``classes`` are the bars before a change.
    """
    return {
        "network": subject.spec.title,
        "opened": list(opened),
        "photo": data_address(jpeg(subject.seen), "jpeg"),
        "side": subject.seen.width,
        "alt": subject.picture.title,
        "asked": found.asked,
        "askedName": subject.labels[found.asked],
        "pixels": _small(found.pixels),
        "columns": [
            {**_column(column), "reads": reads}
            for column, reads in zip(found.columns, _reads(found.columns), strict=True)
        ],
        "classes": classes or classes_of(subject, found),
        "answer": answer_layer(layer_table(subject.spec.name)),
        "classCount": len(subject.labels),
    }


def answer_layer(layers: Sequence[Layer]) -> str:
    """The layer whose numbers are the logits."""
    return next(layer.name for layer in reversed(layers) if words_of(layer.kind.lower()) != "passed on")


def classes_of(subject: Subject, found: Overview) -> list[dict[str, Any]]:
    """The bars of the answer, with the class that is asked about."""
    return bars(found.logits, subject.labels, also=(found.asked,))


def bars(logits: Array, labels: Sequence[str], also: Sequence[int] = ()) -> list[dict[str, Any]]:
    """The most probable classes, and those that are asked for besides."""
    shares = softmax(logits)
    order = np.argsort(-logits, kind="stable").tolist()
    shown = [*order[:CLASSES], *(index for index in also if index not in order[:CLASSES])]
    return [{"index": i, "label": labels[i], "logit": float(logits[i]), "share": float(shares[i])} for i in shown]


def look_data(subject: Subject, look: Look, also: Sequence[int]) -> dict[str, Any]:
    """What changes in a scene with each live frame: the maps of its tiles, and the bars."""
    return {"maps": [_small(maps) for maps in look.maps], "classes": bars(look.logits, subject.labels, also)}


def _reads(columns: Sequence[Column]) -> list[list[int]]:
    """By column those that its layers read, -1 for what stands before the first."""
    of = {layer.name: place for place, column in enumerate(columns) for layer in column.stage.layers}
    return [
        sorted({of.get(source, -1) for source, _ in column.stage.edges} - {place})
        for place, column in enumerate(columns)
    ]


def _column(column: Column) -> dict[str, Any]:
    layer = column.stage.last
    _, rows, cols = maps_shape(layer)
    return {
        "node": layer.name,
        "title": column.stage.title,
        "note": column.stage.note,
        "label": layer.title,
        "rows": rows,
        "cols": cols,
        "skips": len(column.stage.skips),
        "unfolds": column.stage.unfolds,
        "channels": list(column.channels),
        "scores": _rounded(column.scores),
        "peaks": column.peaks.tolist(),
        "maps": _small(column.maps),
        "slopes": _small(column.gradients),
    }


def links_of(
    subject: Subject, columns: Sequence[Column], feeds: Sequence[Feeds], votes: Sequence[Votes], classes: Sequence[int]
) -> dict[str, Any]:
    """What feeds what, for the columns and classes of a scene."""
    shown = dict(zip(columns[-1].channels, range(len(columns[-1].channels)), strict=True))
    return {
        "feeds": [{"weights": [_rounded(row) for row in f.weights], "whole": _rounded(f.whole)} for f in feeds],
        "classes": list(classes),
        "votes": [_vote(index, vote, shown) for index, vote in zip(classes, votes, strict=False)],
    }


def _vote(index: int, vote: Votes, shown: Mapping[int, int]) -> dict[str, Any]:
    products, order = vote.products, vote.order
    listed = order[:MOST_TERMS]
    return {
        "index": index,
        "terms": [
            {"channel": i, "x": float(vote.activations[i]), "w": float(vote.weights[i]), "product": float(products[i]),
             "tile": shown.get(i)}
            for i in listed
        ],
        "others": len(order) - len(listed),
        "rest": float(products.sum() - products[listed].sum()),
        "bias": vote.bias,
        "logit": vote.logit,
    }  # fmt: skip


def field_of(field: ReceptiveField | None) -> dict[str, Any] | None:
    """How to find the pixels that a cell sees: None where there is no closed form, and it sees all of them."""
    if field is None or field.size is None or field.jump is None or field.start is None:
        return None
    return {"size": list(field.size), "jump": list(field.jump), "start": list(field.start)}


def map_data(view: MapView, layers: Mapping[str, Layer]) -> dict[str, Any]:
    """A layer's map and how it comes to be."""
    return {
        "operation": view.operation,
        "mixing": view.mixing,
        "parts": [
            {
                "node": part.node,
                "place": layers[part.node].place if part.node in layers else "the photo, normalised",
                "inside": part.node in layers,
                "channel": part.channel,
                "kernel": None if part.kernel is None else part.kernel.tolist(),
                "added": part.added,
                "map": _small(part.map),
                "result": part.result and _small(part.result),
                "slope": part.slope and _small(part.slope),
                "kernelSlope": None if part.kernel_slope is None else part.kernel_slope.tolist(),
            }
            for part in view.parts
        ],
        "hidden": view.hidden,
        "others": view.others and _small(view.others),
        "othersAdded": view.others_added,
        "bias": view.bias,
        "steps": [
            {
                "node": step.node,
                "operation": step.operation,
                "map": _small(step.map),
                "slope": step.slope and _small(step.slope),
                "factor": step.factor,
            }
            for step in view.steps
        ],
        "shape": list(view.shape),
        "shapeIn": list(view.shape_in),
        "window": list(view.window),
    }


def cell_data(cells: Sequence[Cell], backward: Backward | None, layers: Mapping[str, Layer]) -> dict[str, Any]:
    """One number: the sum that makes it, and the steps after the sum, which have one number each."""
    first = cells[0]
    sizes = np.abs(first.products.sum(axis=(1, 2))) if first.operation != "softmax" else first.x[:, 0, 0]
    order = np.argsort(-sizes, kind="stable")
    listed = order[:MOST_TERMS]
    products = first.products
    return {
        "operation": first.operation,
        "planes": [
            {
                "node": first.sources[i][0],
                "channel": first.sources[i][1],
                "inside": first.sources[i][0] in layers,
                "x": first.x[i].tolist(),
                "w": first.w[i].tolist(),
                "products": products[i].tolist(),
                "sum": float(products[i].sum()),
                **(_plane_back(backward, i) if backward else {}),
            }
            for i in listed
        ],
        "others": len(order) - len(listed),
        "rest": float(products.sum() - products[listed].sum()),
        "rows": list(first.rows),
        "cols": list(first.cols),
        "inside": first.inside.tolist(),
        "bias": first.bias,
        "total": first.total,
        "weights": first.has_weights,
        "note": " ".join(cell.note for cell in cells if cell.note),
        "steps": [step for cell in cells for step in _steps(cell)],
        "upstream": backward and backward.upstream,
    }


def _steps(cell: Cell) -> list[dict[str, Any]]:
    """What is done at one layer, and behind it the factor of a changed network."""
    numbers = [float(cell.x.flat[0]), float(cell.w.flat[0])] if cell.sources else [cell.said, 1.0]
    step = {
        "node": cell.node, "operation": cell.operation, "x": numbers[0], "w": numbers[1], "bias": cell.bias,
        "value": cell.made, "said": cell.said if cell.factor == 1 else cell.made, "function": cell.function,
        "slope": cell.slope,
    }  # fmt: skip
    if cell.factor == 1:
        return [step]
    times = {"operation": "your factor", "x": cell.made, "w": cell.factor, "bias": 0.0, "value": cell.value}
    return [step, {**step, **times, "said": cell.said, "function": "", "slope": cell.factor}]


def _plane_back(backward: Backward, i: int) -> dict[str, Any]:
    return {
        "dx": backward.dx[i].tolist(),
        "dxAll": backward.dx_all[i].tolist(),
        "dw": None if backward.dw is None else backward.dw[i].tolist(),
        "dwAll": None if backward.dw_all is None else backward.dw_all[i].tolist(),
    }


def _small(maps: Small) -> dict[str, Any]:
    rows, cols = maps.levels.shape[-2:]
    levels = base64.b64encode(np.ascontiguousarray(maps.levels).tobytes()).decode()
    return {"levels": levels, "rows": rows, "cols": cols, "scale": maps.scale}


def _rounded(numbers: Array) -> list[float]:
    """Six digits: they are drawn, or said with fewer."""
    return [float(f"{number:.6g}") for number in numbers.tolist()]
