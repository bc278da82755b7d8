"""How the chosen run stands, live, and what can be done with it."""

import math

import streamlit as st

from cnnlab_core.data import find_data
from cnnlab_core.images.levels import levels
from cnnlab_core.models.zoo import find_spec
from cnnlab_core.training import Run, State, duplicate, export, pause, resume, stop
from cnnlab_core.training.curves import duration, seconds_left
from cnnlab_core.training.launch import launch
from cnnlab_core.training.locks import device_key
from cnnlab_core.training.runs import MOST_NAME, queue
from cnnlab_core.training.storage import find_thing
from cnnlab_core.ui.report_card.link import link_card
from cnnlab_core.ui.show import plain, show_problem, without_paths
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.choice import (
    STATES,
    asked,
    choose_run,
    look_at,
    make_room_for_new,
    may_start,
    may_steer,
    spec_name,
    why_not,
)
from cnnlab_core.ui.training.watched import LIVE_SECONDS, watched
from cnnlab_core.ui.visitor import visitor

_COLOURS = {"running": "green", "waiting": "blue", "finished": "gray", "failed": "red", "interrupted": "orange"}
PLACES = (
    ("adversarial", "Attack it", ":material/target:"),
    ("feature_maps", "Its feature maps", ":material/grid_view:"),
    ("classifier", "Name photos with it", ":material/image_search:"),
    ("deepdream", "Dream with it", ":material/auto_awesome:"),
)
TEXT_PLACES = (
    ("Write", "Write with it", ":material/edit_note:"),
    ("Look inside", "Look inside it", ":material/search:"),
)
"""Tabs of the page on text."""


def head(runs: list[Run]) -> Run:
    """The box of runs, beside it what starts and stops the chosen one, and below how one stands that isn't finished."""
    run = choose_run(runs, beside=lambda run: _engine(run, run.state()) if may_steer(run) else None)
    state = run.state()
    if state.name != "finished":
        st.fragment(_standing, run_every=LIVE_SECONDS / 2 if state.alive else None)(run, state.name)
    if state.name in ("failed", "interrupted"):
        show_problem(state.sentence)
    return run


def foot(run: Run) -> None:
    """The run's numbers, and what else can be done with it."""
    state = run.state()
    st.header("This run")
    if state.name == "finished":
        _standing(run, state.name)
    if watched(run).curves.done:
        _numbers(run, state)
    _buttons(run)


def _standing(run: Run, painted: str) -> None:
    """State, progress, speed and time left; when the state isn't the ``painted`` one, the whole page follows."""
    state = run.state()
    if state.name != painted:
        st.rerun()
    found, machine = watched(run).curves, run.machine
    badge = f":{_COLOURS.get(state.name, 'gray')}-badge[{STATES[state.name]}]"
    total = machine["total_steps"] if machine else 0
    parts = [badge]
    if state.name not in ("failed", "interrupted") and (sentence := _sentence(run, state)):
        parts.append(plain(sentence))
    if total and found.done:
        parts.append(f"step {found.done:,} of {total:,}")
    if state.name == "running" and found.done:
        parts.append(f"{found.speed_now:,.0f} {AREAS[run.config.kind].learned}/s")
        if math.isfinite(left := seconds_left(run.config, machine, found)) and found.done < total:
            parts.append(f"about {duration(left)} left")
    st.markdown(" · ".join(parts))
    if state.alive:
        st.progress(min(1.0, found.done / total) if total else 0.0)


def _sentence(run: Run, state: State) -> str:
    if state.alive and (wish := run.request()):
        return {"pause": "Pausing: writing a checkpoint.", "stop": "Stopping: testing what has been learned."}[wish]
    if state.name == "waiting":
        names = queue(device_key()).names()
        ahead = names.index(run.id) if run.id in names else 0
        return f"Waiting for the device: {ahead} ahead of this run." if ahead else "This run is next."
    if state.name == "running":
        found, machine = watched(run).curves, run.machine
        if machine and found.done >= machine["total_steps"]:
            return f"Testing on {run.config.kind} that it has never seen."
        if found.done:
            return ""
        if run.config.kind == "text":
            return "Reading the text."
        fetching = find_data(run.config.data).megabytes
        return f"Fetching {fetching:.0f} MB of data." if fetching else "Reading the data and testing the machine."
    return without_paths(state.sentence)


def _numbers(run: Run, state: State) -> None:
    """The scores of now, or the final ones."""
    finals, found = run.finals, watched(run).curves
    shown: list[tuple[str, str, str]] = []
    if run.config.kind == "text":
        shown = _bits(run, state)
    elif finals:
        shown.append(("Test accuracy", f"{finals['accuracy']:.2%}", f"Of {finals['test_pictures']:,} pictures."))
        if "robust_accuracy" in finals:
            about = f"{plain(finals['robust_attack'])}, epsilon {levels(finals['robust_epsilon'])}."
            shown.append(("Under attack", f"{finals['robust_accuracy']:.2%}", about))
        shown.append(("Test loss", f"{finals['loss']:.3f}", "Mean cross-entropy in nats."))
    else:
        loss = f"{found.loss[-1]:.3f}" if math.isfinite(found.loss[-1]) else "not a number"
        shown.append(("Training loss", loss, "Of the latest batch."))
        if not run.config.validation:
            shown.append(("Held-out accuracy", "–", "No pictures are held out: all are learned from."))
        elif len(found.epoch_step):
            held = f"{found.validation_accuracy[-1]:.1%}"
            shown.append(("Held-out accuracy", held, "On pictures that it doesn't learn from, once an epoch."))
        elif state.alive:
            shown.append(("Held-out accuracy", "after this epoch", "On pictures that it doesn't learn from."))
    shown.append(("Trained for", duration(found.seconds[-1]), "Without checks and test."))
    shown.append(("Weights", f"{(run.machine or {}).get('parameters', 0):,}", "Numbers that are learned."))
    with st.container(horizontal=True, gap="large"):
        for name, value, about in shown:
            st.metric(name, value, help=about, width="content")


