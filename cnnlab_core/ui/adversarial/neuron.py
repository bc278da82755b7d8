"""An attack on a single neuron: the ball of allowed points, FGSM, PGD, and the smallest epsilon, all of it exact."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.exact.ball import NORMS, Ball, length
from cnnlab_core.attacks.exact.neuron import DUAL, Neuron, Step
from cnnlab_core.checks import Array
from cnnlab_core.images.levels import NORM_NAMES
from cnnlab_core.plots.labels import short_number
from cnnlab_core.plots.plane import Backdrop, Move, Region, arrows, pair, path, touching, viewport
from cnnlab_core.ui.adversarial.neuron_files import code, files
from cnnlab_core.ui.adversarial.neuron_formulas import answer_formula, best_formula, gradient_formula, smallest_formula
from cnnlab_core.ui.adversarial.neuron_setting import (
    Setting,
    Story,
    choose_step_sizes,
    choose_walk,
    place_the_attack,
    work_out,
)
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.convolution.pieces import show_formulas
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import reserve
from cnnlab_core.ui.take_away import take_away

CUT = {
    "l2": "With the largest t that stays within epsilon: the coordinates that the box stops stay at its side.",
    "l1": "The coordinate with the largest weight takes as much of epsilon as the box allows, then the next one. PGD's "
    "step moves the largest coordinate alone: where the box stops it, it may never arrive (Croce and Hein, 2021).",
}
"""How the optimum is found where a box cuts the ball."""


def show() -> None:
    """The attack by one step and by many, the best that any could do, and the smallest epsilon."""
    st.caption(
        "An attack on the smallest network there is, one neuron with two inputs: which arrow leaves the frame, and "
        "which one crosses the thick line?"
    )
    reserve("neuron_attacks", "28.8rem")
    with st.container(key="neuron_attacks"):
        one, many = st.columns(2, gap="large")
    with st.container(border=True):
        st.markdown("$f(x) = \\sigma(w \\cdot x + b)$ is the probability of class 1.")
        neuron, ball, y, raw = place_the_attack()
        left, right = st.columns(2, gap="large")
        with left:
            step_sizes = choose_step_sizes()
        with right:
            step_size, steps, seed = choose_walk()
    setting = Setting(neuron, ball, y, step_sizes, step_size, steps, seed, raw)
    story = work_out(setting)
    with one:
        name = "the gradient as it is" if raw else "FGSM" if ball.norm == "linf" else "the fast gradient method"
        st.markdown(f"**One step: {name}**")
    with many:
        st.markdown("**Many steps, projected: PGD**")
    draw_both(setting, story, one, many)
    standing(neuron, ball, y)
    if raw:
        formula = gradient_formula(neuron, ball.centre, y)
        st.markdown(f"Every step is its step size times the gradient, which at x is ${formula}$")
    left, right = st.columns(2, gap="large")
    with left:
        single_table(setting, story)
        st.caption(says(setting))
    with right:
        walk_table(setting, story)
    st.divider()
    best_point(setting, story)
    st.divider()
    smallest_epsilon(setting, story)
    learned("the best attack on a linear neuron is known exactly, and its loss grows with the dual norm of w.")
    take_away(code(setting), *files(setting, story))


def standing(neuron: Neuron, ball: Ball, y: int) -> None:
    """The neuron's answer to x before any attack; and where no attack can get anywhere."""
    right = neuron.margin(ball.centre, y) > 0
    goal = f": class {y}, as its label says. The attack has to bring x across the line." if right else ""
    st.markdown(f"${answer_formula(neuron, ball.centre)}${goal}")
    if not neuron.w.any():
        st.info(
            "w is 0, so the answer is the same everywhere: the gradient is zero, the sign of zero is zero, and no "
            "step of any size leaves its place. There is no line to cross.",
            icon=":material/info:",
        )
    elif not right:
        wrong = (
            "on the line"
            if neuron.score(ball.centre) == 0
            else f"on the side of class {1 - y}: the answer is wrong without any attack"
        )
        st.info(f"x, with label {y}, lies {wrong}.", icon=":material/info:")
    elif not neuron.w.all() and ball.norm == "linf":
        still = "x₁" if neuron.w[0] == 0 else "x₂"
        st.info(
            f"The gradient's part for {still} is zero, and so is its sign: FGSM leaves {still} as it is. A whole side "
            "of the square is as good as its middle.",
            icon=":material/info:",
        )


