"""In the plane: a single neuron, the ball of allowed points, FGSM, PGD, and the smallest epsilon, all of it exact."""

import csv
import io
import json
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.exact.ball import NORMS, Ball, length, steepest
from cnnlab_core.attacks.exact.neuron import DUAL, Crossing, Neuron, Step, fgsm, minimal_epsilon, optimum, pgd
from cnnlab_core.checks import Array
from cnnlab_core.convolution import latex
from cnnlab_core.convolution.typed import read_numbers
from cnnlab_core.errors import InputError
from cnnlab_core.plots.plane import Backdrop, Move, Region, arrows, pair, path, touching, viewport
from cnnlab_core.plots.signed import short_number
from cnnlab_core.recipes.plane import plane_code
from cnnlab_core.ui.convolution.pieces import show_formulas
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import sentences
from cnnlab_core.ui.take_away import File, take_away

SHAPES = {"linf": "square", "l2": "disc", "l1": "diamond"}
CUT = {  # how the optimum is found where a box cuts the ball
    "l2": "With the largest t that stays within epsilon: the coordinates that the box stops stay at its side.",
    "l1": "The coordinate with the largest weight takes of epsilon what the box lets it, then the next one. PGD's step "
    "moves the largest coordinate alone: where the box stops that one, it may never arrive (Croce and Hein, 2021).",
}
MOST_SIZES = 6
MOST_STEPS = 40
FARTHEST = 10.0  # of every coordinate, weight and step


@dataclass(frozen=True, eq=False)
class Setting:
    """All that the controls say."""

    neuron: Neuron
    ball: Ball
    y: int
    step_sizes: list[float]
    step_size: float
    steps: int
    seed: int | None

    @property
    def shape(self) -> str:
        return SHAPES[self.ball.norm]


@dataclass(frozen=True, eq=False)
class Story:
    """What follows from a setting."""

    best: Array
    single: list[Step]
    walk: list[Step]
    smallest: dict[str, Crossing]


def show() -> None:
    """The tab."""
    st.markdown(
        "An attack on the smallest network there is: one neuron with two inputs, $f(x) = \\sigma(w \\cdot x + b)$, the "
        "probability of class 1. Here everything about an attack can be seen, and worked out exactly."
    )
    with sentences():
        neuron, ball, y = place_the_attack()
        standing(neuron, ball, y)
        one, many = st.columns(2, gap="large")
        with one:
            st.header(f"One step: {'FGSM' if ball.norm == 'linf' else 'the fast gradient method'}")
            step_sizes = choose_step_sizes()
        with many:
            st.header("Many steps, projected: PGD")
            step_size, steps, seed = choose_walk()
        setting = Setting(neuron, ball, y, step_sizes, step_size, steps, seed)
        story = tell(setting)
        draw_both(setting, story, one, many)
        st.divider()
        best_point(setting, story)
        st.divider()
        smallest_epsilon(setting, story)
        take_away(code(setting), *files(setting, story))


# --- controls -------------------------------------------------------------------------------------------------


