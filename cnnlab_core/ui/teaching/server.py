"""Everything on this server: what a teacher sees, hides, stops and deletes, whoever made it."""

import time
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.data import open_data
from cnnlab_core.images import png
from cnnlab_core.training import Run, find_run, pause, resume, stop
from cnnlab_core.training.storage import Thing, room, things
from cnnlab_core.training.turns import grant
from cnnlab_core.ui.brought import Brought, brought, decoded_icon
from cnnlab_core.ui.classroom import settings_in_words
from cnnlab_core.ui.contents import find_page
from cnnlab_core.ui.show import data_address, plain, sentences, show_words
from cnnlab_core.ui.teaching.entrance import enter_as_teacher, leave_button
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.choice import STATES, asked, show_last_problem

KINDS = {"run": "run", "network": "exported network", "pictures": "data set", "text": "text", "own": "own network"}
_SHOWN_PICTURES = 12
_MOST_BROUGHT = 40
_ICONS_AT_ONCE = 4
"""Files that are decoded for one look at the list, at most: the visitors' own wait in the same queue."""
_LIVE_SECONDS = 5.0


def show_server() -> None:
    """For a teacher, all there is on the server; for everybody, how it is set."""
    st.header("Everything on this server")
    with sentences():
        if enter_as_teacher(
            "you see every run, exported network, data set and text that visitors have made, and the pictures that "
            "they have brought, and can stop, hide or delete each"
        ):
            st.fragment(_everything, run_every=_LIVE_SECONDS)()
            leave_button()
    st.header("This lab's settings")
    st.markdown(
        "For whoever runs the server: set these in its environment, or at the top of `.streamlit/secrets.toml`."
    )
    with sentences():
        show_words(settings_in_words())


def _everything() -> None:
    show_last_problem()
    found, space = things(), room()
    with st.container(horizontal=True, gap="large"):
        for name, used, most in (
            ("Visitors keep", space.kept, space.kept_most),
            ("Caches", space.caches, space.caches_most),
        ):
            st.metric(name, f"{_size(used)} of {_size(most)}", width="content")
        st.metric("Left on the disk", _size(space.disk_left), width="content")
    if not found:
        st.info("Nothing has been made here yet.", icon=":material/inventory_2:")
    else:
        st.dataframe([_row(thing) for thing in found], hide_index=True, height="content" if len(found) < 9 else 320)
        _one(found)
    if pictures := brought():
        _brought(pictures)


def _row(thing: Thing) -> dict[str, str]:
    return {
        "what": KINDS[thing.kind],
        "name": thing.title,
        "made by": _visitor(thing.owner) if thing.owner else "the command line",
        "stands": ", ".join(_stands(thing)),
        "size": _size(thing.bytes),
        "last used": _when(thing.used),
    }


def _stands(thing: Thing) -> list[str]:
    state = [STATES[find_run(thing.name).state().name]] if thing.kind == "run" else ["in use"] * thing.busy
    return state + ["hidden"] * thing.hidden


