"""A new run: data, network, hyper-parameters in plain words, how long it will take, and Start."""

import secrets
from typing import Any, get_args

import streamlit as st

from cnnlab_core.data import find_data, import_pictures, list_data, open_data_steps
from cnnlab_core.data.own import SIDES
from cnnlab_core.errors import LabError
from cnnlab_core.recipes.training import start_code
from cnnlab_core.training import Config, Run, check, start
from cnnlab_core.training.checks import Facts
from cnnlab_core.training.config import MOST_BATCH, MOST_EPOCHS, Init, Optimizer, Precision
from cnnlab_core.training.estimate import known_speed, measure_speed, seconds_of_training, training_pictures
from cnnlab_core.training.nets import INITS, STACKS
from cnnlab_core.training.presets import PRESETS
from cnnlab_core.training.runs import MOST_NAME
from cnnlab_core.training.stack import KINDS, MOST_FILTERS, Row, read_stack, write_stack
from cnnlab_core.ui.classroom import classroom
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run as run_job
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import plain, show_problem
from cnnlab_core.ui.stack_table import Number, StackTable
from cnnlab_core.ui.take_away import take_away
from cnnlab_core.ui.training.choice import asked, box_in_address, look_at, may_start
from cnnlab_core.ui.training.words import ATTACK_TITLES, ATTACKS, HELP, NET_TITLES, NETS, duration
from cnnlab_core.ui.visitor import visitor

TABLE = StackTable(
    address="training_stack",
    read=read_stack,
    write=write_stack,
    make=Row,
    kinds=KINDS,
    columns={
        "filters": Number(0, MOST_FILTERS, 32),
        "kernel": Number(1, 32, 3),
        "stride": Number(1, 16, 1),
        "padding": Number(0, 32, 1),
        "dilation": Number(1, 16, 1),
    },
)
FIRST_STACK = "c32k5p2,norm,relu,m2s2,c64k3p1,norm,relu,m2s2,c128k3p1,norm,relu"
RATES = (1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 4e-2, 5e-2, 0.1, 0.3, 1.0, 10.0)
EXAMPLE = Config(
    data="shapes",
    net="stack",
    stack="c16k5p2,norm,relu,m2s2,c32k3p1,norm,relu,m2s2,c32k3p1,norm,relu",
    epochs=3,
    limit=4000,
)
_OF_A_PRESET = (
    *("limit", "validation", "crop", "flip", "net", "init", "optimizer", "schedule", "learning_rate", "weight_decay"),
    *("epochs", "batch", "label_smoothing", "seed", "attack", "precision"),
)
_SHORT = {"learning_rate": "rate", "weight_decay": "decay"}
_TOKEN = "training token"
_IMPORTED = "training imported"


def show_empty() -> None:
    """Where there is no run yet: a first one with one press."""
    if not may_start():
        st.info("Training is off in this lab, and no run came with it.", icon=":material/model_training:")
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


def show(busy: Run | None) -> None:
    """The tab. ``busy`` is this browser's run that is still at work, if there is one."""
    _presets()
    data, network = st.columns(2, gap="large")
    with data:
        st.header("Data")
        values: dict[str, Any] = _data()
    with network:
        st.header("Network")
        values |= _network()
    st.header("Learning")
    values |= _learning()
    try:
        config = Config(**values)
        facts = check(config)
    except LabError as problem:
        show_problem(problem)
        return
    _begin(config, facts, busy)
    take_away(start_code(config))