def place_the_attack() -> tuple[Neuron, Ball, int]:
    """The neuron, the point with its label, and what is allowed around it."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        w1, w2, b = (number(name, key, value) for name, key, value in (("w₁", "w1", 1), ("w₂", "w2", 2), ("b", "b", 0)))
        x1, x2 = (number(name, key, value) for name, key, value in (("x₁", "x1", 1), ("x₂", "x2", 0.5)))
        y = segmented(st, "Label", (1, 0), default=1, key="adversarial_plane_label", bind="query-params")
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        norm = segmented(
            st,
            "Norm",
            NORMS,
            default=NORMS[0],
            key="adversarial_plane_norm",
            bind="query-params",
            help="The shape of what is allowed: linf is a square, l2 a disc, l1 a diamond.",
        )
        eps = st.slider("Epsilon", 0.0, 3.0, 0.8, 0.05, key="adversarial_plane_eps", bind="query-params", width=260)
        boxed = st.toggle(
            "Box",
            key="adversarial_plane_boxed",
            bind="query-params",
            help="Pixels can't leave a box, usually from 0 to 1. It cuts off what the attack may do.",
        )
        box = None
        if boxed:
            box = (number("Lowest", "low", 0), number("Highest", "high", 1))
    return Neuron(np.array([w1, w2]), b), Ball(np.array([x1, x2]), eps, norm, box), y


def number(label: str, name: str, value: float) -> float:
    return st.number_input(
        label,
        -FARTHEST,
        FARTHEST,
        float(value),
        0.1,
        key=f"adversarial_plane_{name}",
        bind="query-params",
        width=130,
    )


def choose_step_sizes() -> list[float]:
    """The lengths of the single steps."""
    text = st.text_input(
        "Step sizes",
        "0.5, 0.8, 1.2",
        key="adversarial_plane_sizes",
        bind="query-params",
        max_chars=80,
        help=f"Up to {MOST_SIZES} numbers, commas or spaces between them.",
    )
    sizes = read_numbers(text, "list of step sizes").ravel()
    if sizes.size > MOST_SIZES:
        raise InputError(f"There are {sizes.size} step sizes: write {MOST_SIZES} or fewer.")
    if sizes.max() > FARTHEST or sizes.min() < 0:
        raise InputError(f"A step size is beyond 0 to {FARTHEST:g}: keep them all between these.")
    return list(dict.fromkeys(sizes.tolist()))


def choose_walk() -> tuple[float, int, int | None]:
    """PGD's step size, its number of steps, and the seed of its start; None starts at x."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        size = st.number_input(
            "Step size", 0.01, FARTHEST, 0.3, 0.05, key="adversarial_plane_step", bind="query-params", width=100
        )
        steps = st.number_input(
            "Steps", 1, MOST_STEPS, 7, 1, key="adversarial_plane_steps", bind="query-params", width=90
        )
        random = st.toggle("Random start", True, key="adversarial_plane_random", bind="query-params")
        seed = None
        if random:
            seed = st.number_input("Seed", 0, 9999, 4, 1, key="adversarial_plane_seed", bind="query-params", width=90)
    return size, steps, seed


# --- what follows ---------------------------------------------------------------------------------------------


def tell(setting: Setting) -> Story:
    """Everything that is shown, worked out."""
    neuron, ball, y = setting.neuron, setting.ball, setting.y
    start = None if setting.seed is None else ball.random_point(np.random.default_rng(setting.seed))
    return Story(
        optimum(neuron, ball, y),
        [fgsm(neuron, ball, y, size) for size in setting.step_sizes],
        pgd(neuron, ball, y, step_size=setting.step_size, steps=setting.steps, start=start),
        {norm: minimal_epsilon(neuron, ball.centre, y, norm=norm, box=ball.box) for norm in NORMS},
    )


def standing(neuron: Neuron, ball: Ball, y: int) -> None:
    """What the neuron says of x, before anything is changed; and where no attack can go anywhere."""
    score, probability = float(neuron.score(ball.centre)), float(neuron.probability(ball.centre))
    said = f"class {int(score > 0)}, as its label says" if neuron.margin(ball.centre, y) > 0 else ""
    st.markdown(
        rf"$f(x) = \sigma({_products(neuron, ball.centre)}) = "
        rf"\sigma({latex.number(round(score, 6))}) = {latex.number(round(probability, 4))}$"
        + (f": {said}. The attack has to bring x across the line." if said else "")
    )
    if not neuron.w.any():
        st.info(
            "w is 0, so the answer is the same everywhere: the gradient is zero, the sign of zero is zero, and no "
            "step of any size leaves its place. There is no line to cross.",
            icon=":material/info:",
        )
    elif neuron.margin(ball.centre, y) <= 0:
        wrong = "on the line" if score == 0 else f"on the side of class {1 - y}: the answer is wrong without any attack"
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
    with one:
        moves = [
            move(step, short_number(size, 3), setting)
            for step, size in zip(story.single, setting.step_sizes, strict=True)
        ]
        figure = arrows(view, region, ball.centre, story.best, moves)
        st.plotly_chart(figure, key="plane single", config=camera("fgsm"), alt=in_words(setting, story.single))
        single_table(setting, story)
        st.caption(
            f"Teal ground: class 1, grey: class 0, the thick line between them is $w \\cdot x + b = 0$. Thin lines: "
            f"where P(class 1) is 10, 30, 70 and 90 %. The frame is the {setting.shape} of allowed points, the star "
            "its optimum. An orange, dashed arrow leaves it; the dotted line is the projection back. The camera at a "
            "figure's corner saves it."
        )
    with many:
        figure = path(view, region, ball.centre, story.best, [move(step, "", setting) for step in story.walk])
        st.plotly_chart(figure, key="plane walk", config=camera("pgd"), alt=in_words(setting, story.walk))
        walk_table(setting, story)