def _one(found: list[Thing]) -> None:
    """What can be done with one of them."""
    by_key: dict[str, Thing] = {}
    for thing in found:  # what is hidden may have a namesake
        key = f"{thing.kind} {thing.name}"
        by_key[f"{key}, hidden" if key in by_key else key] = thing
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    spoken = lambda key: f"{KINDS[by_key[key].kind]}: {by_key[key].title}"  # noqa: E731
    thing = by_key[left.selectbox("One of them", list(by_key), format_func=spoken, key="teaching_thing")]
    with right.container(horizontal=True, vertical_alignment="center"):
        if thing.kind == "run":
            _steer(thing)
        words, icon = ("Show again", "visibility") if thing.hidden else ("Hide", "visibility_off")
        _button(words, icon, thing.hide, not thing.hidden)
        with st.popover("Delete", icon=":material/delete:", disabled=thing.busy, key=f"teaching_deleting {thing.name}"):
            st.markdown(f"This deletes {plain(thing.said)} for everybody.")
            _button("Delete it", "delete", thing.delete)
    if thing.kind == "pictures" and not thing.hidden:
        with sentences():
            images = open_data(f"own:{thing.name}").train.images
            step = max(1, len(images) // _SHOWN_PICTURES)
            row = png(Image.fromarray(np.hstack(list(images[::step][:_SHOWN_PICTURES].numpy()))))
            st.image(row, width=72 * _SHOWN_PICTURES, output_format="PNG", alt=f"Some pictures of {thing.said}")


def _brought(found: list[Brought]) -> None:
    """The pictures in visitors' sessions."""
    st.subheader("Pictures that visitors have brought")
    shown = {one.id: one for one in found[:_MOST_BROUGHT]}
    icons = _icons(shown)
    rows = [
        {
            "": data_address(icons[one.id], "jpeg") if icons[one.id] else None,
            "name": one.title,
            "brought by": _visitor(one.owner),
            "size": _size(len(one.content)),
            "at": _when(one.at),
        }
        for one in shown.values()
    ]
    columns = {"": st.column_config.ImageColumn(width=64)}
    st.dataframe(rows, hide_index=True, row_height=56, column_config=columns, height=min(320, 38 + 56 * len(rows)))
    st.caption(
        f"{f'These are the latest {len(shown)} of {len(found)}. ' * (len(found) > len(shown))}They are only in this "
        "server's memory, and go when their tab is closed. One that you delete is gone from its visitor's page with "
        "the next click there."
    )
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    spoken = lambda key: f"{shown[key].title}, {_visitor(shown[key].owner)}"  # noqa: E731
    one = shown[left.selectbox("One of the pictures", list(shown), format_func=spoken, key="teaching_picture")]
    with right.popover("Delete", icon=":material/delete:", key=f"teaching_deleting_picture {one.id}"):
        st.markdown(f"This deletes the picture “{plain(one.title)}” from its visitor's page.")
        _button("Delete the picture", "delete", one.delete)


def _icons(shown: dict[str, Brought]) -> dict[str, bytes]:
    """By their keys; those of a few files are made at each look."""
    made: dict[str, bytes] = st.session_state.get("teaching_icons", {})
    icons, more = {}, _ICONS_AT_ONCE
    for key, one in shown.items():
        if one.icon or key in made:
            icons[key] = one.icon or made[key]
        elif more:
            icons[key], more = decoded_icon(one), more - 1
    st.session_state["teaching_icons"] = icons
    return {key: icons.get(key, b"") for key in shown}


def _steer(thing: Thing) -> None:
    run = find_run(thing.name)
    state, page = run.state(), find_page("training" if run.config.kind == "pictures" else "reading_text")
    view = {"run": run.id} if run.config.kind == "pictures" else {"reading_tab": "Train", "run": run.id}
    st.page_link(
        page.file, label="Look at it", icon=page.icon, query_params=view | {AREAS[run.config.kind].view: "Watch"}
    )
    if state.alive:
        _button("Pause", "pause", pause, run)
    elif state.resumable and state.name != "ready":
        _button("Resume", "play_arrow", _resume, run)
    if state.alive or (state.resumable and state.name != "ready"):
        _button("Stop and test", "stop", stop, run)


def _resume(run: Run) -> None:
    """Let it go on, also where its time was up."""
    grant(run)
    resume(run)


def _button(words: str, icon: str, action: Any, *args: Any) -> None:
    key = f"teaching_{words.lower().replace(' ', '_')}"
    st.button(words, key=key, icon=f":material/{icon}:", on_click=asked, args=(action, *args))


def _visitor(owner: str) -> str:
    return f"visitor {owner[:6]}" if owner else "a visitor"


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _size(count: int) -> str:
    size, unit = next(((size, unit) for size, unit in ((1e9, "GB"), (1e6, "MB")) if count >= size / 10), (1e3, "kB"))
    return f"{count / size:.1f} {unit}"
