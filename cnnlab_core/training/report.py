"""A run as a report: one HTML file that needs nothing else, with what a homework asks for.

Figures are drawn by matplotlib's objects, never by pyplot, whose state all sessions of a server would share.
"""

import base64
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnlab_core.images.levels import levels
from cnnlab_core.interpretability.first_layer_filters import as_colours
from cnnlab_core.training.comparison import curves_in_words, loss_in_words
from cnnlab_core.training.config import SETTINGS, Config
from cnnlab_core.training.curves import Curves, curves, smoothed
from cnnlab_core.training.metrics import Record
from cnnlab_core.training.nets import STACKS
from cnnlab_core.training.runs import Run
from cnnlab_core.training.snapshots import filter_steps, read_filters

_ACCENT, _OTHER = "#0f8f7f", "#e08214"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2326}"
    "h1{margin-bottom:0}table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem 1rem .2rem 0;text-align:left;"
    "border-bottom:1px solid #dde3e5;vertical-align:top}img{max-width:100%}.big{font-size:2.2rem;color:#0f8f7f}"
    "figcaption{color:#5a6669}figure{margin:1.5rem 0}@media print{figure{break-inside:avoid}}"
)


def report(run: Run) -> str:
    """The report of a run, finished or not, as an HTML page. Raises ``RunError`` if its settings can't be read."""
    config, machine, finals = run.config, run.machine or {}, run.finals
    metrics = run.metrics()
    found = curves(metrics)
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.about.created))
    parts = [
        f"<h1>{escape(run.about.name)}</h1><p>Made on {made} with cnnlab. {escape(run.state().sentence)}</p>",
        _scores(finals),
        "<h2>Learning</h2>",
        _figure(
            _learning(found if config.kind == "pictures" else found.in_bits(), config, machine),
            f"Loss ({loss_in_words(config)}) and accuracy on training batches (smoothed)"
            + (f" and on held-out {config.kind}. " if config.validation else ". ")
            + " ".join(curves_in_words(config)),
        ),
        *_filters(run),
        *_written(metrics.samples),
        *_tested(finals, machine),
        "<h2>Network and initialisation</h2>",
        _table(_network(config, machine)),
        "<h2>Hyper-parameters</h2>",
        _table(
            (SETTINGS[name].name, SETTINGS[name].text(value))
            for name, value in config.counting().items()
            if name != "stack"
        ),
        "<h2>Machine</h2>",
        _table(
            (name.replace("_", " "), str(machine[name]))
            for name in ("device_name", "threads", "processes", "precision", "precision_why", "torch", "data_sha256")
            if name in machine
        ),
    ]
    title = escape(run.about.name)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _scores(finals: dict[str, Any] | None) -> str:
    if not finals:
        return "<p>Not tested yet.</p>"
    if "bits" in finals:
        return (
            f'<p><span class="big">{finals["bits"]:.3f}</span> bits per character on {finals["test_characters"]:,} '
            f"test characters, {finals['accuracy']:.2%} of which were the likeliest one. Counting single letters "
            f"reaches {finals['single_letter_bits']:.3f} bits, counting pairs {finals['letter_pair_bits']:.3f}. The "
            f"test text was read once, with the weights after step {finals['weights_of_step']}.</p>"
        )
    words = f'<p><span class="big">{finals["accuracy"]:.2%}</span> of {finals["test_pictures"]} test pictures '
    words += "classified correctly"
    if "robust_accuracy" in finals:
        words += f", {finals['robust_accuracy']:.2%} under attack ({escape(finals['robust_attack'])}, epsilon "
        words += f"{levels(finals['robust_epsilon'])})"
    if "views_accuracy" in finals:
        words += f", {finals['views_accuracy']:.2%} by the mean over several views of each"
    return f"{words}. The test set was read once, with the weights after step {finals['weights_of_step']}.</p>"


