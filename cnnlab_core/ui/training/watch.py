"""One run, while it is trained and afterwards: a film of its inside and its answers, then its curves; of text, what it
writes."""

from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.theme import ACCENT, CATEGORICAL, MUTED
from cnnlab_core.recipes.training import watch
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.training import Run
from cnnlab_core.training.comparison import curves_in_words
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.curves import Array, Curves, smoothed
from cnnlab_core.training.report import report
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.show import folded, main_answer, main_picture, plain, reserve
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.training import branches
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.film import show_film
from cnnlab_core.ui.training.watched import LIVE_SECONDS, Watched, watched

LEARNED = (
    "nobody designs the filters. Each step moves every weight a little to where the "
    "loss falls, and edges and colours form because they help."
)
WHITENED = (
    "the first filters are worked out from the pictures and stay, so that what they hand on is alike in all "
    "directions. Each step moves all other weights a little to where the loss falls."
)
WORTH = "What a network is worth is said by {}: pictures that it hasn't learned from."
HELD = CATEGORICAL[1]
ROBUST = CATEGORICAL[2]
LATEST = "latest"
"""The last sample there is, while more are written too."""
COUNTED = (("letters", "single_letter_bits", "dot"), ("pairs", "letter_pair_bits", "dash"))
"""What counting alone reaches, and how its line looks."""


def show(run: Run) -> None:
    """The film or the samples, the curves, the settings, and the report."""
    controls, is_text = AREAS[run.config.kind].controls, run.config.kind == "text"
    live = LIVE_SECONDS if run.state().alive else None
    if not is_text:
        st.fragment(_film, run_every=live)(run)
        branches.show(run)
        curves = watched(run).curves
        if len(curves.epoch_step) and np.isfinite(
            gap := 100 * (curves.train_accuracy - curves.validation_accuracy)[-1]
        ):
            guess_number(
                "gap", "how many points above the held-out accuracy does that in training end?", gap, (2, 10), "",
                f"{gap:.1f} points. What is known only of the pictures learned from is no use for new ones.",
            )  # fmt: skip
        worth = WORTH.format("the held-out line" if run.config.validation else "the test")
        learned(f"{WHITENED if run.config.whiten else LEARNED} {worth}")
        st.header("The curves")
    figures_place = st.container()
    place: Any = st.popover("More", icon=":material/tune:", key="training_watch_more")
    by = controls.one_of("across", "Across", ["steps", "epochs"], "steps", place=place)
    weight = controls.slider(
        "smoothing",
        "Smoothing",
        0.0,
        0.99,
        0.9,
        0.01,
        place=place,
        help="How much of the running mean each step keeps. The steps themselves stay visible behind it.",
    )
    log = controls.toggle("log", "Loss on a log scale", place=place)
    figures = _text_figures if is_text else _figures
    with figures_place:
        st.fragment(figures, run_every=live)(run, by == "epochs", weight, log)
    with folded("Settings of this run", ":material/tune:"):
        counting = run.config.counting().items()
        table = [{"setting": SETTINGS[name].name, "value": SETTINGS[name].text(value)} for name, value in counting]
        st.dataframe(table, hide_index=True, height="content")
    take_away(
        watch.code(run.id, run.config.kind),
        File("Report (HTML)", lambda: report(run), f"cnnlab_{run.id}.html", "text/html"),
        File("Every step (CSV)", lambda: step_table(watched(run).curves), f"cnnlab_{run.id}_steps.csv", "text/csv"),
        File("Every epoch (CSV)", lambda: epoch_table(watched(run).curves), f"cnnlab_{run.id}_epochs.csv", "text/csv"),
        File("Settings (JSON)", run.config.to_json(), f"cnnlab_{run.id}_config.json", "application/json"),
        *([File("What it wrote (text)", lambda: _written(run), f"cnnlab_{run.id}.txt", "text/plain")] * is_text),
    )


def _film(run: Run) -> None:
    """The film, and the answer to what it all comes to."""
    with main_picture():
        if show_film(run):
            reserve("main_picture", "22.6rem")
        else:
            st.info("The film begins with the first step.", icon=":material/movie:")
    with main_answer():
        st.markdown(_answer(run))


