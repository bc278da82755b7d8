"""How long and how many the steps should be: an attack over step size and steps, as a map that fills in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.methods import METHODS, Plan, StepUnit
from cnnlab_core.attacks.step_map import Cell, step_map_steps
from cnnlab_core.attacks.studies.step_size import map_table
from cnnlab_core.errors import InputError
from cnnlab_core.images import png
from cnnlab_core.images.levels import distance
from cnnlab_core.plots.labels import short_number
from cnnlab_core.plots.step_size import step_map
from cnnlab_core.recipes.adversarial import step_size as recipe
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.address import in_address, refuse
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.pictures import looked_at, show_trio, top_class
from cnnlab_core.ui.adversarial.settings import in_words
from cnnlab_core.ui.chart import pressed_point, show_chart
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.runner import Outcome, mark
from cnnlab_core.ui.show import ink, later, main_answer, main_picture, plain
from cnnlab_core.ui.subject import run_study
from cnnlab_core.ui.take_away import File, take_away

SIZES: dict[StepUnit, tuple[float, ...]] = {
    "norm": (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0),
    "l2": (0.05, 0.1, 0.25, 0.5, 1.0, 2.0),
    "gradient": (1.0, 10.0, 100.0, 1e3, 1e4, 1e5),
}
"""The step sizes by their unit; lengths in the threat's norm are parts of epsilon."""

WORDS: dict[StepUnit, str] = {
    "norm": (
        "Within ε = {eps}, look for three regions. **At the bottom left** the steps are too short, or too few, to get "
        "anywhere near ε. **At the top** each step is as long as the ball is wide, so the attack bounces from wall to "
        "wall: more steps help little, or undo what was won. **Between them** it arrives and settles. Madry's choice, "
        "2.5 ε / steps, is {madry} for {most} steps."
    ),
    "l2": (
        "There is no ball to stay in, so every step adds to the change. **At the bottom left** the steps are too "
        "short, or too few, to reach the goal. **Further up** it is reached in a few steps, but each one may overshoot."
    ),
    "gradient": (
        "A step is the gradient of P(target) times the step size, and that gradient nearly vanishes where P is small. "
        "**At the bottom** nothing happens, however many steps there are. **At the top** the attack gets under way, "
        "and the ball of ε = {eps} cuts what is too long."
    ),
}
LOOKS = {6: (1, 2, 3, 4, 6), 12: (1, 2, 4, 6, 8, 10, 12), 24: (1, 2, 4, 8, 12, 16, 20, 24)}
"""The numbers of steps after which the attack is looked at, by the longest attack."""


@dataclass(frozen=True)
class _Map:
    """The attack and the axes of the map."""

    plan: Plan
    sizes: tuple[float, ...]
    steps: tuple[int, ...]

    @property
    def unit(self) -> StepUnit:
        """What a step size is."""
        return self.plan.entry.step_unit or "norm"

    @property
    def size_names(self) -> list[str]:
        return [self.named(size) for size in self.sizes]

    def named(self, length: float) -> str:
        """A step size, or several steps together, as people read it."""
        return distance(length, self.plan.step_norm)

    @property
    def step_names(self) -> list[str]:
        return [str(count) for count in self.steps]


