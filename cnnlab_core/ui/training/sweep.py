"""A sweep over one setting, each value with several seeds: started here, and what comes of it."""

import secrets
from contextlib import suppress
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnnlab_core.errors import InputError, LabError
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.recipes.training import sweep as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.limits import TRAINING_QUEUE
from cnnlab_core.training import Config, Run, check
from cnnlab_core.training.codes import remember
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.curves import duration
from cnnlab_core.training.estimate import known_speed, seconds_of_training
from cnnlab_core.training.settings import Setting
from cnnlab_core.training.sweep import (
    Point,
    begin_next,
    read_values,
    start_sweep,
    sweep_configs,
    sweep_of,
    sweep_points,
    sweepable,
)
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import form, main_answer, main_picture, plain, show_problem
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.choice import CODE, asked, at_work, make_room_for_new, may_steer, seen_runs
from cnnlab_core.ui.training.watched import LIVE_SECONDS
from cnnlab_core.ui.visitor import own_code, visitor

_TOKEN = "training sweep token"
LOOK = (
    "each of its values is trained with each seed, one run after another.",
    "with one seed for each value, nobody knows how much of a difference is chance. More seeds show it, as bars.",
    "look for where the bars of two values no longer overlap. They reach from the worst seed to the best.",
)
"""What to look at, by the largest number of seeds that a value has: none, one, several."""


def show(of: Run) -> None:
    """The controls of a sweep that begins with a run's settings, Start, and the figure and table of all such runs."""
    controls, base = AREAS["pictures"].controls, of.config
    first, second, third = form("sweep").columns([1.2, 1.6, 1], gap="large", vertical_alignment="bottom")
    names = sweepable(base)
    setting = controls.named(
        "sweep", "Setting", names, "learning_rate", lambda name: SETTINGS[name].label, place=first
    )  # fmt: skip
    about = SETTINGS[setting]
    seeds = controls.slider("sweep_seeds", "Seeds", 1, 5, 3, 1, place=third)
    try:
        values = _values(about, base, second)
        configs = sweep_configs(base, setting, values, seeds=seeds)
    except InputError as problem:
        show_problem(problem)
        values, configs = (), []
    points = sweep_points(seen_runs(), base, setting)
    most = max((len(point.scores) for point in points), default=0)
    st.markdown(f"The settings of this run, but for one: {LOOK[min(most, 2)]}")
    moves = _moves(points)
    st.fragment(_found, run_every=LIVE_SECONDS if moves else None)(of, setting, moves)
    with st.container(horizontal=True, vertical_alignment="center"):
        _steer(base, setting, values, seeds, configs, points)
    if most:
        learned(
            "a difference between two values only counts where it is larger than that between two seeds of one of them."
        )
    take_away(
        recipe.code(of.id, setting, values, seeds),
        File("Every run (CSV)", lambda: table(points, about), f"cnnlab_sweep_{setting}.csv", "text/csv"),
    )


def _values(about: Setting, base: Config, place: Any) -> tuple[Any, ...]:
    """The values to try, from a control that suits the setting."""
    controls, name = AREAS["pictures"].controls, f"sweep_{about.address}"
    if about.options:
        options = about.options_for(base.kind)
        return tuple(controls.several(name, "Values", options, options[:2], format_func=about.text, place=place))
    if about.kind is bool:
        return tuple(
            controls.several(name, "Values", [True, False], [True, False], format_func=about.text, place=place)
        )
    first = ", ".join(map(about.number, _near(about)))
    return read_values(about, controls.text(name, "Values, with commas", first, place=place))


def _near(about: Setting) -> list[Any]:
    """Three values around the usual one, to begin with: of its stops, else half and twice."""
    if about.stops:
        at = about.stops.index(about.default)
        return list(about.stops[max(0, at - 2) : at + 3 : 2])
    around = (about.default / 2, about.default, 2 * about.default)
    return sorted({about.kind(min(max(value, about.low), about.high)) for value in around})


def _moves(points: list[Point]) -> bool:
    """Whether one of the runs is at work, or is to follow one that was."""
    runs = [run for point in points for run in point.runs]
    return any(run.state().alive or (run.state().name == "ready" and sweep_of(run)) for run in runs)


def _steer(
    base: Config, setting: str, values: tuple[Any, ...], seeds: int, configs: list[Config], points: list[Point]
) -> None:
    """Start, and what can be done with a sweep that stands still."""
    busy = at_work()
    count = len(configs)
    done = {run.config for point in points for run in point.runs if run.state().name != "failed"}.issuperset(configs)
    st.button(
        f"Start {count} runs" if count != 1 else "Start the run", key="training_sweep_start", type="primary",
        icon=":material/play_arrow:", disabled=busy is not None or done, on_click=_start,
        args=(base, setting, values, seeds, st.session_state.setdefault(_TOKEN, secrets.token_hex(8))),
    )  # fmt: skip
    ready = [run for point in points for run in point.runs if run.state().name == "ready"]
    waiting = [run for run in ready if sweep_of(run) and may_steer(run)]
    if waiting:
        if busy is None:
            st.button(
                "Go on",
                key="training_sweep_on",
                icon=":material/resume:",
                on_click=asked,
                args=(begin_next, waiting[0]),
            )
        st.button(
            f"Cancel the {len(waiting)} to come", key="training_sweep_cancel", icon=":material/close:",
            on_click=_cancel, args=(waiting,),
        )  # fmt: skip
    if busy:
        st.markdown(f"“{plain(busy.about.name)}” is at work.")
    elif configs:
        with suppress(LabError):
            st.markdown("All of these runs are there. Take other values, or more seeds." if done else _time(configs))