def single_table(setting: Setting, story: Story) -> None:
    """Where each single step lands, and what is left of it."""
    rows = list(zip(setting.step_sizes, story.single, strict=True))
    st.table(
        {
            "step size": [short_number(size, 3) for size, _ in rows],
            "lands at": [pair(step.before) for _, step in rows],
            "that is": [_place(setting, step) for _, step in rows],
            "projected": [pair(step.after) if step.place == "outside" else "" for _, step in rows],
            "loss": [_loss(setting, step.after) for _, step in rows],
            "fooled": [_fooled(setting, step.after) for _, step in rows],
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
            "loss": _loss(setting, step.after),
            "fooled": _fooled(setting, step.after),
        }
        for step in story.walk
    ]
    begin |= {"loss": _loss(setting, start), "fooled": _fooled(setting, start)}
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
        told = ["It is reached by " + ", ".join(there)] if there else []
        st.markdown(_sentence([*told, *short]))
    with right:
        show_formulas(best_formula(setting, story.best))
        if setting.ball.box is not None and setting.ball.norm in CUT:
            st.caption(CUT[setting.ball.norm])


def smallest_epsilon(setting: Setting, story: Story) -> None:
    """How large the ball must be to reach the line, for each norm."""
    neuron, ball = setting.neuron, setting.ball
    st.header("How little is enough")
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
        regions = [Region(ball.outline(), ball.corners(), ball.norm) for ball in balls]
        view = backdrop(neuron, np.vstack([region.outline for region in regions]))
        figure = touching(view, regions, touches, ball.centre)
        alt = "; ".join(f"{norm} {short_number(story.smallest[norm].eps, 3)}" for norm in order)
        st.plotly_chart(figure, key="plane touching", config=camera("smallest"), alt=f"Smallest epsilons: {alt}")
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
                "Those are without the box. In it a coordinate stops at its side and the others go farther: "
                + ", ".join(f"{norm} **{short_number(story.smallest[norm].eps, 4)}**" for norm in NORMS)
                + "."
            )
        st.caption(
            "In many dimensions this is why pictures are so easy to fool: the 1-norm of w grows with every pixel, so "
            "an invisible change of each of them adds up."
        )


# --- formulas and words ---------------------------------------------------------------------------------------


def best_formula(setting: Setting, best: Array) -> str:
    """The optimum with its numbers; where a box cuts the ball, how it is found and the result."""
    ball, sign = setting.ball, "-" if setting.y == 1 else "+"
    point = _column(best)
    if not setting.neuron.w.any() or ball.eps == 0:
        return rf"x^* = x = {point}"
    if ball.box is not None:
        return {
            "linf": rf"x^* = \mathrm{{clip}}(x {sign} \varepsilon \, \mathrm{{sign}}(w)) = {point}",
            "l2": rf"x^* = \mathrm{{clip}}(x {sign} t w) = {point}",
            "l1": rf"x^* = x {sign} \textstyle\sum_i \varepsilon_i \, \mathrm{{sign}}(w_i) \, e_i = {point}",
        }[ball.norm]
    way = {
        "linf": r"\mathrm{sign}(w)",
        "l2": r"\frac{w}{\lVert w \rVert_2}",
        "l1": r"\mathrm{sign}(w_i) \, e_i",
    }[ball.norm]
    unit = steepest(setting.neuron.w, ball.norm)
    numbers = rf"{_column(ball.centre)} {sign} {latex.factor(ball.eps)} {_column(unit)}"
    return rf"x^* = x {sign} \varepsilon \, {way} = {numbers} = {point}"


def smallest_formula(neuron: Neuron, x: Array, norm: str) -> str:
    """|w.x + b| / ||w|| with its numbers."""
    names = {"linf": r"\infty", "l2": "2", "l1": "1"}
    a, b = (latex.number(abs(value)) for value in neuron.w)
    squares = rf"\sqrt{{{a}^2 + {b}^2}}"
    worked = {"l1": rf"{a} + {b}", "l2": squares, "linf": rf"\max({a}, {b})"}[DUAL[norm]]
    score = abs(float(neuron.score(x)))
    size = length(neuron.w, DUAL[norm])
    return (
        rf"\varepsilon_{{{names[norm]}}} = \frac{{|w \cdot x + b|}}{{\lVert w \rVert_{{{names[DUAL[norm]]}}}}} = "
        rf"\frac{{{latex.number(round(score, 6))}}}{{{worked}}} = {latex.number(round(score / size, 4))}"
    )