def _answer(run: Run) -> str:
    """How good the network is, in a sentence, beside guessing."""
    finals, machine, found = run.finals, run.machine, watched(run).curves
    if not machine or not found.done:
        return "Nothing has been learned yet."
    guessing = f"Guessing would get {1 / len(machine['classes']):.0%}."
    if finals:
        right = f"**{finals['accuracy']:.1%}** of {finals['test_pictures']:,} test pictures"
        under = f", and {finals['robust_accuracy']:.1%} under attack" if "robust_accuracy" in finals else ""
        if "views_accuracy" in finals:
            under += f", and {finals['views_accuracy']:.1%} by the mean over several views of each"
        used, steps = finals.get("weights_of_step", found.done), f"After {found.done:,} steps"
        if used != found.done:
            steps = f"With the weights of step {used:,}, the best on held-out pictures,"
        return f"{steps} the network classifies {right} correctly{under}. {guessing}{_collapse(run)}"
    if len(found.epoch_step) and run.config.validation:
        held = f"**{found.validation_accuracy[-1]:.1%}** of the held-out pictures"
        return f"So far it classifies {held} correctly. {guessing}"
    return f"It has done {found.done:,} of {machine['total_steps']:,} steps. {guessing}"


def _collapse(run: Run) -> str:
    """In which epoch its robustness collapsed, as a further sentence; empty if it didn't."""
    found = watched(run)
    for notice in found.notices:
        if notice.get("about") == "catastrophic overfitting":
            robust, epoch = found.curves.robust_accuracy, notice["epoch"]
            fell = f"from {robust[:epoch].max():.0%} to {robust[epoch]:.0%}"
            return f" In epoch {epoch + 1} its robustness collapsed: held-out accuracy under PGD fell {fell}."
    return ""


def _figures(run: Run, epochs: bool, weight: float, log: bool) -> None:
    found = watched(run)
    done = found.curves.done
    if not done:
        st.info("The curves appear with the first steps.", icon=":material/show_chart:")
        return
    total = (run.machine or {}).get("total_steps", done)
    for row in _drawn(found, total, run.config.epochs if epochs else 0, weight, log):
        for place, figure in zip(st.columns(2, gap="large"), row, strict=True):
            title = figure.layout.title.text
            show_chart(figure, f"training {title}", title, f"Run: {run.about.name}.", place=place)
    _to_know(run, found)


def _to_know(run: Run, found: Watched) -> None:
    for sentence in curves_in_words(run.config):
        st.caption(sentence)
    for notice in found.notices:
        st.warning(plain(str(notice.get("sentence", ""))), icon=":material/warning:")


def _text_figures(run: Run, epochs: bool, weight: float, log: bool) -> None:
    found, machine = watched(run), run.machine or {}
    done = found.curves.done
    if not done:
        st.info("The curve appears with the first steps.", icon=":material/show_chart:")
        return
    total = machine.get("total_steps", done)
    counted = tuple((name, float(machine[key]), dash) for name, key, dash in COUNTED if key in machine)
    bits, *small = _drawn_text(found, total, run.config.epochs if epochs else 0, weight, log, counted)
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        show_chart(bits, "training bits", "Bits per character", f"Run: {run.about.name}.", place=main_picture())
    with right:
        _samples(found)
    for place, figure in zip(st.columns(2, gap="large"), small, strict=True):
        title = figure.layout.title.text
        show_chart(figure, f"training {title}", title, f"Run: {run.about.name}.", place=place)
    _to_know(run, found)


def _samples(found: Watched) -> None:
    """What the network wrote after so many steps, to go back and forth in."""
    if not found.samples:
        st.caption("What it writes appears with the first steps.")
        return
    by_step = {str(sample["step"]): sample for sample in found.samples}
    steps = [*by_step, LATEST]
    chosen = AREAS["text"].controls.stops("sample", "What it writes after step", steps, LATEST)
    sample = by_step.get(chosen, found.samples[-1])
    st.code(sample["text"].strip("\n") or " ", language="text", wrap_lines=True)
    st.caption(f"After {sample['step']:,} steps, at temperature {sample['temperature']:g}, always with the same seed.")