def _time(configs: list[Config]) -> str:
    """How long it takes, if a run like these was trained here."""
    facts = check(configs[0])
    speed = known_speed(configs[0], facts)
    if not speed:
        return "One after another; each takes its turns."
    seconds = sum(seconds_of_training(config, facts, speed) for config in configs)
    return f"One after another, about {duration(seconds)} in all."


def _start(base: Config, setting: str, values: tuple[Any, ...], seeds: int, token: str) -> None:
    make_room_for_new()
    most = TRAINING_QUEUE.now()
    if asked(start_sweep, base, setting, values, seeds=seeds, owner=visitor(), token=token, most_waiting=most):
        with suppress(OSError):
            remember(own_code(), visitor())
        st.session_state[CODE] = own_code()
        st.session_state.pop(_TOKEN, None)


def _cancel(waiting: list[Run]) -> None:
    for run in waiting:
        asked(run.delete)


def _found(of: Run, setting: str, painted: bool) -> None:
    """The figure, what it says, and the table; when the last run has ended, the whole page follows."""
    points, about = sweep_points(seen_runs(), of.config, setting), SETTINGS[setting]
    if painted and not _moves(points):
        st.rerun()
    tested = [point for point in points if point.scores]
    with main_picture():
        if tested:
            title = f"Accuracy over the {about.name}"
            caption = f"The settings of the run {of.about.name}, but for the {about.name} and the seed."
            show_chart(_figure(tested, about), "training sweep", title, caption)
        else:
            st.info("The figure appears with the first run that is tested.", icon=":material/show_chart:")
    with main_answer():
        st.markdown(_answer(points, about))
    st.dataframe([_row(point, about) for point in points], hide_index=True, height="content")


def _figure(points: list[Point], about: Setting) -> go.Figure:
    values = [point.value for point in points]
    numbers = about.has_range and all(value > 0 for value in values)
    x = [about.shown(value) for value in values] if numbers else list(range(len(values)))
    axis: dict[str, Any] = {"tickvals": x, "ticktext": [about.text(value) for value in values]}
    if numbers and max(x) > 5 * min(x):
        axis["type"] = "log"
    if not numbers:
        axis["range"] = [-0.5, len(values) - 0.5]
    scores = [[100 * score for score in point.scores] for point in points]
    several = max(map(len, scores)) > 1
    line = Line(
        "mean over the seeds" if several else "one seed",
        x,
        [np.mean(each) for each in scores],
        marked=True,
        joined=about.has_range and several,
        spread=([min(each) for each in scores], [max(each) for each in scores]) if several else None,
    )
    return line_figure([line], x_title=about.name, y_title="test accuracy in %", x_axis=axis, height=280)


def _answer(points: list[Point], about: Setting) -> str:
    """Which value is the best, and how far all is."""
    runs = [run for point in points for run in point.runs]
    states = [run.state() for run in runs]
    told = f"{sum(len(point.scores) for point in points)} of {len(runs)} runs are tested"
    for words, count in (
        ("at work", sum(state.alive for state in states)),
        ("to come", sum(state.name == "ready" for state in states)),
        ("failed", sum(state.name == "failed" for state in states)),
    ):
        told += f", {count} {words}" if count else ""
    tested = [(point.accuracy.mean, point) for point in points if point.accuracy]
    if not tested:
        return f"{told}."
    mean, best = max(tested, key=lambda pair: pair[0])
    seeds = f"the mean of {len(best.scores)} seeds" if len(best.scores) > 1 else "one seed"
    return f"Best so far: {about.name} **{about.text(best.value)}**, with {mean:.1%} ({seeds}). {told}."


def _row(point: Point, about: Setting) -> dict[str, Any]:
    found, states = point.accuracy, [run.state().name for run in point.runs]
    row = {
        about.name: about.text(point.value),
        "seeds tested": len(point.scores),
        "mean": "",
        "deviation": "",
        "from, to": "",
    }
    if found:
        row |= {"mean": f"{found.mean:.2%}", "from, to": f"{min(point.scores):.2%}, {max(point.scores):.2%}"}
        row |= {"deviation": f"{found.deviation:.2%}"} if found.deviation is not None else {}
    return row | {"failed": states.count("failed"), "to come": states.count("ready")}


def table(points: list[Point], about: Setting) -> str:
    """Every run as CSV."""
    rows = (
        (about.text(point.value), run.config.seed, run.state().name, (run.finals or {}).get("accuracy", ""), run.id)
        for point in points
        for run in point.runs
    )
    return csv_table([about.name, "seed", "state", "test_accuracy", "run"], rows)
