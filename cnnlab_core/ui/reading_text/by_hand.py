"""The tab By hand: a word goes through a recurrent cell, and every number says what it is the sum of."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from cnnlab_core.checks import Array
from cnnlab_core.convolution import read_planes, to_csv, to_plain, write_planes
from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch import CELLS, Unrolled, explain_recurrent, recurrent_difference, seeded_parameters
from cnnlab_core.from_scratch.reading import MOST_LETTERS, ReadingStep, Word, learn_steps, spell
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.recipes.reading_text.by_hand import code
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.convolution.grid import Cell, show_grid
from cnnlab_core.ui.convolution.pieces import show_badge, show_formulas
from cnnlab_core.ui.convolution.state import Kept
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.reading_text.grid import GIVEN, board, columns_of, component
from cnnlab_core.ui.show import main_answer, main_picture, reserve, show_problem
from cnnlab_core.ui.take_away import File, take_away

KEPT = Kept("reading_hand")
PINS = {False: Kept("reading_forward"), True: Kept("reading_back")}
FIRST_WORD = "hello"
KINDS = tuple(CELLS)
MOST_HIDDEN, MOST_STEPS, FIRST_SEED, LARGEST = 4, 50, 7, 100
ETAS = [0.01, 0.03, 0.1, 0.3, 1.0]
FORWARD, BACKWARD = "Forward", "Backward"


@dataclass(frozen=True, eq=False)
class Setting:
    """What is read, by which cell, with which numbers to begin with, and how far gradient descent has gone."""

    word: Word
    kind: str
    parameters: dict[str, Array]
    h0: Array
    eta: float
    steps: int


def show() -> None:
    """The word, the cell and its numbers, one pass of them, and gradient descent on them."""
    picture, answer = main_picture(), main_answer()
    reserve("main_picture", "35.8rem")
    word, kind, backward, hidden, seed = choose()
    start, h0 = numbers(word, kind, hidden, seed)
    setting = descent(word, kind, start, h0)
    path = walk(setting)
    here = path[setting.steps]
    with picture:
        cell = draw(here.read, word, backward)
    answer.markdown(said(here.read, word))
    standing(path, setting)
    st.markdown("**The pinned cell, written out**")
    if cell is not None and cell[0] not in GIVEN:
        written = explain_recurrent(here.read, *cell, letters=word.letters)
        show_formulas(written.law, written.symbols, written.numbers)
    else:
        st.caption("Click a number that is computed, and its sum is written out here.")
    st.caption(COUNTED)
    show_badge(recurrent_difference(here.read))
    learned(LEARNED)
    files(setting, here.read)


def choose() -> tuple[Word, str, bool, int, int]:
    """The word, the cell, the pass; and, folded away, its size and the seed of its first numbers."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        text = KEPT.text(
            "word", "Word", FIRST_WORD, max_chars=40, width=150, on_change=forget,
            help=f"2 to {MOST_LETTERS} letters, at most 6 of them different.",
        )  # fmt: skip
        kind = KEPT.one_of("cell", "Cell", KINDS, "RNN", on_change=forget)
        backward = KEPT.one_of("pass", "Pass", (FORWARD, BACKWARD), FORWARD) == BACKWARD
        with st.popover("More", icon=":material/tune:", key="text_by_hand_more"):
            hidden = KEPT.slider("hidden", "Hidden units", 1, MOST_HIDDEN, 3, 1, on_change=forget)
            seed = KEPT.number("seed", "Seed of the first numbers", 0, 9999, FIRST_SEED, 1, on_change=forget)
            st.caption("Numbers that you edit in the picture take the place of the seed's.")
            st.button("Back to the seed's numbers", icon=":material/restart_alt:", on_click=forget)
    try:
        return spell(text), kind, backward, hidden, seed
    except InputError as error:
        show_problem(f"{error} Here it is {FIRST_WORD}.")
        return spell(FIRST_WORD), kind, backward, hidden, seed


def forget() -> None:
    """Edited numbers, pinned cells and the steps of gradient descent belong to what was there before."""
    for name in GIVEN:
        KEPT.put(name, "")
    for pins in PINS.values():
        pins.put("cell", "")
    st.session_state[KEPT.key("steps")] = 0


def numbers(word: Word, kind: str, hidden: int, seed: int) -> tuple[dict[str, Array], Array]:
    """The parameters to begin with, and the state before the first letter: the seed's, or what was edited or linked."""
    size = len(word.letters)
    start = seeded_parameters(kind, size, hidden, size, seed=seed) | {"h0": np.zeros(hidden)}
    for name, default in start.items():
        text = KEPT.kept_text(name, "")
        if not text:
            continue
        try:
            given = read_planes(name, text, default.ndim)[0]
            if given.shape != default.shape:
                wanted, shape = (" × ".join(map(str, array.shape)) for array in (default, given))
                raise InputError(f"{name} has {shape} numbers, and this word and cell need {wanted}.")
            if np.abs(given).max() > LARGEST:
                raise InputError(f"A number of {name} is beyond {LARGEST}.")
            start[name] = given
        except InputError as error:
            show_problem(f"{error} Here {name} is that of the seed.")
            KEPT.put(name, "")
            KEPT.kept_text(name, "")
    return start, start.pop("h0")