def _network(config: Config, machine: dict[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = [("network", config.net)]
    if config.kind == "pictures":
        rows += [("layers", config.stack or STACKS.get(config.net) or SETTINGS["net"].options[config.net].about)]
        rows += [("initialisation", f"{config.init}: {SETTINGS['init'].options[config.init].about} Biases: 0.")]
    else:
        rows += [
            ("layers", f"embedding {config.embedding}, {config.layers} × {config.hidden} hidden units, dense layer")
        ]
        rows += [("initialisation", "the embedding normal, all else uniform in ±1 / √hidden, biases too")]
    parts = [f"{part}_{what}" for what in ("pictures", "characters") for part in ("training", "validation")]
    for name in ("parameters", *parts, "total_steps"):
        if name in machine:
            rows.append((name.replace("_", " "), f"{machine[name]:,}"))
    if "characters" in machine:
        rows.append(("alphabet", " ".join(ascii(one)[1:-1] if one.isspace() else one for one in machine["characters"])))
    if "classes" in machine:
        rows.append(("classes", ", ".join(machine["classes"])))
        rows.append(("picture size", f"{machine['side']} × {machine['side']}"))
        rows += [(f"pixel {what}", ", ".join(f"{value:.4f}" for value in machine[what])) for what in ("mean", "std")]
    return rows


# --- figures --------------------------------------------------------------------------------------------------


def _learning(found: Curves, config: Config, machine: Mapping[str, Any]) -> Figure:
    pictures = config.kind == "pictures"
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    loss, accuracy, rate, robust = figure.subplots(2, 2).ravel()
    for axes, steps, train, held, title in (
        (
            loss,
            found.loss,
            found.train_loss,
            found.validation_loss,
            "Loss (nats)" if pictures else "Bits per character",
        ),
        (accuracy, found.accuracy, found.train_accuracy, found.validation_accuracy, "Accuracy"),
    ):
        axes.plot(found.step, steps, color=_ACCENT, alpha=0.2, linewidth=0.8)
        axes.plot(found.step, smoothed(steps, 0.95), color=_ACCENT, label="training, by step")
        axes.plot(found.epoch_step, train, "o--", color=_ACCENT, markersize=4, label="training, by epoch")
        if config.validation:
            axes.plot(found.epoch_step, held, "o-", color=_OTHER, markersize=4, label="held out, by epoch")
        _finish(axes, title)
    for name, style in (("single_letter_bits", ":"), ("letter_pair_bits", "--")):
        if name in machine:
            loss.axhline(
                machine[name], color="#5a6669", linestyle=style, label=name[:-5].replace("_", " ") + "s, counted"
            )
            loss.legend(frameon=False, fontsize=8)
    rate.plot(found.step, found.rate, color=_ACCENT)
    _finish(rate, "Learning rate")
    if config.attack == "none" or not config.validation:
        robust.plot(found.step, found.speed, color=_ACCENT)
        _finish(robust, f"{'Pictures' if pictures else 'Characters'} per second")
    else:
        robust.plot(found.epoch_step, found.robust_accuracy, "o-", color=_OTHER)
        _finish(robust, "Accuracy under PGD, held out")
    return figure


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("step")
    axes.spines[["top", "right"]].set_visible(False)
    if len(axes.get_legend_handles_labels()[0]) > 1:
        axes.legend(frameon=False, fontsize=8)


def _filters(run: Run) -> Iterable[str]:
    steps = filter_steps(run)
    if not steps:
        return
    yield "<h2>First-layer filters</h2>"
    chosen = (steps[0], steps[-1]) if len(steps) > 1 else (steps[-1],)
    figure = Figure(figsize=(10, 1.5 + 2.6 * len(chosen)), layout="constrained")
    for axes, step in zip(np.atleast_1d(figure.subplots(len(chosen), 1)), chosen, strict=True):
        axes.imshow(_array_of(as_colours(np.nan_to_num(read_filters(run, step)), "each filter")))
        axes.set_title(f"after {step} steps", loc="left", fontsize=11)
        axes.set_axis_off()
    yield _figure(figure, "Each filter as red, green and blue on its own scale; mid grey is a weight of 0.")


def _array_of(colours: np.ndarray, across: int = 16) -> np.ndarray:
    count, height, width, _ = colours.shape
    rows = -(-count // across)
    canvas = np.ones((rows * (height + 1) - 1, across * (width + 1) - 1, 3))
    for index, tile in enumerate(colours):
        top, left = index // across * (height + 1), index % across * (width + 1)
        canvas[top : top + height, left : left + width] = tile
    return canvas


def _written(samples: Sequence[Record]) -> Iterable[str]:
    """The first, some, and the last samples of a run on text."""
    if samples:
        yield "<h2>What it wrote</h2>"
        chosen = np.unique(np.geomspace(1, len(samples), 6).round().astype(int)) - 1
        yield _table(
            (f"after {samples[i]['step']:,} steps", " ↵ ".join(samples[i]["text"].split("\n"))) for i in chosen
        )


def _tested(finals: dict[str, Any] | None, machine: dict[str, Any]) -> Iterable[str]:
    if not finals or "confusion" not in finals:
        return
    labels = machine.get("classes") or [str(index) for index in range(len(finals["per_class"]))]
    yield "<h2>Test</h2>"
    if len(labels) <= 40:
        yield _figure(
            _confusion(np.array(finals["confusion"]), labels),
            "Confusion matrix. Rows: the true class. Columns: the predicted class.",
        )
    yield _table(
        [
            ("class", "accuracy"),
            *((label, f"{share:.1%}") for label, share in zip(labels, finals["per_class"], strict=True)),
        ]
    )


def _confusion(counts: np.ndarray, labels: Sequence[str]) -> Figure:
    side = 3 + 0.38 * len(labels)
    figure = Figure(figsize=(side, side - 1), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts / np.maximum(counts.sum(1, keepdims=True), 1), cmap="GnBu", vmin=0, vmax=1)
    names = [label.replace("$", r"\$")[:24] for label in labels]
    axes.set_xticks(range(len(labels)), names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(labels)), names, fontsize=8)
    for (row, col), count in np.ndenumerate(counts):
        if count and len(labels) <= 20:
            axes.text(col, row, str(count), ha="center", va="center", fontsize=7)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    return figure


# --- HTML -----------------------------------------------------------------------------------------------------


def _figure(figure: Figure, caption: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    content = base64.b64encode(buffer.getvalue()).decode()
    words = escape(caption)
    return f'<figure><img alt="{words}" src="data:image/png;base64,{content}"><figcaption>{words}</figcaption></figure>'


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = (f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{''.join(lines)}</table>"
