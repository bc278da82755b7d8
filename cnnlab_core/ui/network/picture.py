"""The whole network in one picture, and every number in it."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
import torch

from cnnlab_core.models import LoadedModel, find_spec, layer_table
from cnnlab_core.network.cell import Backward, Cell, explain_backward, explain_cells
from cnnlab_core.network.contributions import Feeds, Votes, feeds, votes
from cnnlab_core.network.glass import GLASS
from cnnlab_core.network.intervene import changed
from cnnlab_core.network.layer import MapView, chain_of, explain_map
from cnnlab_core.network.stages import follow
from cnnlab_core.network.strongest import Overview, overview
from cnnlab_core.network.values import maps_shape
from cnnlab_core.receptive_field import ReceptiveField
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.network import board, compare, live
from cnnlab_core.ui.network.component import KEY, asked_for, heard, show_network
from cnnlab_core.ui.network.place import CONTROLS, Place, go, leave, place_in, refuse_stage
from cnnlab_core.ui.network.scene import (
    answer_layer,
    bars,
    cell_data,
    classes_of,
    field_of,
    links_of,
    map_data,
    scene_of,
)
from cnnlab_core.ui.network.take import to_take
from cnnlab_core.ui.receptive_fields.fields import all_fields
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once
from cnnlab_core.ui.shared import choose_model, choose_picture
from cnnlab_core.ui.show import form, main_answer, main_picture
from cnnlab_core.ui.subject import Subject, choose_subject, run_study
from cnnlab_core.ui.take_away import take_away

SHOWN = {"The lab's network": "", "Digits": "glass_digits", "CIFAR-10": "glass_cifar10"}
"""What can be shown: the network that all pages share, or one made of glass."""
LEARNED = (
    "a map is one filter's answer at every place of the photo, a later map is made of earlier "
    "ones, and each number is a sum of products that you can check."
)


def show() -> None:
    """The picture, at the place that the address names."""
    options = list(SHOWN)
    shown_network = CONTROLS.one_of(
        "shown", "Network shown", options, options[0], label_visibility="collapsed", on_change=leave, place=form()
    )
    if glass := SHOWN[shown_network]:
        chosen, _ = choose_picture(), choose_model()
        board.show(find_spec(glass), "pretrained", chosen)
        return
    subject = choose_subject("network")
    if subject is None:
        return
    if subject.spec.name in GLASS:
        board.show(subject.spec, subject.weights, subject.picture)
        return
    place = place_in(subject.spec)
    picture = st.container()  # what is computed says so below it: it mustn't move
    shown = run_study(
        "network",
        subject,
        (place.asked, place.stage),
        lambda model, x: once(lambda: _look(model, x, place)),
        label=f"Looking into {subject.spec.title}",
    ).result
    if shown is None:
        return
    if len(shown.opened) < len(place.stage):
        refuse_stage(".".join(map(str, place.stage)))
        place = replace(place, stage=place.stage[: len(shown.opened)])
    classes = classes_of(subject, shown.found)
    shown_classes = [bar["index"] for bar in classes]
    found = _changed(subject, place, shown.found)
    if found is None:
        return
    identity = digest(*subject.key, place.asked, place.stage, place.changes)
    turn, has = heard(KEY)
    data: dict[str, Any] = {"id": identity, "at": place.as_data(), "turn": turn}
    wanted = asked_for(KEY) == identity and has != identity
    if has != identity and not wanted:  # else the browser has it already
        data["scene"] = scene_of(subject, found, shown.opened, classes)
    fields = all_fields(subject.spec) if wanted or place.layer else None
    if wanted:
        data["links"] = _links(subject, found, place, shown_classes)
        nodes = [column.stage.last.name for column in found.columns]
        data["fields"] = {node: field_of((fields or {}).get(node)) for node in nodes}
    if place.changes:
        data["changed"] = {"classes": bars(found.logits, subject.labels, also=shown_classes)}
    if place.layer:
        data["detail"] = _detail(subject, place, found, fields or {})
        data["layers"] = [[layer.name, layer.place, maps_shape(layer)[0]] for layer in layer_table(subject.spec.name)]
    with picture, main_picture(), main_answer():
        show_network(data, key=KEY, on_go=lambda at: go(subject.spec, at))
    learned(LEARNED)
    comparison = compare.show(subject)
    code, files = to_take(subject, place, found, classes)
    take_away(comparison or code, *files)
    live.show(subject, found, place, identity)


@dataclass(frozen=True)
class _Shown:
    """The columns, and the titles of the stages that were unfolded to see them."""

    opened: tuple[str, ...]
    found: Overview


def _look(model: LoadedModel, x: torch.Tensor, place: Place) -> _Shown:
    stages, opened = follow(model, place.stage)
    return _Shown(tuple(stage.title for stage in opened), overview(model, x, stages, place.asked))


@dataclass(frozen=True)
class _Links:
    feeds: list[Feeds]
    votes: list[Votes]


def _links(subject: Subject, found: Overview, place: Place, classes: list[int]) -> dict[str, Any] | None:
    def study(model: LoadedModel, x: torch.Tensor) -> Generator[Feeds, None, _Links]:
        model, known = changed(model, place.factors), []
        for step in feeds(model, x, found.columns, classes):
            known.append(step)
            yield step
        return _Links(known, votes(model, x, classes))

    links = run_study(
        "network links", subject, (place.asked, place.stage, place.changes), study, label="Following what feeds what"
    ).result
    return None if links is None else links_of(subject, found.columns, links.feeds, links.votes, classes)


def _changed(subject: Subject, place: Place, before: Overview) -> Overview | None:
    """The same picture of the network with channels changed."""
    if not place.changes:
        return before

    def study(model: LoadedModel, x: torch.Tensor) -> Overview:
        stages = tuple(column.stage for column in before.columns)
        return overview(changed(model, place.factors), x, stages, like=before)

    found: Overview | None = run_study(
        "network changed",
        subject,
        (place.asked, place.stage, place.changes),
        lambda model, x: once(lambda: study(model, x)),
        label="Asking the changed network",
    ).result
    return found


@dataclass(frozen=True)
class _Cells:
    cells: list[Cell]
    backward: Backward | None


def _detail(
    subject: Subject, place: Place, found: Overview, fields: dict[str, ReceptiveField]
) -> dict[str, Any] | None:
    """The layer's map that is looked at, and the cell of it."""
    back = place.way == "backwards"
    asked = found.asked  # of the network before it was changed
    view: MapView | None = run_study(
        "network map",
        subject,
        (place.layer, place.channel, back, place.asked if back else None, place.changes),
        lambda model, x: once(
            lambda: explain_map(
                changed(model, place.factors), x, place.layer, place.channel, backward=back, asked=asked
            )
        ),
        label="Taking the map apart",
    ).result
    if view is None:
        return None
    layers = {layer.name: layer for layer in layer_table(subject.spec.name)}
    field = fields.get(place.layer)
    detail = {
        "layer": place.layer,
        "channel": place.channel,
        "way": place.way,
        "title": layers[place.layer].title,
        "place": layers[place.layer].place,
        "map": map_data(view, layers),
        "field": field_of(field),
    }
    if place.layer == answer_layer(layer_table(subject.spec.name)):
        detail["label"] = subject.labels[place.channel]
    if place.cell:
        row, col = place.cell

        def study(model: LoadedModel, x: torch.Tensor) -> _Cells:
            model, chain = changed(model, place.factors), chain_of(model, place.layer)
            cells = explain_cells(model, x, [(node, place.channel, row, col) for node in chain])
            backward = explain_backward(model, x, chain[0], place.channel, row, col, asked) if back else None
            return _Cells(cells, backward)

        cells = run_study(
            "network cell",
            subject,
            (place.layer, place.channel, place.cell, place.way, place.asked if back else None, place.changes),
            lambda model, x: once(lambda: study(model, x)),
            label="Taking the number apart",
        ).result
        if cells:
            box = field.box(row, col) if field and field.known else None
            detail["cell"] = {
                "row": row,
                "col": col,
                **cell_data(cells.cells, cells.backward, layers),
                "box": box and list(box),
            }
    return detail
