"""Atlas: some channels of every stage at a glance, drawn once and kept on disk."""

from collections.abc import Generator

import streamlit as st
from PIL import Image

from cnnlab_core.dream.atlas import EACH, AtlasStep, Entry, atlas, atlas_places, is_cached
from cnnlab_core.dream.layers import stages
from cnnlab_core.images import png
from cnnlab_core.models import load_model
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.recipes.dream import atlas_code
from cnnlab_core.ui.dream.choice import Choice
from cnnlab_core.ui.dream.neurons import ASKED
from cnnlab_core.ui.picker import pick_cell
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import data_address, plain
from cnnlab_core.ui.take_away import File, take_away

_TILE, _GAP = 224, 12


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        f"At the end of every stage, {EACH} channels and what each looks for, drawn from noise. Read from top to "
        "bottom: from stripes and colours to textures, parts and things. Click one to ask it more closely."
    )
    status = st.container()
    ends = stages(choice.spec)
    titles, rows = {}, {}
    for number, end in enumerate(ends, 1):
        titles[end.name] = st.empty()
        rows[end.name] = st.empty()
        channels, height, width = end.shape
        titles[end.name].markdown(f"**Stage {number}** · {plain(end.name)} · {channels} channels of {height} × {width}")
    drawn: dict[str, int] = {}

    def paint(steps: list[AtlasStep]) -> None:
        for node, place in rows.items():
            found = [entry for entry in steps[-1].entries if entry.node == node]
            if found and drawn.get(node) != len(found):
                drawn[node] = len(found)
                place.image(data_address(png(_row(found))), alt=f"{node} so far", width="stretch")

    def job() -> Generator[AtlasStep, None, tuple[Entry, ...]]:
        return (yield from atlas(load_model(*choice.model)))

    here = choice.weights == "pretrained" and is_cached(choice.spec)
    count = len(atlas_places(choice.spec))
    with status:
        outcome = run(
            "atlas",
            digest("atlas", choice.model),
            job,
            label=f"Drawing {count} channels",
            share=lambda step: step.share,
            start="" if here else f"Draw the atlas ({count} pictures, about half a minute, once)",
            paint=paint,
            for_everybody=True,
        )
    if outcome.state != "done" or not outcome.result:
        if outcome.state == "stopped":
            st.caption("What is drawn is kept: it goes on from here.")
        return
    entries = outcome.result
    for end in ends:
        found = [entry for entry in entries if entry.node == end.name]
        with rows[end.name].container():
            if found:
                _pick(end.name, found)
            else:
                st.caption("Nothing excites these channels.")
    take_away(
        atlas_code(*choice.model),
        File("Atlas (PNG)", lambda: png(_sheet(entries)), "cnnlab_atlas.png", "image/png"),
    )


def _pick(node: str, entries: list[Entry]) -> None:
    def picked(index: int) -> None:
        st.session_state["neuron_ask"], st.session_state["dream_tab"] = ASKED[0], "Neurons"
        for name, value in (("neuron_layer", node), ("neuron_channel", entries[index].channel)):
            st.session_state[name] = value
            st.query_params[name] = str(value)  # a control that isn't drawn yet doesn't write itself into the address

    pick_cell(
        png(_row(entries)),
        rows=1,
        cols=len(entries),
        size=_TILE,
        gap=_GAP,
        labels=[f"channel {entry.channel}" for entry in entries],
        alt=f"What channels of {node} look for",
        on_pick=picked,
        key=f"atlas {node}",
    )


def _row(entries: list[Entry]) -> Image.Image:
    """The pictures in a row, on nothing; as wide as a full row."""
    row = Image.new("RGBA", (max(EACH, len(entries)) * (_TILE + _GAP) - _GAP, _TILE))
    for index, entry in enumerate(entries):
        row.paste(entry.picture.resize((_TILE, _TILE), Image.Resampling.BICUBIC), (index * (_TILE + _GAP), 0))
    return row


def _sheet(entries: tuple[Entry, ...]) -> Image.Image:
    """All rows in one picture on white."""
    nodes = dict.fromkeys(entry.node for entry in entries)
    rows = [side_by_side([entry.picture for entry in entries if entry.node == node]) for node in nodes]
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height + _GAP for row in rows) - _GAP), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + _GAP
    return sheet