def show(choice: Choice) -> None:
    """The map, and the attack in the cell that is looked at."""
    status = looked_at("Where does it fail because the steps are too short, and where because they are too long?")
    plan = _mapped(choice.plan)
    if plan.eps == 0:
        raise InputError("With epsilon 0 no step leads anywhere. Choose a larger epsilon above.")
    with st.container(key="step_map_result"):
        left, right = st.columns([1.25, 1], gap="large")
        with left, main_picture():
            title, place = later(), later()
        cell_place = right.container()
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        names = {f"up to {most}": most for most in LOOKS}
        longest = names[CONTROLS.one_of("longest", "Steps", list(names), "up to 6")]
        sliders = st.container()
    unit = plan.eps if plan.entry.step_unit == "norm" else 1.0
    sizes = tuple(size * unit for size in SIZES[plan.entry.step_unit or "norm"])
    axes = _Map(replace(plan, steps=longest), sizes, LOOKS[longest])
    outcome = _run(choice, axes, longest, status, place)
    mark(outcome, "step_map_result")
    if outcome.result is None:
        title.markdown(f"**{_objective(choice, plan)}**: the map will be here.")
        return
    cells = outcome.result
    choice, axes = outcome.asked
    name = _objective(choice, axes.plan)
    row, column = _looked_at(axes, cells)
    title.markdown(f"**{name}** of the 8-bit picture: higher is nearer to the goal, ✓ is fooled")
    show_chart(
        _drawn(axes, cells, (row, column)),
        CONTROLS.key("map"),
        name,
        f"{choice.about} Of the 8-bit picture: higher is nearer to the goal, ✓ is fooled.",
        place=place,
        on_press=lambda: _pressed(axes),
        alt="The objective and success over step size and steps",
    )
    cell = cells[row * len(axes.steps) + column]
    with cell_place:
        places = [later(column) for column in st.columns(3, gap="small")]
        show_trio(places, choice.clean, cell.view(), choice.subject.labels, axes.plan)
        with main_answer():
            st.markdown(_verdict(choice, axes, cell))
    with sliders:
        _sliders(axes, row, column)
    st.markdown(_words(axes))
    losses = np.array([cell.loss for cell in cells]).reshape(len(axes.sizes), -1)
    fell = 100 * float((np.diff(losses, axis=1) < 0).mean())
    guess_number(
        "step_size", "from a cell to the one on its right, how often does the objective fall?", fell, (10, 30), " %",
        f"{fell:.0f} %. More steps of the same size don't always lead further: they may jump over what was reached.",
    )  # fmt: skip
    learned("the step size has to fit the ball and the number of steps; neither longer nor more is always better.")
    _away(choice, axes, cells, cell)


def _mapped(plan: Plan) -> Plan:
    """The attack chosen above without what the map sets itself; the usual one for an attack without steps to choose."""
    if not plan.entry.takes("step_size", "steps"):
        able = [method.title for method in METHODS.values() if method.takes("step_size", "steps")]
        usual = Plan(norm=plan.norm, eps=plan.eps, loss=plan.loss)
        st.caption(
            f"{plan.title} has no step size to choose, so {usual.title} stands in. Attacks with one: {', '.join(able)}."
        )
        plan = usual
    if not plan.entry.takes("eps"):
        plan = replace(plan, eps=Plan.eps)
    return replace(
        plan, step_size=None, random_start=False, restarts=1, early_stop=False, keep_best=False, seed=Plan.seed
    )


def _run(
    choice: Choice, axes: _Map, longest: int, status: DeltaGenerator, place: DeltaGenerator
) -> Outcome[tuple[Cell, ...]]:
    """The cells, drawn in their ``place`` while they come in."""
    painted: set[int] = set()

    def paint(steps: list[Progress[tuple[Cell, ...]]]) -> None:
        cells = steps[-1].latest or ()
        if len(cells) not in painted:
            painted.add(len(cells))
            show_chart(_drawn(axes, cells), CONTROLS.key("map"), "The map so far", place=place, live=True)

    follows = longest == min(LOOKS) and choice.is_first_look
    return run_study(
        "step map",
        choice.subject,
        (choice.target, axes),
        lambda model, x: step_map_steps(
            model, x, method=axes.plan, step_sizes=axes.sizes, steps=axes.steps, target=choice.target
        ),
        label=f"{axes.plan.title} for each step size",
        start="" if follows else f"Run {axes.plan.title} for {len(axes.sizes)} step sizes, {longest} steps each",
        paint=paint,
        for_everybody=follows,
        asked=(choice, axes),
        at=status,
    )


def _objective(choice: Choice, plan: Plan) -> str:
    """What the map shows of the logits, in words."""
    if choice.target is None:
        sign, name = "−", plain(choice.answer.best[0].label)
    else:
        sign, name = "", plain(choice.subject.labels[choice.target])
    other = {"margin": f"lead of {name}", "probability": f"P({name})", "dlr": f"logits ratio of {name}"}
    return sign + other.get(plan.loss, f"log P({name})")