def draw(read: Unrolled, word: Word, backward: bool) -> Cell | None:
    """The picture. Gives the pinned cell."""
    columns, pins = columns_of(read, backward=backward), PINS[backward]
    arrays = dict(read.parameters) | read.arrays
    cell = pins.pinned({name: arrays[name] for names in columns for name in names}, "dU" if backward else "h")
    show_grid(
        board(read, word, columns),
        key=pins.key("grid"),
        columns=columns,
        editable=[] if backward else [name for name in GIVEN if name != "x"],
        pinned=cell,
        first=1,
        on_edit=partial(take_edits, arrays, list(read.parameters)),
        on_pin=pins.pin,
        component=component,
    )
    return cell


def said(read: Unrolled, word: Word) -> str:
    """How well the cell reads, in a sentence."""
    found = "".join(word.letters[index] for index in read.arrays["p"].argmax(1))
    right = sum(guess == letter for guess, letter in zip(found, word.text[1:], strict=True))
    return (
        f"The letter that really follows is the most probable one at {right} of {len(found)} steps; the loss is "
        f"**{read.loss:.2f}**. Gradient descent, below, makes it smaller."
    )


def take_edits(arrays: dict[str, Array], parameters: list[str], edits: list[tuple[Cell, float]]) -> None:
    """All numbers as they stand, with the edited ones, are where gradient descent begins now."""
    if not edits:
        return
    found = {name: arrays[name].copy() for name in (*parameters, "h0")}
    for (name, index), value in edits:
        if abs(value) > LARGEST:
            raise InputError(f"{value:g} is too large for a cell: keep numbers between -{LARGEST} and {LARGEST}.")
        found[name][index] = value
    for name, array in found.items():
        KEPT.put(name, write_planes(array[None]))
    st.session_state[KEPT.key("steps")] = 0


# --- gradient descent -----------------------------------------------------------------------------------------


def descent(word: Word, kind: str, start: dict[str, Array], h0: Array) -> Setting:
    """How many steps, and how large they are."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        steps = KEPT.slider("steps", "Steps of gradient descent", 0, MOST_STEPS, 0, 1, width=300)
        move: Callable[[int], None] = partial(st.session_state.__setitem__, KEPT.key("steps"))
        st.button("One step", icon=":material/south_east:", on_click=move, args=(min(steps + 1, MOST_STEPS),))
        st.button("Back to the start", icon=":material/restart_alt:", on_click=move, args=(0,))
        eta = KEPT.stops("eta", "Learning rate η", ETAS, 0.3, width=200)
    return Setting(word, kind, start, h0, eta, steps)


def walk(setting: Setting) -> list[ReadingStep]:
    """All steps there can be, kept while nothing that they depend on changes: pointing and pinning must be quick."""
    arrays = {**setting.parameters, "h0": setting.h0}
    asked = (setting.word.text, setting.kind, setting.eta, *((name, a.tobytes()) for name, a in arrays.items()))
    kept = KEPT.get("path")
    if kept is None or kept[0] != asked:
        steps = learn_steps(
            setting.kind, setting.parameters, setting.word, eta=setting.eta, steps=MOST_STEPS, h0=setting.h0
        )
        kept = asked, list(steps)
        KEPT.put("path", kept)
    found: list[ReadingStep] = kept[1]
    return found


def standing(path: list[ReadingStep], setting: Setting) -> None:
    """The loss before and after a step, and over all steps."""
    here, after = path[setting.steps], path[min(setting.steps + 1, MOST_STEPS)]
    now, then = here.read.loss, after.read.loss
    numbers_, chart = st.columns([1, 2], gap="large")
    with numbers_:
        st.metric(f"Loss after {setting.steps} steps", f"{now:.4f}", help=LOSS)
        if after is not here:
            st.metric("After one more step", f"{then:.4f}", f"{then - now:.4f}", delta_color="inverse")
    losses = [step.read.loss for step in path]
    about = f"{setting.kind} reading “{setting.word.text}”, learning rate {setting.eta:g}"
    figure = line_figure(
        [Line("loss", range(len(path)), losses, dot=setting.steps)], x_title="step", y_title="loss", height=170
    )
    show_chart(figure, "reading loss", "Loss over the steps of gradient descent", about, place=chart)


def files(setting: Setting, read: Unrolled) -> None:
    """The numbers as files, and the code."""
    arrays = dict(read.parameters) | read.arrays
    about = {"word": setting.word.text, "letters": list(setting.word.letters), "cell": setting.kind}
    take_away(
        code(setting.kind, setting.word.text, setting.parameters, setting.h0, setting.eta, setting.steps),
        File(
            "Numbers as JSON", lambda: json.dumps(about | to_plain(arrays)), "cnnlab_reading.json", "application/json"
        ),
        File("Numbers as CSV", lambda: to_csv(arrays), "cnnlab_reading.csv", "text/csv"),
    )


LOSS = "The sum over the steps of −log p, with p the probability that the step gave to the letter that really followed."
COUNTED = "Steps and units count from 1, and step 0 is before the first letter. Links, files and code count from 0."
LEARNED = (
    "one cell with the same W, U and b reads every letter; the state h is all that it "
    "remembers. So a weight takes part at every step, and its gradient is a sum over the steps."
)