def _presets() -> None:
    """A button for each; it sets every control of the form, but for the data set and the stack."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Begin with")
        for preset in PRESETS:
            key = f"training preset {preset.title}"
            st.button(preset.title, key=key, help=preset.about, on_click=_take, args=(preset.config,))


def _take(config: Config) -> None:
    for name in _OF_A_PRESET:
        st.session_state[_key(_SHORT.get(name, name))] = getattr(config, name)
    st.session_state[_key("epsilon")] = round(255 * config.epsilon, 1)


# --- data -----------------------------------------------------------------------------------------------------


def _data() -> dict[str, Any]:
    names = [source.name for source in list_data()]
    name = st.query_params.get("data", "")
    if name not in names:
        name = "shapes" if find_data("cifar10").megabytes else "cifar10"
    box_in_address("Data set", "data", names, name, _data_title)
    with st.popover("Use your own pictures", icon=":material/folder_zip:", key="training_own"):
        _own_data()
    if imported := st.session_state.pop(_IMPORTED, ""):
        st.success(plain(imported), icon=":material/check_circle:")
    source = find_data(name)
    if source.megabytes:
        st.caption(
            f"Not on this machine yet. The run fetches {source.megabytes:.0f} MB before it begins, or fetch now:"
        )
        outcome = run_job(
            "fetch data",
            name,
            lambda: _fetched(name),
            label=f"Fetching {source.title}",
            start=f"Fetch {source.megabytes:.0f} MB",
            computes=False,
            keep=False,
        )
        if outcome.state == "done":
            st.rerun()
    first, second = st.columns(2)
    limit = first.number_input(
        "Training pictures (0: all)", 0, 1_000_000, 0, 1000, help=HELP["limit"], **_bound("limit")
    )
    held = second.slider("Held out", 0.02, 0.5, 0.1, 0.01, help=HELP["validation"], **_bound("validation"))
    with st.container(horizontal=True):
        crop = st.slider("Shift by up to (pixels)", 0, 8, 4, help=HELP["crop"], **_bound("crop"))
        flip = st.toggle("Mirror", True, help=HELP["flip"], **_bound("flip"))
    return {"data": name, "limit": limit, "validation": held, "crop": crop, "flip": flip}


def _data_title(name: str) -> str:
    source = find_data(name)
    more = f" ({source.megabytes:.0f} MB to fetch)" if source.megabytes else ""
    own = " (your own)" if name.startswith("own:") else ""
    return f"{source.title}{own}{more}"


def _fetched(name: str) -> Any:
    """Fetch a data set and let go of it again."""
    yield from open_data_steps(name)
    return True


def _own_data() -> None:
    """A zip of class folders becomes a data set of everybody's lab."""
    st.markdown(
        "A zip in which each class is a folder of pictures: `cats/…`, `dogs/…`. A sixth is kept for the test, unless "
        "there are folders `train` and `test`. The set is offered to everybody who uses this lab."
    )
    file = st.file_uploader("Zip file", key="training_zip", max_upload_size=classroom().upload_mb)
    name = st.text_input("Call it", key="training_zip_name", max_chars=40, placeholder="leaves")
    side = st.slider("Pixels wide and high", SIDES[0], SIDES[1], 32, 8, key="training_zip_side")
    if not (file and name):
        return
    content = file.getvalue()
    outcome = run_job(
        "import data",
        digest("import", content, name, side),
        lambda: _imported(content, name, side),
        label="Reading the pictures",
        start="Import",
        keep=False,
    )
    if outcome.state == "done":
        st.session_state[_IMPORTED] = outcome.result
        st.query_params["data"] = f"own:{name}"
        st.rerun()


def _imported(content: bytes, name: str, side: int) -> Any:
    dataset = yield from import_pictures(content, name, side=side)
    left_out = f" {len(dataset.notes)} left out: {dataset.notes[0]}" if dataset.notes else ""
    return f"{name}: {len(dataset.train)} pictures of {len(dataset.classes)} classes to train on.{left_out}"


# --- network --------------------------------------------------------------------------------------------------


def _network() -> dict[str, Any]:
    net = st.selectbox(
        "Network",
        list(NETS),
        index=1,
        format_func=NET_TITLES.__getitem__,
        key=_key("net"),
        bind="query-params",
        persist_state="page",
    )
    st.caption(NETS[net])
    stack = ""
    if net == "stack":
        stack = write_stack(TABLE.draw(FIRST_STACK))
        st.caption(
            "Filters count for convolutions, the window's numbers for convolutions and poolings. Behind the last "
            "row come the average over the map and a dense layer to the classes. It is checked as you type."
        )
    elif net in STACKS:
        st.code(STACKS[net].replace(",", " → "), language=None, wrap_lines=True)
    init = st.selectbox(
        "Initialisation", list(get_args(Init)), key=_key("init"), bind="query-params", persist_state="page"
    )
    st.caption(f"{INITS[init]}. Biases begin at 0.")
    return {"net": net, "stack": stack, "init": init}


# --- hyper-parameters -----------------------------------------------------------------------------------------