def draw_both(setting: Setting, story: Story, one: DeltaGenerator, many: DeltaGenerator) -> None:
    """FGSM and PGD over the same piece of the plane."""
    ball = setting.ball
    tips = [step.before for step in (*story.single, *story.walk)]
    view = backdrop(setting.neuron, np.vstack([ball.outline(), ball.centre, *tips, story.walk[0].start]))
    region = Region(ball.outline(), ball.corners())
    moves = [
        move(step, short_number(size, 3), setting) for step, size in zip(story.single, setting.step_sizes, strict=True)
    ]
    show_chart(
        arrows(view, region, ball.centre, story.best, moves),
        "neuron single",
        "Single steps of different sizes",
        f"{setting.about} {says(setting)}",
        alt=in_words(setting, story.single),
        place=one,
    )
    show_chart(
        path(view, region, ball.centre, story.best, [move(step, "", setting) for step in story.walk]),
        "neuron walk",
        "Many steps, projected: PGD",
        f"{setting.about} {says(setting)}",
        alt=in_words(setting, story.walk),
        place=many,
    )


def says(setting: Setting) -> str:
    """What the colours and lines of the plane are."""
    return (
        "Teal ground: class 1, grey: class 0, the thick line between them is w · x + b = 0. Thin lines: "
        "where P(1), the probability of class 1, is 10, 30, 70 and 90 %. The frame is the "
        f"{setting.shape} of allowed points, the star its optimum. An orange, dashed arrow leaves it; the dotted "
        "line is the projection back."
    )


def single_table(setting: Setting, story: Story) -> None:
    """Where each single step lands, and what is left of it."""
    rows = list(zip(setting.step_sizes, story.single, strict=True))
    ends = [_found(setting, step.after) for step in story.single]
    st.table(
        {
            "step size": [short_number(size, 3) for size, _ in rows],
            "lands at": [pair(step.before) for _, step in rows],
            "that is": [_place(setting, step) for _, step in rows],
            "projected": [pair(step.after) if step.place == "outside" else "" for _, step in rows],
            **{name: [found[name] for found in ends] for name in ends[0]},
        },
        hide_index=True,
        border="horizontal",
    )


def walk_table(setting: Setting, story: Story) -> None:
    """PGD's path, step by step."""
    start = story.walk[0].start
    begin = {"step": "start", "leads to": "", "that is": "", "stands at": pair(start)}
    rows = [
        {
            "step": str(step.index),
            "leads to": pair(step.before),
            "that is": _place(setting, step),
            "stands at": pair(step.after),
            **_found(setting, step.after),
        }
        for step in story.walk
    ]
    begin |= _found(setting, start)
    st.dataframe([begin, *rows], hide_index=True, height=min(38 + 35 * (len(rows) + 1), 318))


def best_point(setting: Setting, story: Story) -> None:
    """The optimum, and how near the attacks came."""
    neuron, y = setting.neuron, setting.y
    best = neuron.loss(story.best, y)
    st.header("The best that any attack can do")
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        outcome = "wrong" if neuron.fooled(story.best, y) else "still right"
        st.markdown(
            "The loss rises in the same direction everywhere, so no attack does better than the point of the "
            f"{setting.shape} that is farthest in that direction: **{pair(story.best)}**, where the loss is "
            f"**{short_number(best, 3)}** and the answer {outcome}."
        )
        ends = [
            *((f"a step of {short_number(size, 3)}", step.after)
              for size, step in zip(setting.step_sizes, story.single, strict=True)),
            (f"PGD in {setting.steps} steps", story.walk[-1].after),
        ]  # fmt: skip
        missing = [(name, best - neuron.loss(at, y)) for name, at in ends]
        there = [name for name, loss in missing if loss < 1e-9]
        short = [f"{name} falls {short_number(loss, 3)} short" for name, loss in missing if loss >= 1e-9]
        reached = ["It is reached by " + ", ".join(there)] if there else []
        st.markdown(_sentence([*reached, *short]))
    with right:
        show_formulas(best_formula(setting, story.best))
        if setting.ball.box is not None and setting.ball.norm in CUT:
            st.caption(CUT[setting.ball.norm])


