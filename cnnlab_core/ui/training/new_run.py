"""A new run: data, network and hyper-parameters, how long it will take, and Start."""

import secrets
from contextlib import suppress
from typing import Any

import streamlit as st

from cnnlab_core.errors import LabError
from cnnlab_core.models.stack import write_stack
from cnnlab_core.recipes.training import minimal, new_run
from cnnlab_core.runtime.limits import TRAINING_QUEUE
from cnnlab_core.training import Config, Run, check, start
from cnnlab_core.training.checks import Facts
from cnnlab_core.training.codes import remember
from cnnlab_core.training.curves import duration
from cnnlab_core.training.estimate import known_speed, measure_speed_steps, seconds_of_training
from cnnlab_core.training.nets import STACKS
from cnnlab_core.training.presets import PRESETS, TEXT_PRESETS
from cnnlab_core.training.runs import MOST_NAME
from cnnlab_core.training.settings import Kind
from cnnlab_core.ui.controls import lasting
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import folded, plain, sentences, show_problem
from cnnlab_core.ui.stack_table import WINDOW_COLUMNS, StackTable
from cnnlab_core.ui.take_away import show_code, take_away
from cnnlab_core.ui.training import first_batch, form
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.choice import CODE, asked, look_at, make_room_for_new, may_start, why_not
from cnnlab_core.ui.training.data import choose_data
from cnnlab_core.ui.visitor import own_code, visitor

TABLE = StackTable("training_stack", ("filters", *WINDOW_COLUMNS))
FIRST_STACK = "c32k5p2,norm,relu,m2s2,c64k3p1,norm,relu,m2s2,c128k3p1,norm,relu"
EXAMPLE = Config(
    data="shapes",
    net="stack",
    stack="c16k5p2,norm,relu,m2s2,c32k3p1,norm,relu,m2s2,c32k3p1,norm,relu",
    epochs=3,
    limit=4000,
)
_TOKEN = "training token"


def show_empty() -> None:
    """Where there is no run yet: a first one with one press."""
    if not may_start():
        st.info(f"{why_not()}, and no run came with it.", icon=":material/model_training:")
        return
    st.info(
        "No network has been trained here yet. A small one learns to tell ten generated shapes and textures apart in "
        "about a minute, with no download.",
        icon=":material/model_training:",
    )
    st.button(
        "Train a first network",
        key="training_first",
        type="primary",
        icon=":material/play_arrow:",
        on_click=_start,
        args=(EXAMPLE, "My first network", _token()),
    )


def show(busy: Run | None, kind: Kind = "pictures") -> None:
    """The form for a kind of data, and Start. ``busy`` is this browser's run that is still at work, if there is one."""
    begin = st.container()  # what the page is for comes first, for eyes and for the keyboard
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Begin with")
        for preset in TEXT_PRESETS if kind == "text" else PRESETS:
            key = f"training preset {preset.title}"
            st.button(preset.title, key=key, help=preset.about, on_click=form.take, args=(preset.config,))
    values: dict[str, Any] = {}
    data, network = st.columns(2, gap="large")
    with data:
        st.header("Data")
        form.draw("data", values, kind, own={"data": lambda: choose_data(kind)})
    with network:
        st.header("Network")
        form.draw("network", values, kind, own={"stack": _stack})
        if values["net"] in STACKS:
            st.code(STACKS[values["net"]].replace(",", " → "), language=None, wrap_lines=True)
    seen = st.container()
    st.header("Learning")
    form.draw("learning", values, kind)
    if kind == "pictures":
        form.draw("attack", values, kind)
        label = "Finer settings: whitening, cutout, averaged weights …"
        with st.popover(label, icon=":material/tune:", key="training_finer", width="stretch"):
            form.draw("finer", values, kind)
    try:
        config = Config(**values)
        facts = check(config)
    except LabError as problem:
        show_problem(problem)
        return
    with begin:
        _begin(config, facts, busy)
    if kind == "pictures":
        with seen, sentences():
            first_batch.show(config, facts)
        with folded("The trainer in sixty lines", ":material/menu_book:"):
            st.markdown(
                "What a run with the settings as they stand at first does, without pauses, checkpoints and curves: it "
                "ends with the same loss."
            )
            show_code(minimal.code(), about="Read it from top to bottom, or run it in a notebook")
    take_away(new_run.code(config))


def _stack() -> str:
    """Your own layers as a table."""
    stack = write_stack(TABLE.draw(FIRST_STACK))
    st.caption(
        "Filters count for convolutions only, kernel to dilation for convolutions and poolings. After the last row "
        "come the average over the map and a dense layer to the classes. The rows are checked as you type."
    )
    return stack


def _begin(config: Config, facts: Facts, busy: Run | None) -> None:
    with st.container(border=True):
        about = st.empty()
        first, second = st.columns([2, 1], vertical_alignment="bottom")
        name = first.text_input(
            "Name",
            **lasting("training_name"),
            max_chars=MOST_NAME,
            placeholder=f"{config.net} on {config.data}",
        )
        second.button(
            "Start",
            key="training_start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=busy is not None,
            on_click=_start,
            args=(config, name, _token()),
            width="stretch",
        )
        if busy:
            st.caption(
                f"Your run “{plain(busy.about.name)}” is still at work. Pause or stop it, then start this one. "
                "(One at a time for each visitor, so that everybody has a turn.)"
            )
        read = f"{facts.learned_from:,}** training {AREAS[config.kind].learned}"
        if config.kind == "text":
            read += f", {facts.classes} different ones"
        else:
            read += f" of {facts.side} × {facts.side} in {facts.classes} classes"
        steps = facts.steps * config.epochs
        about.markdown(f"**{facts.parameters:,}** weights, **{read}, {steps:,} steps. {_time(config, facts)}")


def _time(config: Config, facts: Facts) -> str:
    """How long it will take, in a sentence; where nothing is known, a button that finds out."""
    learned = AREAS[config.kind].learned
    if speed := known_speed(config, facts):
        words = duration(seconds_of_training(config, facts, speed))
        return f"About **{words}**, judging by the last run like it on this machine."
    measured = run(
        "speed",
        digest("speed", config.pace(), facts.side, facts.classes),
        lambda: measure_speed_steps(config, facts),
        label="Trying a few steps",
        start="Estimate the time",
        computes=False,
    )
    if measured.state != "done" or not measured.result:
        return ""
    words = duration(seconds_of_training(config, facts, measured.result))
    return f"About **{words}** at {measured.result:,.0f} {learned}/s, as a few steps have just taken."


def _token() -> str:
    """What makes a second press of Start harmless: the form's number, another one after each run that it made."""
    return st.session_state.setdefault(_TOKEN, secrets.token_hex(8))


def _start(config: Config, name: str, token: str) -> None:
    make_room_for_new()
    made = asked(start, config, name, owner=visitor(), token=token, most_waiting=TRAINING_QUEUE.now())
    if made:
        with suppress(OSError):
            remember(own_code(), visitor())
        st.session_state[CODE] = own_code()
        st.session_state.pop(_TOKEN, None)
        look_at(made, "Watch")