def in_words(setting: Setting, steps: list[Step]) -> str:
    """A figure for those who don't see it."""
    ball = setting.ball
    landings = "; ".join(f"{pair(step.before)} {step.place}, projected to {pair(step.after)}" for step in steps)
    corners = ", ".join(pair(corner) for corner in ball.corners())
    return f"x at {pair(ball.centre)}, epsilon {ball.eps:g} ({setting.shape}), corners {corners}. Steps: {landings}"


def _products(neuron: Neuron, x: Array) -> str:
    terms = " + ".join(rf"{latex.factor(w)} \cdot {latex.factor(v)}" for w, v in zip(neuron.w, x, strict=True))
    return f"{terms} + {latex.factor(neuron.b)}"


def _column(values: Array) -> str:
    return r"\begin{bmatrix} " + r" \\ ".join(latex.number(round(float(v), 4)) for v in values) + r" \end{bmatrix}"


def _place(setting: Setting, step: Step) -> str:
    at_a_corner = any(np.allclose(step.before, corner, atol=1e-9) for corner in setting.ball.corners())
    return "at a corner" if at_a_corner else step.place


def _loss(setting: Setting, at: Array) -> str:
    return short_number(setting.neuron.loss(at, setting.y), 3)


def _fooled(setting: Setting, at: Array) -> str:
    return "yes" if setting.neuron.fooled(at, setting.y) else "no"


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _differs(eps: float, neuron: Neuron, x: Array, norm: str) -> bool:
    return not np.isclose(eps, abs(float(neuron.score(x))) / length(neuron.w, DUAL[norm]), rtol=1e-9)


# --- figures and files ----------------------------------------------------------------------------------------


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


def camera(name: str) -> dict[str, object]:
    """A figure with a single button: save it as SVG, in the browser."""
    return {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": "svg", "filename": f"cnnlab_plane_{name}"},
    }


def code(setting: Setting) -> str:
    """The same in a notebook."""
    neuron, ball = setting.neuron, setting.ball
    return plane_code(
        neuron.w.tolist(), neuron.b, ball.centre.tolist(), setting.y, norm=ball.norm, eps=ball.eps, box=ball.box,
        step_sizes=setting.step_sizes, step_size=setting.step_size, steps=setting.steps, seed=setting.seed,
    )  # fmt: skip


def files(setting: Setting, story: Story) -> tuple[File, File]:
    """The steps as CSV; the setting and what follows from it as JSON."""
    return (
        File("Steps (CSV)", steps_table(setting, story), "cnnlab_plane_steps.csv", "text/csv"),
        File("Everything (JSON)", everything(setting, story), "cnnlab_plane.json", "application/json"),
    )


def steps_table(setting: Setting, story: Story) -> str:
    """One line for each step."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = ("start", "before", "after")
    table.writerow(
        ["attack", "step", "step_size", *(f"{name}_x{i}" for name in names for i in (1, 2)), "place", "loss", "fooled"]
    )
    single = [("single", size, step) for size, step in zip(setting.step_sizes, story.single, strict=True)]
    for attack, size, step in [*single, *(("pgd", setting.step_size, step) for step in story.walk)]:
        points = [float(value) for point in (step.start, step.before, step.after) for value in point]
        loss = setting.neuron.loss(step.after, setting.y)
        table.writerow([attack, step.index, size, *points, step.place, loss, _fooled(setting, step.after)])
    return text.getvalue()


def everything(setting: Setting, story: Story) -> str:
    """The setting, the optimum and the smallest epsilons; null where no epsilon is enough."""
    neuron, ball = setting.neuron, setting.ball
    return json.dumps(
        {
            "w": neuron.w.tolist(),
            "b": neuron.b,
            "x": ball.centre.tolist(),
            "label": setting.y,
            "norm": ball.norm,
            "epsilon": ball.eps,
            "box": ball.box,
            "probability_of_class_1": float(neuron.probability(ball.centre)),
            "gradient": neuron.gradient(ball.centre, setting.y).tolist(),
            "corners": ball.corners().tolist(),
            "optimum": {"x": story.best.tolist(), "loss": neuron.loss(story.best, setting.y)},
            "pgd": {"step_size": setting.step_size, "steps": setting.steps, "seed": setting.seed},
            "smallest_epsilon": {
                norm: None if found.point is None else found.eps for norm, found in story.smallest.items()
            },
        },
        indent=1,
    )