def smallest_epsilon(setting: Setting, story: Story) -> None:
    """How large the ball must be to reach the line, for each norm."""
    neuron, ball = setting.neuron, setting.ball
    st.header("How little is enough?")
    chosen = story.smallest[ball.norm]
    if chosen.eps == 0:
        st.markdown("Nothing has to change: the smallest epsilon is **0**.")
        return
    if chosen.point is None:
        reason = "The answer is the same everywhere" if not neuron.w.any() else "The line doesn't pass through the box"
        st.markdown(f"{reason}, so **no epsilon is enough**.")
        return
    figure_side, words = st.columns([1, 1.1], gap="large", vertical_alignment="center")
    order = [ball.norm, *(norm for norm in NORMS if norm != ball.norm)]
    touches = [np.asarray(story.smallest[norm].point) for norm in order]
    balls = [Ball(ball.centre, story.smallest[norm].eps, norm, ball.box) for norm in order]
    with figure_side:
        regions = [Region(ball.outline(), ball.corners(), NORM_NAMES[ball.norm]) for ball in balls]
        view = backdrop(neuron, np.vstack([region.outline for region in regions]))
        figure = touching(view, regions, touches, ball.centre)
        alt = "; ".join(f"{NORM_NAMES[norm]} {short_number(story.smallest[norm].eps, 3)}" for norm in order)
        about = f"{setting.about} The balls around x that just reach the line: {alt}."
        show_chart(figure, "neuron touching", "The smallest epsilons", about, alt=f"Smallest epsilons: {alt}")
    with words:
        room = ball.eps - chosen.eps
        verdict = (
            f"that is less than the {short_number(ball.eps, 3)} chosen above, so the attack succeeds"
            if room > 0
            else f"the {short_number(ball.eps, 3)} chosen above is too little, and no attack can succeed"
            if room < 0
            else "the epsilon chosen above just reaches the line"
        )
        st.markdown(
            f"The {setting.shape} touches the line at epsilon **{short_number(chosen.eps, 4)}**: {verdict}. "
            "The distance to the line, measured in each norm, is the score divided by the *other* norm of w:"
        )
        show_formulas(*(smallest_formula(neuron, ball.centre, norm) for norm in NORMS))
        if any(_differs(story.smallest[norm].eps, neuron, ball.centre, norm) for norm in NORMS):
            st.markdown(
                "These are without the box. Inside it a coordinate stops at the side and the others go farther: "
                + ", ".join(f"{NORM_NAMES[norm]} **{short_number(story.smallest[norm].eps, 4)}**" for norm in NORMS)
                + "."
            )
        st.caption(
            "This is why networks are so easy to fool with pictures: the L1 norm of w grows with every pixel, so "
            "invisible changes of all pixels add up."
        )


def in_words(setting: Setting, steps: list[Step]) -> str:
    """A figure for those who can't see it."""
    ball = setting.ball
    landings = "; ".join(f"{pair(step.before)} {step.place}, projected to {pair(step.after)}" for step in steps)
    corners = ", ".join(pair(corner) for corner in ball.corners())
    return f"x at {pair(ball.centre)}, epsilon {ball.eps:g} ({setting.shape}), corners {corners}. Steps: {landings}"


def _place(setting: Setting, step: Step) -> str:
    at_a_corner = any(np.allclose(step.before, corner, atol=1e-9) for corner in setting.ball.corners())
    return "at a corner" if at_a_corner else step.place


def _loss(setting: Setting, at: Array) -> str:
    return short_number(setting.neuron.loss(at, setting.y), 3)


def _found(setting: Setting, at: Array) -> dict[str, str]:
    """What the neuron says of a point: its loss, the probabilities of both classes, and whether it is fooled."""
    shares = {f"P({label})": short_number(np.exp(-setting.neuron.loss(at, label)), 3) for label in (0, 1)}
    return {"loss": _loss(setting, at), **shares, "fooled": "yes" if setting.neuron.fooled(at, setting.y) else "no"}


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _differs(eps: float, neuron: Neuron, x: Array, norm: str) -> bool:
    return not np.isclose(eps, abs(float(neuron.score(x))) / length(neuron.w, DUAL[norm]), rtol=1e-9)


# --- figures ----------------------------------------------------------------------------------------------------------


def backdrop(neuron: Neuron, points: Array) -> Backdrop:
    """The plane around some points."""
    across, up = viewport(points)
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    return Backdrop(across, up, neuron.score(grid), neuron.probability(grid))


def move(step: Step, label: str, setting: Setting) -> Move:
    """A step as it is drawn."""
    title = f"step {step.index}: " if step.index else ""
    hover = f"{title}{pair(step.after)}, loss {_loss(setting, step.after)}"
    return Move(step.start, step.before, step.after, step.place != "outside", label, hover)