def _written(run: Run) -> str:
    """All that a run wrote, as text."""
    return "\n".join(f"--- after {one['step']} steps ---\n{one['text']}" for one in watched(run).samples)


@lru_cache(maxsize=16)
def _drawn_text(
    found: Watched, total: int, epochs: int, weight: float, log: bool, counted: tuple[tuple[str, float, str], ...]
) -> tuple[go.Figure, ...]:
    """Bits per character beside what counting alone reaches; learning rate; speed."""
    lines = found.curves.in_bits()
    scale = epochs / total if epochs else 1.0
    step, epoch_step, end = (lines.step + 1) * scale, lines.epoch_step * scale, total * scale
    x: dict[str, Any] = {"x_title": "epoch" if epochs else "step", "end": end}
    bits = [
        *_by_step("training", step, lines.loss, weight),
        *_held("held out", epoch_step, lines.validation_loss, HELD),
        *(Line(f"counting {name}", [0, end], [value, value], MUTED, dash=dash) for name, value, dash in counted),
    ]
    return (
        line_figure(bits, title="Bits per character", log=log, height=330, **x),
        line_figure([Line("rate", step, lines.rate)], title="Learning rate", height=200, **x),
        line_figure([Line("speed", step, lines.speed)], title="Characters per second", height=200, **x),
    )


@lru_cache(maxsize=16)
def _drawn(found: Watched, total: int, epochs: int, weight: float, log: bool) -> tuple[tuple[go.Figure, ...], ...]:
    """The figures in rows, across ``epochs`` (0: across steps); drawn once for all who watch the same run."""
    lines = found.curves
    scale = epochs / total if epochs else 1.0
    step, epoch_step = (lines.step + 1) * scale, lines.epoch_step * scale
    x: dict[str, Any] = {"x_title": "epoch" if epochs else "step", "end": total * scale}
    loss = [
        *_by_step("training", step, lines.loss, weight),
        Line("training, whole epoch", epoch_step, lines.train_loss, MUTED, marked=True, dash="dot"),
        *_held("held out", epoch_step, lines.validation_loss, HELD),
    ]
    accuracy = [
        *_by_step("training", step, lines.accuracy, weight),
        Line("training, whole epoch", epoch_step, lines.train_accuracy, MUTED, marked=True, dash="dot"),
        *_held("held out", epoch_step, lines.validation_accuracy, HELD),
        *_held("held out, under PGD", epoch_step, lines.robust_accuracy, ROBUST),
    ]
    return (
        (
            line_figure(loss, title="Loss", y_name="loss (nats)", log=log, height=340, **x),
            line_figure(accuracy, title="Accuracy", percent=True, height=340, **x),
        ),
        (
            line_figure([Line("rate", step, lines.rate)], title="Learning rate", height=200, **x),
            line_figure([Line("speed", step, lines.speed)], title="Pictures per second", height=200, **x),
        ),
    )


def _held(name: str, x: Array, y: Array, colour: str) -> list[Line]:
    """A line by epoch, if anything was measured."""
    return [Line(name, x, y, colour, marked=True)] if np.isfinite(y).any() else []


def _by_step(name: str, x: Array, y: Array, weight: float) -> list[Line]:
    """The steps, faint, behind their running mean."""
    mean = Line(f"{name}, smoothed" if weight else name, x, smoothed(y, weight), ACCENT)
    return [Line(name, x, y, ACCENT, faint=True), mean] if weight else [mean]


def step_table(found: Curves) -> str:
    """Every step as CSV."""
    return _table({name: getattr(found, name) for name in ("step", "loss", "accuracy", "rate", "speed", "seconds")})


def epoch_table(found: Curves) -> str:
    """Every epoch as CSV; ``step`` is the step after which it was checked."""
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "robust_accuracy")
    return _table({"step": found.epoch_step, **{name: getattr(found, name) for name in names}})


def _table(columns: dict[str, Array]) -> str:
    rows = zip(*columns.values(), strict=True)
    return csv_table(list(columns), ([f"{value:.9g}" for value in row] for row in rows))
