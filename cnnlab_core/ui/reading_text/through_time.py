"""The tab Through time: how much of a gradient is left at the first letter, in an RNN, an LSTM and a GRU."""

import numpy as np
import streamlit as st

from cnnlab_core.from_scratch import CELLS, clip_by_norm, recurrent_difference
from cnnlab_core.from_scratch.through_time import GradientNorms, gradient_norms
from cnnlab_core.plots.labels import short_number
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.theme import CATEGORICAL
from cnnlab_core.recipes.reading_text.through_time import code
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.convolution.pieces import show_badge, show_formulas
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import form, main_picture
from cnnlab_core.ui.take_away import File, take_away

CONTROLS = Controls("reading_time")
FELT = 0.01
"""A first letter is felt if it gets this share of the gradient of the last one."""
GUESSES = {"none": "none of them", "RNN": "the RNN", "LSTM GRU": "LSTM and GRU", "RNN LSTM GRU": "all three"}
SHOWN_FIRST = 6  # steps that are drawn before the guess
NOT_YET = "-"
LIMITS = [0.1, 0.5, 1.0, 5.0, 10.0, 100.0]


def show() -> None:
    """The norms of the gradient over time, a guess, and what clipping makes of them."""
    with form(horizontal=True, gap="medium", vertical_alignment="bottom"):
        value = CONTROLS.slider("singular", "Largest singular value of U", 0.1, 3.0, 0.8, 0.1, width=260)
        steps = CONTROLS.slider("steps", "Letters read", 10, 60, 30, 1, width=200)
        with st.popover("More", icon=":material/tune:", key="text_through_more"):
            keep = CONTROLS.slider("keep", "Bias of the forget and update gates", -3.0, 6.0, 3.0, 0.5, help=KEEP)
            hidden = CONTROLS.slider("hidden", "Hidden units", 1, 32, 16, 1)
            seed = CONTROLS.number("seed", "Seed of the weights", 0, 9999, 0, 1)
    found = {
        kind: gradient_norms(kind, singular_value=value, steps=steps, hidden=hidden, keep=keep, seed=seed)
        for kind in CELLS
    }
    names = {NOT_YET: "no guess", **GUESSES}
    ask = f"Which still feels the first of {steps} letters?"
    guess = CONTROLS.one_of_named("guess", ask, names, NOT_YET, place=form("guess"))
    with main_picture():
        chart(found, whole=guess != NOT_YET)
    answer(found, guess)
    clipping(found)
    show_formulas(
        r"\frac{\partial L}{\partial h^{(t)}} = \Big(\prod_{s=t+1}^{T} U^\top \operatorname{diag}(1 - "
        r"(h^{(s)})^2)\Big) \frac{\partial L}{\partial h^{(T)}}"
    )
    st.caption(WHY)
    show_badge(max(recurrent_difference(norms.read) for norms in found.values()))
    learned(LEARNED)
    arguments = {"singular_value": value, "steps": steps, "hidden": hidden, "keep": keep, "seed": seed}
    take_away(code(arguments), File("Norms as CSV", table(found), "cnnlab_gradient_norms.csv", "text/csv"))


def chart(found: dict[str, GradientNorms], *, whole: bool) -> None:
    """The norm at each step, on a logarithmic axis; before the guess only the last steps."""
    lines = []
    for (kind, norms), colour in zip(found.items(), CATEGORICAL, strict=False):
        steps = np.arange(1, len(norms.norms) + 1)
        shown = norms.norms if whole else np.where(steps > len(steps) - SHOWN_FIRST, norms.norms, np.nan)
        lines.append(Line(kind, steps, shown, colour, marked=True))
    figure = line_figure(
        lines, x_title="step t", y_title="‖dL/dh‖ at step t", log=True, height=330, level=FELT,
        level_name="1 % of the last step's", x_axis={"range": [0.5, len(steps) + 0.5]},
    )  # fmt: skip
    about = "The loss is at the last step, where the gradient has norm 1. " + setting_words(found)
    show_chart(figure, f"through time {whole}", "The gradient, step by step back through time", about)


def setting_words(found: dict[str, GradientNorms]) -> str:
    """The setting, for the figure's caption."""
    read = found["RNN"].read
    value = np.linalg.norm(read.parameters["U"], 2)
    return f"Largest singular value of U {short_number(float(value), 3)}, {read.hidden} units, {len(read.x)} letters."


def answer(found: dict[str, GradientNorms], guess: str) -> None:
    """What is left at the first letter, and whether the guess was right."""
    if guess == NOT_YET:
        st.info("Guess first: the rest of the curves is drawn then.", icon=":material/help:")
        return
    felt = [kind for kind, norms in found.items() if norms.norms[0] >= FELT]
    left = ", ".join(f"{kind} {norms.norms[0]:.3g}" for kind, norms in found.items())
    is_right = guess.split() == (felt or ["none"])
    says = f"{' and '.join(felt) or 'None of them'} {'feels' if len(felt) < 2 else 'feel'} it."
    show, icon = (st.success, "check") if is_right else (st.info, "straighten")
    show(
        f"{'Right' if is_right else 'Not quite'}. {says} The norm left at the first letter: {left}.",
        icon=f":material/{icon}:",
    )


def clipping(found: dict[str, GradientNorms]) -> None:
    """The norm of the gradient of all weights, before and after it is clipped."""
    most = CONTROLS.stops(
        "clip", "Clip the gradient of all weights to a norm of", [0.1, 0.5, 1.0, 5.0, 10.0, 100.0], 5.0
    )
    rows = {"": [], "norm before": [], "norm after": [], "scaled by": []}  # type: dict[str, list[str]]
    for kind, norms in found.items():
        clipped = clip_by_norm(norms.read.back.parameters, most)
        after = clip_by_norm(clipped.gradients, most).norm
        shown = (clipped.norm, after, after / clipped.norm if clipped.norm else 1.0)
        for name, text in zip(rows, (kind, *(short_number(float(value), 4) for value in shown)), strict=True):
            rows[name].append(text)
    st.table(rows, hide_index=True, border="horizontal", width="content")
    st.caption("Clipping shortens a gradient that is too long and keeps its direction. It can't bring back a lost one.")


def table(found: dict[str, GradientNorms]) -> str:
    """The norms as CSV."""
    rows = zip(*(norms.norms.tolist() for norms in found.values()), strict=True)
    return csv_table(("step", *found), ([step, *map(repr, row)] for step, row in enumerate(rows, 1)))


KEEP = (
    "High: the gate begins nearly open, and the state is kept from step to step. At 0 half of it is lost each time. "
    "The plain RNN has no such gate."
)
WHY = (
    "Back through one step of an RNN, the gradient is multiplied by U and by the slope of tanh, which is at most 1. So "
    "with a largest singular value below 1 it must vanish; above 1 it can explode, until tanh saturates. In an LSTM "
    "the memory's gradient is multiplied by the forget gate, in a GRU the state's by the update gate: near 1, it "
    "stays. "
    "(An LSTM's h reaches the next step only through its gates: hence the first drop.) "
    "Here each gate's U is the number above times a random orthogonal matrix."
)
LEARNED = (
    "what a network can't feel it can't learn: a plain RNN forgets the beginning of a long "
    "text because its gradient vanishes there. Gates keep a way open, and clipping tames what explodes."
)