def _learning() -> dict[str, Any]:
    values: dict[str, Any] = {}
    one, two, three, four = st.columns(4, gap="medium")
    values["optimizer"] = segmented(
        one, "Optimiser", list(get_args(Optimizer)), default="adamw", help=HELP["optimizer"], **_bound("optimizer")
    )
    values["schedule"] = segmented(
        one,
        "Schedule",
        ["one-cycle", "constant"],
        default="one-cycle",
        help=HELP["schedule"],
        **_bound("schedule"),
    )
    values["learning_rate"] = two.select_slider(
        "Learning rate (peak)", RATES, 0.01, help=HELP["learning_rate"], **_bound("rate")
    )
    values["weight_decay"] = two.select_slider(
        "Weight decay",
        (0.0, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1),
        0.01,
        help=HELP["weight_decay"],
        **_bound("decay"),
    )
    values["epochs"] = three.number_input("Epochs", 1, MOST_EPOCHS, 10, help=HELP["epochs"], **_bound("epochs"))
    values["batch"] = three.number_input("Batch", 1, MOST_BATCH, 128, 32, help=HELP["batch"], **_bound("batch"))
    values["label_smoothing"] = four.slider(
        "Label smoothing", 0.0, 0.5, 0.1, 0.05, help=HELP["label_smoothing"], **_bound("label_smoothing")
    )
    values["seed"] = four.number_input("Seed", 0, 2**31 - 1, 0, help=HELP["seed"], **_bound("seed"))
    left, right = st.columns([1, 1], gap="large")
    with left:
        attack = segmented(
            st,
            "What it learns from",
            list(ATTACKS),
            default="none",
            format_func=ATTACK_TITLES.__getitem__,
            **_bound("attack"),
        )
        st.caption(ATTACKS[attack])
    values["attack"] = attack
    with right:
        values["precision"] = segmented(
            st,
            "Precision",
            list(get_args(Precision)),
            default="auto",
            help=HELP["precision"],
            **_bound("precision"),
        )
        if attack != "none":
            levels = st.slider("Epsilon (k/255)", 0.5, 16.0, 8.0, 0.5, help=HELP["epsilon"], **_bound("epsilon"))
            values["epsilon"] = levels / 255
        if attack == "pgd":
            values["attack_steps"] = st.slider("Attack steps", 1, 20, 7, help=HELP["attack_steps"], **_bound("pgd"))
        if values["optimizer"] != "adamw":
            values["momentum"] = st.slider(
                "Momentum", 0.0, 0.99, 0.9, 0.01, help=HELP["momentum"], **_bound("momentum")
            )
    return values


def _key(name: str) -> str:
    return f"training_{name}"


def _bound(name: str) -> dict[str, Any]:
    return {"key": _key(name), "bind": "query-params", "persist_state": "page"}


# --- start ----------------------------------------------------------------------------------------------------


def _begin(config: Config, facts: Facts, busy: Run | None) -> None:
    with st.container(border=True):
        about = st.empty()
        first, second = st.columns([2, 1], vertical_alignment="bottom")
        name = first.text_input(
            "Name",
            key="training_name",
            max_chars=MOST_NAME,
            placeholder=f"{config.net} on {config.data}",
            persist_state="page",
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
        pictures = training_pictures(config, facts)
        steps = max(1, pictures // config.batch) * config.epochs
        about.markdown(
            f"**{facts.parameters:,}** weights, **{pictures:,}** training pictures of {facts.side} × {facts.side} in "
            f"{facts.classes} classes, {steps:,} steps. {_time(config, facts, pictures)}"
        )


def _time(config: Config, facts: Facts, pictures: int) -> str:
    """How long it will take, in a sentence; where nothing is known, a button that finds out."""
    if speed := known_speed(config, facts):
        words = duration(seconds_of_training(config, pictures, speed))
        return f"About **{words}**, going by the last run like it on this machine."
    settings = digest("speed", config.net, config.stack, config.batch, config.attack, config.attack_steps, facts.side)
    measured = run_job(
        "speed",
        settings,
        lambda: measure_speed(config, facts),
        label="Trying a few steps",
        share=lambda step: step.done / step.total,
        start="Estimate the time",
    )
    if measured.state != "done" or not measured.result:
        return ""
    words = duration(seconds_of_training(config, pictures, measured.result))
    return f"About **{words}** on one core at {measured.result:,.0f} pictures/s, less on several."


def _token() -> str:
    """What makes a second press of Start harmless: the form's number, another one after each run that it made."""
    return st.session_state.setdefault(_TOKEN, secrets.token_hex(8))


def _start(config: Config, name: str, token: str) -> None:
    made = asked(start, config, name, owner=visitor(), token=token, most_waiting=classroom().training_queue)
    if made:
        st.session_state.pop(_TOKEN, None)
        look_at(made, "Watch")