def _bits(run: Run, state: State) -> list[tuple[str, str, str]]:
    """The scores of a run on text, beside what counting alone reaches."""
    finals, found, machine = run.finals, watched(run).curves.in_bits(), run.machine or {}
    if finals:
        tested = f"On {finals['test_characters']:,} characters that it has never seen."
        shown = [("Test bits per character", f"{finals['bits']:.3f}", tested)]
    else:
        loss = f"{found.loss[-1]:.3f}" if math.isfinite(found.loss[-1]) else "not a number"
        shown = [("Training bits per character", loss, "Of the latest step.")]
        if len(found.epoch_step) and run.config.validation:
            held = "On text that it doesn't learn from, once an epoch."
            shown.append(("Held-out bits per character", f"{found.validation_loss[-1]:.3f}", held))
        elif state.alive and run.config.validation:
            shown.append(("Held-out bits per character", "after this epoch", "Once an epoch."))
    for name, words in (("letter_pair_bits", "Counting pairs"), ("single_letter_bits", "Counting letters")):
        if name in machine:
            shown.append((words, f"{machine[name]:.3f}", "Bits per character that counting alone reaches."))
    return shown


def _buttons(run: Run) -> None:
    name, steers = spec_name(run), may_steer(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        if steers:
            exported = st.button(
                "Export" if name is None else "Export again",
                key="training_export",
                icon=":material/output:",
                disabled=not written(run),
                help="Saves the best weights as a network that everybody in this lab can use.",
            )
            if exported and asked(_export, run):
                st.toast("Exported: everybody can use it now.", icon=":material/check_circle:")
                st.rerun()
        if may_start():
            st.button(
                "Duplicate", key="training_duplicate", icon=":material/content_copy:", on_click=_duplicate, args=(run,)
            )
        if steers:
            with st.popover("Rename", icon=":material/edit:", key=f"training_renaming {run.id}"):
                _rename(run)
            key = f"training_deleting {run.id}"  # its own: one that stays open mustn't offer to delete the next run
            with st.popover("Delete", icon=":material/delete:", disabled=run.state().alive, key=key):
                st.markdown("This deletes its settings, curves and checkpoints. What was exported stays.")
                st.button("Delete this run", key="training_delete", type="primary", on_click=_delete, args=(run,))
                if name:
                    st.button("Delete what was exported", key="training_delete_export", on_click=_withdraw, args=(run,))
        if run.config.kind == "text":
            for tab, words, icon in TEXT_PLACES:
                key = f"text use {tab}"
                st.button(words, key=key, icon=icon, disabled=not written(run), on_click=_use, args=(run, tab))
        elif name:
            for page, words, icon in PLACES:
                st.page_link(f"pages/{page}.py", label=words, icon=icon, query_params={"model": name})
            link_card(find_spec(name))
    if not steers and not run.shipped:
        st.caption(":material/visibility: " + _why_not())


def written(run: Run) -> bool:
    """Whether there are weights yet, to read or write with."""
    return run.shipped or (run.machine is not None and any(run.checkpoints.glob("*.pt")))


def _use(run: Run, tab: str) -> None:
    """Open a tab of the page on text with the run's network."""
    AREAS["text"].controls.write(model=run.id)
    st.session_state["reading_tab"] = tab


def _why_not() -> str:
    """Why this browser can see a run and not control it."""
    if not may_start():
        return f"{why_not()}: runs can be looked at and compared."
    return "This run was started from the command line, and can only be controlled from there."


def _engine(run: Run, state: State) -> None:
    """Start, pause, resume, stop: those that are possible now."""
    asking = bool(run.request()) if state.alive else False
    if state.alive:
        st.button(
            "Pause", key="training_pause", icon=":material/pause:", disabled=asking, on_click=asked, args=(pause, run)
        )
    elif state.name == "ready":
        st.button(
            "Start",
            key="training_launch",
            icon=":material/play_arrow:",
            type="primary",
            on_click=asked,
            args=(launch, run),
            kwargs={"again": True},
        )
    elif state.resumable:
        st.button(
            "Resume",
            key="training_resume",
            icon=":material/play_arrow:",
            type="primary",
            on_click=asked,
            args=(resume, run),
        )
    if state.alive or (state.resumable and state.name != "ready"):
        with st.popover("Stop", icon=":material/stop:", disabled=asking, key=f"training_stopping {run.id}"):
            st.markdown("This ends the training: the network is tested, and the run can't go on afterwards.")
            st.button("Stop and test", key="training_stop", type="primary", on_click=asked, args=(stop, run))


def _duplicate(run: Run) -> None:
    """The same settings with the next seed, waiting to be started."""
    seed = (run.config.seed + 1) % 2**31
    name = f"{run.about.name}, seed {seed}" if len(run.about.name) < MOST_NAME - 16 else ""
    if made := asked(duplicate, run, name, seed=seed, owner=visitor()):
        look_at(made)


def _rename(run: Run) -> None:
    with st.form("training_rename", border=False):
        name = st.text_input("Name", run.about.name, max_chars=MOST_NAME)
        if st.form_submit_button("Rename"):
            asked(run.rename, name)
            st.rerun()


def _export(run: Run) -> str:
    name = export(run)
    make_room_for_new()  # for the network, too, which is what was used last
    return name


def _withdraw(run: Run) -> None:
    """Delete the network that was exported from the run."""
    if network := find_thing("network", run.id):
        asked(network.delete)


def _delete(run: Run) -> None:
    asked(run.delete)
    st.query_params.pop("run", None)
