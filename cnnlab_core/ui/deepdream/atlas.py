"""Atlas: what some channels of every stage look for, at a glance."""

from collections.abc import Generator

import streamlit as st
from PIL import Image

from cnnlab_core.dream.atlas import EACH, Entry, atlas_channels, atlas_steps, is_cached
from cnnlab_core.dream.layers import stages
from cnnlab_core.images import png, webp
from cnnlab_core.models import load_model
from cnnlab_core.plots.mosaic import in_a_row, side_by_side
from cnnlab_core.recipes.deepdream import atlas as recipe
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.deepdream.neurons import CONTROLS, MAXIMISED
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.picker import pick_cell
from cnnlab_core.ui.results import digest, kept
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import data_address, later, main_answer, main_picture, plain
from cnnlab_core.ui.subject import Subject
from cnnlab_core.ui.take_away import File, take_away

_TILE, _GAP = 160, 8
"""Pixels of a picture's side, and between two of them."""


def show(subject: Subject) -> None:
    """A row of pictures for each stage, as far as they are drawn; a click on one opens it under Neurons."""
    with main_answer():
        st.markdown(
            f"What {EACH} channels at the end of each stage look for, drawn from noise: **stripes and colours first, "
            "then textures, then parts of things.** Click a picture to explore its channel."
        )
    status = st.container()
    ends = stages(subject.spec)
    rows = {}
    with main_picture(), st.container(key="atlas_rows"):
        for number, end in enumerate(ends, 1):
            about, place, _ = st.columns([1, 4, 1], vertical_alignment="center")
            about.markdown(f"**Stage {number}**  \n{plain(end.title)}")
            rows[end.name] = later(place)
    drawn: dict[str, int] = {}

    def paint(steps: list[Progress[tuple[Entry, ...]]]) -> None:
        for node, place in rows.items():
            found = [entry for entry in steps[-1].latest or () if entry.node == node]
            if found and drawn.get(node) != len(found):
                drawn[node] = len(found)
                place.image(data_address(_row(found), "webp"), alt=f"{node} so far", width="stretch")

    def job() -> Generator[Progress[tuple[Entry, ...]], None, tuple[Entry, ...]]:
        return (yield from atlas_steps(load_model(*subject.network)))

    ready = subject.weights == "pretrained" and is_cached(subject.spec)
    count = len(atlas_channels(subject.spec))
    with status:
        outcome = run(
            "atlas",
            digest("atlas", subject.network),
            job,
            label=f"Drawing {count} channels",
            start="" if ready else f"Draw the atlas ({count} pictures, about half a minute, once)",
            paint=paint,
            for_everybody=True,
        )
    if outcome.state != "done" or not outcome.result:
        if outcome.state == "stopped":
            st.caption("The pictures drawn so far are kept; the atlas continues from here.")
        return
    entries = outcome.result
    for end in ends:
        found = [entry for entry in entries if entry.node == end.name]
        with rows[end.name].container():
            if found:
                _pick(end.name, found, ends.index(end) + 1)
            else:
                st.caption("Nothing excites these channels.")
    learned("nobody told a trained network to begin with stripes and to end with parts of things: it learned to.")
    take_away(
        recipe.code(*subject.network),
        File("Atlas (PNG)", lambda: png(_sheet(entries)), "cnnlab_atlas.png", "image/png"),
    )


def _pick(node: str, entries: list[Entry], stage: int) -> None:
    def picked(index: int) -> None:
        st.session_state["dream_tab"] = "Neurons"
        st.session_state[CONTROLS.key("ask")] = MAXIMISED[0]
        for name, value in (("layer", node), ("channel", entries[index].channel)):
            key = CONTROLS.key(name)
            st.session_state[key] = value
            st.query_params[key] = str(value)  # a control that isn't drawn yet doesn't write itself into the address

    pick_cell(
        kept(digest("atlas row", node, [entry.picture.tobytes() for entry in entries]), lambda: _row(entries)),
        kind="webp",
        rows=1,
        cols=max(EACH, len(entries)),
        count=len(entries),
        size=_TILE,
        gap=_GAP,
        labels=[f"channel {entry.channel}" for entry in entries],
        alt=f"Stage {stage}: what channels of {node} look for",
        on_pick=picked,
        key=f"atlas {node}",
    )


def _row(entries: list[Entry]) -> bytes:
    """The pictures side by side, as wide as a full row."""
    return webp(in_a_row([entry.picture for entry in entries], _TILE, _GAP, places=EACH))


def _sheet(entries: tuple[Entry, ...]) -> Image.Image:
    """All rows in one picture on white."""
    nodes = dict.fromkeys(entry.node for entry in entries)
    side = max(entry.picture.width for entry in entries)
    rows = [
        side_by_side([entry.picture.resize((side, side)) for entry in entries if entry.node == node]) for node in nodes
    ]
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height + _GAP for row in rows) - _GAP), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + _GAP
    return sheet
