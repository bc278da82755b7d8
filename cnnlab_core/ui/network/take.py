"""What can be taken away from the picture: itself, its numbers, and the code of what is looked at."""

from typing import Any

from PIL import Image

from cnnlab_core.images import png
from cnnlab_core.network.strongest import Overview
from cnnlab_core.plots.network_picture import network_picture
from cnnlab_core.recipes.network import cell, channel_off
from cnnlab_core.recipes.network import overview as whole
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.network.place import Place
from cnnlab_core.ui.subject import Subject
from cnnlab_core.ui.take_away import File


def to_take(subject: Subject, place: Place, found: Overview, classes: list[dict[str, Any]]) -> tuple[str, list[File]]:
    """The code and the files."""
    taken = (*subject.network, subject.sample)
    code = whole.code(*taken, place.asked, place.stage)
    if place.changes:
        code = channel_off.code(*taken, place.factors)
    if place.layer:
        code = cell.code(
            *taken,
            place.layer,
            place.channel,
            *(place.cell or (0, 0)),
            found.asked if place.changes else place.asked,
            place.factors,
        )
    back = place.way == "backwards"
    return code, [
        File("Picture (PNG)", lambda: png(_picture(subject, found, classes, back)), "cnnlab_network.png", "image/png"),
        File("Strongest channels (CSV)", lambda: _table(found), "cnnlab_network.csv", "text/csv"),
    ]


def _picture(subject: Subject, found: Overview, classes: list[dict[str, Any]], back: bool) -> Image.Image:
    columns = [(c.stage.title, c.stage.note, (c.gradients if back else c.maps).levels) for c in found.columns]
    return network_picture(subject.seen, columns, [(bar["label"], bar["share"]) for bar in classes])


def _table(found: Overview) -> str:
    rows = [
        (column.stage.title, column.stage.last.name, channel, float(score), row, col)
        for column in found.columns
        for channel, score, (row, col) in zip(column.channels, column.scores, column.peaks.tolist(), strict=True)
    ]
    return csv_table(("stage", "layer", "channel", "gradient x activation", "peak row", "peak column"), rows)
