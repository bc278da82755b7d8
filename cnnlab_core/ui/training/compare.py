"""Several runs in one figure, the settings in which they differ, and their scores over the seeds."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.theme import CATEGORICAL
from cnnlab_core.recipes.training import compare
from cnnlab_core.training import Run
from cnnlab_core.training.comparison import Spread, differences, group_by_settings, loss_in_words
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.curves import Curves, duration, smoothed
from cnnlab_core.training.settings import Kind
from cnnlab_core.ui.address import in_address, refuse
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.show import form, main_picture
from cnnlab_core.ui.take_away import take_away
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.watched import LIVE_SECONDS, watched

MOST = len(CATEGORICAL)
PER_EPOCH: dict[Kind, dict[str, str]] = {
    "pictures": {
        "held-out accuracy": "validation_accuracy",
        "held-out loss": "validation_loss",
        "held-out accuracy under PGD": "robust_accuracy",
    },
    "text": {"held-out bits per character": "validation_loss", "held-out accuracy": "validation_accuracy"},
}
PER_STEP: dict[Kind, dict[str, str]] = {
    "pictures": {"training loss": "loss", "training accuracy": "accuracy", "learning rate": "rate"},
    "text": {"training bits per character": "loss", "training accuracy": "accuracy", "learning rate": "rate"},
}


def show(runs: list[Run], chosen: Run) -> None:
    """Curves, losses, scores and differing settings of several runs: at first, of the chosen one and those like it."""
    kind: Kind = chosen.config.kind
    controls, by_id = AREAS[kind].controls, {run.id: run for run in runs}
    wanted = in_address("runs")
    names = _first(runs, chosen) if wanted is None else [name for name in wanted.split(",") if name in by_id]
    if wanted and len(names[:MOST]) < len(wanted.split(",")):
        spoken = ", ".join(by_id[name].about.name for name in names[:MOST]) or "none"
        refuse("runs", "runs", wanted, spoken, f"at most {MOST}, and only runs that you can see")
    st.session_state["runs_choice"] = names[:MOST]
    place = form()
    names = place.multiselect(
        "Runs",
        list(by_id),
        format_func=lambda name: by_id[name].about.name,
        key="runs_choice",
        max_selections=MOST,
        on_change=_take,
    )
    first, second = place.columns([1.4, 1], gap="large", vertical_alignment="bottom")
    curves = [*PER_EPOCH[kind], *PER_STEP[kind]]
    what = controls.select("what", "What", curves, curves[0], place=first)
    across = controls.one_of("compare_across", "Across", ["epochs", "seconds"], "epochs", place=second)
    shown = [by_id[name] for name in names]
    if not shown:
        st.info("Choose one or more runs.", icon=":material/compare_arrows:")
        return
    alive = any(run.state().alive for run in shown)
    kinds = {loss_in_words(run.config) for run in shown}
    if len(kinds) > 1:
        st.info(
            "These runs minimise different losses, so their training losses can't be compared: each line says what was "
            "added to cross-entropy. What is held out is measured in the same way for all.",
            icon=":material/balance:",
        )
    data = {run.config.data for run in shown}
    if len(data) > 1:
        st.info(
            "These runs learn from different data: being right on one set says nothing about another.",
            icon=":material/balance:",
        )
    if any(run.config.attack != "none" for run in shown):
        st.caption(
            "Of a run that learns from attacked pictures, training loss and accuracy are of those; what is held out is "
            "clean for all runs."
        )
    st.fragment(_overlay, run_every=LIVE_SECONDS if alive else None)(shown, what, across == "seconds")
    ends = [
        (found.train_loss[-1], found.validation_accuracy[-1]) for found in map(_curves, shown) if len(found.epoch_step)
    ]
    if kind == "pictures" and len(kinds) == len(data) == 1 and len(ends) > 1 and np.isfinite(ends).all():
        losses, accuracies = zip(*ends, strict=True)
        same = int(np.argmin(losses)) == int(np.argmax(accuracies))
        told = (
            f"The lowest training loss goes with {accuracies[int(np.argmin(losses))]:.1%} of held-out pictures right; "
        )
        told += f"the most is {max(accuracies):.1%}."
        guess(
            "best",
            "is the run with the lowest training loss the best on new pictures?",
            ("yes", "no"),
            "yes" if same else "no",
            told,
        )
    _finals(shown, kind)
    _differences(shown)
    learned(
        "runs are compared by what is held out, and only a difference larger than that between two seeds says "
        "something."
    )
    take_away(compare.code([run.id for run in shown], kind))


def compare_these(names: Sequence[str]) -> None:
    """Turn the page to these runs side by side, from a callback."""
    st.query_params["runs"] = ",".join(names)
    view = AREAS["pictures"].view
    st.session_state[view], st.session_state[f"{view}_runs"] = "Compare", "Side by side"


def _curves(run: Run) -> Curves:
    return watched(run).curves


def _first(runs: Sequence[Run], chosen: Run) -> list[str]:
    """The chosen run, beside up to three that are nearest to it in their settings.

    The lab's own runs come in only by choice, or beside one another where there is nothing else to see.
    """
    others = [run for run in runs if run.id != chosen.id]
    own = [run for run in others if not run.shipped]
    others = sorted(
        own if own or not chosen.shipped else others, key=lambda run: len(differences([chosen.config, run.config]))
    )
    return [chosen.id, *(run.id for run in others[:3])]


def _take() -> None:
    st.query_params["runs"] = ",".join(st.session_state["runs_choice"])


def _overlay(runs: list[Run], what: str, seconds: bool) -> None:
    lines, end = [], 0.0
    several = len({loss_in_words(run.config) for run in runs}) > 1
    kind: Kind = runs[0].config.kind
    per_epoch, fields = what in PER_EPOCH[kind], PER_EPOCH[kind] | PER_STEP[kind]
    for index, run in enumerate(runs):
        found = watched(run).curves if kind == "pictures" else watched(run).curves.in_bits()
        if not found.done:
            continue
        y = getattr(found, fields[what])
        steps = found.epoch_step if per_epoch else found.step + 1
        if seconds:
            x = np.interp(steps, found.step + 1, found.seconds)
        else:
            total = (run.machine or {}).get("total_steps", found.done)
            x = steps * run.config.epochs / total
        if what.startswith("training"):
            y = smoothed(y, 0.9)
        added = loss_in_words(run.config).partition(", ")[2] if several else ""
        name = f"{run.about.name} ({added})" if added else run.about.name
        lines.append(Line(name, x, y, CATEGORICAL[index % MOST], marked=per_epoch))
        end = max(end, float(x[-1]) if len(x) else 0.0)
    if not any(np.isfinite(np.asarray(line.y, dtype=float)).any() for line in lines):
        none = "held-out" in what and not any(run.config.validation for run in runs)
        data = "text is" if kind == "text" else "pictures are"
        why = f"No {data} held out in these runs, so they have no {what}." if none else ""
        st.info(why or f"None of these runs has a {what} yet.", icon=":material/show_chart:")
        return
    percent = "accuracy" in what
    figure = line_figure(
        lines,
        title=what.capitalize(),
        x_title="seconds of training" if seconds else "epoch",
        end=end,
        percent=percent,
        height=400,
    )
    figure.update_layout(showlegend=True)
    says = "; ".join(f"{run.about.name}: {loss_in_words(run.config)}" for run in runs)
    with main_picture():
        show_chart(figure, "training overlay", what.capitalize(), f"Losses: {says}.")


def _differences(runs: list[Run]) -> None:
    st.markdown("**Settings that differ**")
    found = differences([run.config for run in runs])
    if not found:
        st.markdown("None." if len(runs) > 1 else "Choose another run to compare it with.")
        return
    names = _distinct([run.about.name for run in runs])
    rows = [
        {
            "setting": SETTINGS[setting].name,
            **{n: "–" if v is None else SETTINGS[setting].text(v) for n, v in zip(names, values, strict=True)},
        }
        for setting, values in found.items()
    ]
    st.dataframe(rows, hide_index=True, height="content")


def _finals(runs: list[Run], kind: Kind) -> None:
    data = "text" if kind == "text" else "set"
    st.markdown(f"**On the test {data}** (runs that differ only in their seed are one row)")
    groups = group_by_settings(runs)
    if not groups:
        st.markdown("None of these runs has been tested yet.")
        return
    rows = []
    for group in groups:
        first = group.runs[0]
        took = [final["seconds"] for run in group.runs if (final := run.finals)]
        rows.append(
            {
                "runs": ", ".join(run.about.name for run in group.runs),
                "seeds": group.accuracy.count,
                **({"bits per character": _said(group.bits, ".3f")} if group.bits else {}),
                "test accuracy": _said(group.accuracy),
                "under attack": _said(group.robust_accuracy) if group.robust_accuracy else "",
                "network": SETTINGS["net"].text(first.config.net),
                "loss": loss_in_words(first.config),
                "learned from": SETTINGS["attack"].text(first.config.attack)
                if kind == "pictures"
                else first.config.data,
                "trained for": duration(sum(took) / len(took)),
            }
        )
    if not any(row["under attack"] for row in rows):
        for row in rows:
            del row["under attack"]
    st.dataframe(rows, hide_index=True, height="content")
    if all(group.accuracy.count == 1 for group in groups):
        st.caption("One seed each. Duplicate a run to train it with the next seed: then the spread is shown too.")


def _said(scores: Spread, form: str = ".2%") -> str:
    text = f"{scores.mean:{form}}"
    return f"{text} ± {scores.deviation:{form}}" if scores.deviation is not None else text


def _distinct(names: list[str]) -> list[str]:
    """Names as column titles: a second one of the same gets a number."""
    return [f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name for i, name in enumerate(names)]
