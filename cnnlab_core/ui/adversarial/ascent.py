"""Why probability ascent hardly moves a photo, and the two changes that make it work, each a click away."""

from dataclasses import replace

import numpy as np
import streamlit as st

from cnnlab_core.attacks.methods import METHODS
from cnnlab_core.attacks.result import AttackResult
from cnnlab_core.images.levels import LEVELS, levels
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.theme import ACCENT, MUTED, ORANGE
from cnnlab_core.ui.adversarial.choice import Choice
from cnnlab_core.ui.adversarial.pictures import show_trio
from cnnlab_core.ui.adversarial.run_attack import run_attack
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.show import later, plain

REMEDIES = {
    "normalised_probability_ascent": (
        "Divide the gradient by its length",
        r"x \leftarrow \mathrm{clip}_{\pm\varepsilon}\!\left(x + \lambda \, \frac{\partial P / \partial x}"
        r"{\lVert \partial P / \partial x \rVert_2}\right)",
    ),
    "log_probability_ascent": (
        "Climb log P instead of P",
        r"x \leftarrow \mathrm{clip}_{[0, 1]}\!\left(x + \lambda \, \frac{\partial \log P / \partial x}"
        r"{\lVert \partial \log P / \partial x \rVert_2}\right)",
    ),
}


def show_gradient(choice: Choice, found: AttackResult) -> None:
    """P, the length of its gradient and that of log P's, over the steps of a probability ascent; then the remedies."""
    history, target = found.history, plain(choice.subject.labels[found.goal.single[1] or 0])
    assert history.p_target is not None
    p, length = history.p_target[:, 0].numpy(), history.gradient_norm[:, 0].double().cpu().numpy()
    known = length > 0  # 0 stands for a step that needed none
    st.header("How large is the gradient?")
    words, figure = st.columns([1, 1.3], gap="large", vertical_alignment="center")
    with words:
        st.markdown(r"$\frac{\partial P}{\partial x} = P \cdot \frac{\partial \log P}{\partial x}$")
        st.markdown(_in_words(choice, found, p, length[known], target))
    lines = {"P(target)": p, "length of ∂P/∂x": np.where(known, length, np.nan)}
    lines["length of ∂log P/∂x"] = lines["length of ∂P/∂x"] / np.maximum(p, np.finfo(float).tiny)
    drawn = [
        Line(name, np.arange(len(y)), y, colour, marked=len(y) < 60)
        for (name, y), colour in zip(lines.items(), (MUTED, ORANGE, ACCENT), strict=True)
    ]
    show_chart(
        line_figure(drawn, title="P and the gradients, log scale", x_title="step", log=True),
        "ascent gradients",
        "Probability ascent: how large is the gradient?",
        choice.about,
        place=figure,
        alt="P of the target, the length of its gradient and of the gradient of its logarithm, over the steps",
    )
    for column, (method, (title, formula)) in zip(st.columns(2, gap="large"), REMEDIES.items(), strict=True):
        with column:
            _remedy(choice, method, title, formula)


def _in_words(choice: Choice, found: AttackResult, p: np.ndarray, length: np.ndarray, target: str) -> str:
    """How long the steps are, beside what epsilon allows, and what comes of it."""
    text = f"Where P is small, so is its gradient. At the start P({target}) is **{_short(p[0])}**"
    if not length.size or choice.plan.step_size is None:
        return f"{text}."
    steps, room = choice.plan.step_size * length, choice.plan.eps * found.x[0].numel() ** 0.5
    text += (
        f", and its gradient is **{_short(length[0])}** long (L2). A step is {choice.plan.step_size:g} times the "
        f"gradient: here from **{_short(steps.min())}** to **{_short(steps.max())}** long, where epsilon has room for "
        f"{_short(room)}. "
    )
    moved = found.exact.linf.item()
    if moved * LEVELS < 0.5:
        text += (
            f"All steps together change no channel by more than **{levels(moved, 2)}**, and rounding to 8 bits takes "
            "that away: this step size is too small for so small a P."
        )
    elif steps.max() > room:
        text += (
            "As soon as P is no longer small, a step is longer than the way from the picture to a corner, and may jump "
            "past the target: there, this step size is too large. No one step size suits both."
        )
    return text


def _short(value: float) -> str:
    return f"{value:.3g}"


def _remedy(choice: Choice, method: str, title: str, formula: str) -> None:
    """The same picture, target, epsilon and number of steps by another attack, at a click."""
    st.subheader(title)
    st.markdown(f"${formula}$")
    given = {name: getattr(choice.plan, name) for name in ("eps", "steps", "early_stop", "keep_best")}
    plan = METHODS[method].plan(**given)
    found = run_attack(replace(choice, plan=plan), place=method).result
    if found is None:
        return
    clean, after, target = found.clean.view(), found.rounded.view(), found.goal.single[1] or 0
    labels = choice.subject.labels
    show_trio([later(place) for place in st.columns(3, gap="small")], clean, after, labels)
    st.markdown(
        f"**{'Fooled' if found.success else 'Not fooled'}.** P({plain(labels[target])}) went from "
        f"{clean.probability(target):.2%} to {after.probability(target):.2%}."
    )
    st.caption(f"Choose “{plan.title}” as the attack above for its steps, files and code.")