def _drawn(axes: _Map, cells: Sequence[Cell], chosen: tuple[int, int] | None = None) -> go.Figure:
    objective = np.full(len(axes.sizes) * len(axes.steps), np.nan)
    success = np.zeros(len(objective), bool)
    for index, cell in enumerate(cells):
        objective[index], success[index] = cell.loss, cell.success == 1
    shape = len(axes.sizes), len(axes.steps)
    return step_map(
        objective.reshape(shape),
        success.reshape(shape),
        sizes=axes.size_names,
        steps=axes.step_names,
        ink=ink(),
        chosen=chosen,
    )


def _words(axes: _Map) -> str:
    """What to look for, and the attack's settings."""
    plan, most = axes.plan, axes.steps[-1]
    eps, madry = distance(plan.eps, plan.norm), distance(2.5 * plan.eps / most, plan.norm)
    settings = in_words(plan, without=("step_size", "steps"))
    return f"{WORDS[axes.unit].format(eps=eps, madry=madry, most=most)}  \nAttack: {settings}."


# --- the cell that is looked at: in the address, so that the map, the sliders and a link all move the same one --------


def _looked_at(axes: _Map, cells: Sequence[Cell]) -> tuple[int, int]:
    """Row and column in the address; without, the cheapest cell that fools, or the one that comes nearest."""
    count = len(axes.steps)
    start = max(range(len(cells)), key=lambda i: (cells[i].success, -cells[i].steps * cells[i].success, cells[i].loss))
    found = []
    for name, most, usual in (("row", len(axes.sizes), start // count), ("column", count, start % count)):
        key = f"adversarial_map_{name}"
        text = in_address(key, "")
        found.append(int(text) if text.isdecimal() and len(text) < 4 and int(text) < most else usual)
        if text and text != str(found[-1]):
            refuse(key, f"the map's {name}", text, str(found[-1]), f"0 to {most - 1}")
    return found[0], found[1]


def _look_at(row: int, column: int) -> None:
    st.query_params["adversarial_map_row"] = str(row)
    st.query_params["adversarial_map_column"] = str(column)


def _pressed(axes: _Map) -> None:
    column, row = map(round, pressed_point(CONTROLS.key("map")) or (-1, -1))
    if 0 <= row < len(axes.sizes) and 0 <= column < len(axes.steps):
        _look_at(row, column)


def _sliders(axes: _Map, row: int, column: int) -> None:
    """The same choice by keyboard."""
    sizes, steps = axes.size_names, axes.step_names
    st.session_state["adversarial_map_size"], st.session_state["adversarial_map_steps"] = sizes[row], steps[column]

    def slid() -> None:
        _look_at(
            sizes.index(st.session_state["adversarial_map_size"]),
            steps.index(st.session_state["adversarial_map_steps"]),
        )

    first, second = st.columns(2, gap="medium")
    first.select_slider("Step size", sizes, key="adversarial_map_size", on_change=slid)
    second.select_slider("Number of steps", steps, key="adversarial_map_steps", on_change=slid)


def _verdict(choice: Choice, axes: _Map, cell: Cell) -> str:
    way, plan = cell.steps * cell.step_size, axes.plan
    short = axes.unit == "norm" and way < plan.eps * (1 - 1e-9)
    far = f" All steps together are {axes.named(way)} long, which is less than ε." if short else ""
    return (
        f"{cell.steps} × {axes.named(cell.step_size)}: {'**fooled**' if cell.success == 1 else '**not fooled**'}, "
        f"{top_class(cell.view(), choice.subject.labels)}, objective {short_number(cell.loss, 3)}.{far}"
    )


def _away(choice: Choice, axes: _Map, cells: Sequence[Cell], cell: Cell) -> None:
    name = f"{axes.named(cell.step_size)}_x_{cell.steps}".replace("/", "_")
    take_away(
        recipe.code(
            *choice.subject.network,
            choice.subject.sample,
            plan=axes.plan,
            step_sizes=axes.sizes,
            steps=axes.steps,
            target=choice.target,
        ),
        File("Adversarial (PNG)", lambda: png(cell.view().picture), f"cnnlab_step_{name}.png", "image/png"),
        File("All cells (CSV)", lambda: map_table(cells, choice.subject.labels), "cnnlab_step_map.csv", "text/csv"),
    )
