"""One exercise to work out with a pen: its kind and seed in the link, boxes for the answers, hint and solution."""

import secrets
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.checks import Array
from cnnlab_core.convolution import latex
from cnnlab_core.convolution.typed import read_numbers
from cnnlab_core.exercises import KINDS, LEVELS, Choice, Exercise, Numbers, Part, make_exercise
from cnnlab_core.exercises.answers import Verdict
from cnnlab_core.exercises.kinds import MOST_SEED, Kind, Place, kinds_at
from cnnlab_core.exercises.sheet import exercise_markdown
from cnnlab_core.recipes.exercises.practice import code
from cnnlab_core.ui.controls import Controls, held
from cnnlab_core.ui.show import plain, reserve, sentences
from cnnlab_core.ui.take_away import File, take_away

COLOURS = {"light": ("#0b6560", "#a8480a"), "dark": ("#26b0a0", "#f0954a")}
"""Of right and wrong cells, readable on either ground."""


def practice(place: Place, first: str, kinds: Sequence[Kind] = ()) -> Callable[[], None]:
    """The tab in which the exercises of ``place`` are done, or those of ``kinds``; it opens with the ``first``."""

    def show() -> None:
        reserve("practice", "20.3rem")
        work = st.container(key="practice")
        st.divider()
        exercise = choose(place, first, kinds)
        with work:
            st.markdown("Work it out on paper, type in what you found, and see which cells to look at again.")
            question, parts = beside(exercise)
            question.markdown(exercise.prompt)
            with parts:
                answer_form(exercise, place)
            help_along(exercise, place)
        st.caption("The link to this page opens exactly this exercise.")
        name = f"cnnlab_{exercise.kind}_{exercise.level}_{exercise.seed}.md"
        file = File("Exercise and solution (Markdown)", exercise_markdown(exercise), name, "text/markdown")
        take_away(code(exercise.kind, exercise.seed, exercise.level), file)

    return show


def choose(place: Place, first: str, kinds: Sequence[Kind] = ()) -> Exercise:
    """Kind, level and seed."""
    controls, known = Controls(place.prefix), {kind.title: kind for kind in kinds} or kinds_at(place)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        title = controls.select("kind", "Exercise", list(known), KINDS[first].title, width=220)
        level = controls.one_of("level", "Level", LEVELS, 1)
        seed = choose_seed(controls, MOST_SEED)
    return make_exercise(known[title].name, seed, level)


def choose_seed(controls: Controls, most: int) -> int:
    """A seed of 0 to ``most``, and the button for another one."""
    seed = controls.number("seed", "Seed", 0, most, 7, 1, width=160)
    key = controls.key("seed")
    st.button("Another", icon=":material/casino:", on_click=_another, args=(key, most), key=controls.key("another"))
    return seed


def _another(seed_key: str, most: int) -> None:
    """A new seed, which isn't the one before."""
    before = st.session_state[seed_key]
    st.session_state[seed_key] = (before + 1 + secrets.randbelow(most)) % (most + 1)


def beside(exercise: Exercise) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Where the prompt goes, and its parts: beside it, or below a prompt of one line."""
    if exercise.is_only_choices:
        return st.container(), st.container()
    question, parts = st.columns([1.1, 1], gap="large")
    return question, parts


# --- answers --------------------------------------------------------------------------------------------------


def answer_form(exercise: Exercise, place: Place) -> None:
    """A box for each part, checked on request. Every exercise has boxes of its own: no old answer meets a new one."""
    name, kept = _name(exercise), held(f"{place.prefix}_checked")
    keys = [f"{place.prefix}_answer {name} {number}" for number in range(len(exercise.parts))]

    def check() -> None:
        st.session_state[kept] = (name, [st.session_state[key] for key in keys])

    checked_name, checked = st.session_state.get(kept, ("", []))
    with st.form(f"{place.prefix}_form {name}", border=False):
        for number, (part, key) in enumerate(zip(exercise.parts, keys, strict=True)):
            ask(part, key, checked[number] if checked_name == name else None)
            if checked_name == name:
                with sentences():
                    show_verdict(part, checked[number])
        if any(isinstance(part, Numbers) and part.answer.size > 1 for part in exercise.parts):
            st.caption(
                "Spaces or commas between numbers, a new line or a semicolon after each row. 0.5 and 1/2 are the same."
            )
        st.form_submit_button("Check", type="primary", icon=":material/check:", on_click=check)


def ask(part: Part, key: str, given: str | None = None) -> None:
    """A part's question, and where its answer goes; what was ``given`` before stands there when it is drawn again."""
    if given:
        st.session_state.setdefault(key, given)
    if isinstance(part, Choice):
        st.segmented_control(part.question, part.options, key=key, wrap=True)
        return
    label, shape = part.question or "Your answer", placeholder(part)
    if "\n" in shape:
        st.text_area(label, key=key, placeholder=shape, height=110, max_chars=2000)
    else:
        st.text_input(label, key=key, placeholder=shape, max_chars=2000)


def placeholder(part: Numbers) -> str:
    """The form of the answer, without its numbers."""
    return "\n".join(" ".join("…" for _ in row) for row in np.atleast_2d(part.answer))


def show_verdict(part: Part, given: str | None) -> None:
    """Right, or what isn't; wrong cells are framed."""
    if not (given or "").strip():
        st.caption("No answer yet.")
        return
    verdict = part.check(given or "")
    colour, icon = ("green", "check_circle") if verdict.correct else ("orange", "edit")
    st.markdown(f":{colour}[:material/{icon}: {plain(verdict.message)}]")
    if isinstance(part, Choice) and part.why:
        st.caption(part.why)
    if isinstance(part, Numbers) and part.answer.size > 1 and (verdict.correct or verdict.wrong_cells):
        st.latex(marked(read_numbers(given or "").reshape(part.answer.shape), verdict))


def marked(given: Array, verdict: Verdict) -> str:
    """The given answer as a matrix: right cells in one colour, wrong ones in another and framed."""
    wrong = set(verdict.wrong_cells)
    right_colour, wrong_colour = COLOURS["dark" if st.context.theme.type == "dark" else "light"]
    columns = given.shape[-1]
    cells = [
        rf"\textcolor{{{wrong_colour}}}{{\boxed{{{latex.number(value)}}}}}"
        if index in wrong
        else rf"\textcolor{{{right_colour}}}{{{latex.number(value)}}}"
        for index, value in np.ndenumerate(given)
    ]
    rows = [" & ".join(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    return r"\begin{bmatrix} " + r" \\[4pt] ".join(rows) + r" \end{bmatrix}"


# --- hint and solution ----------------------------------------------------------------------------------------


def help_along(exercise: Exercise, place: Place) -> None:
    """The rule, and the solution step by step, when asked for."""
    name, steps = _name(exercise), exercise.solution
    shown_key = f"{place.prefix}_steps {name}"
    shown = min(st.session_state.get(shown_key, 0), len(steps))

    def show(count: int) -> None:
        st.session_state[shown_key] = count

    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        hint = st.toggle("Hint", key=f"{place.prefix}_hint {name}")
        if shown < len(steps):
            label = f"Next step of the solution ({shown} of {len(steps)})" if shown else "First step of the solution"
            st.button(label, key=f"{place.prefix}_next", icon=":material/stairs:", on_click=show, args=(shown + 1,))
            st.button("Whole solution", key=f"{place.prefix}_whole", on_click=show, args=(len(steps),))
        if shown:
            st.button("Hide the solution", key=f"{place.prefix}_hide", on_click=show, args=(0,))
        if there := exercise.look:
            # In a tab of its own: the exercise stays, and no control there keeps what it showed before.
            st.link_button(there.label, there.address, icon=":material/visibility:")
    if hint:
        with st.container(border=True):
            st.markdown(exercise.hint)
    if shown:
        with st.container(border=True):
            for step in steps[:shown]:
                st.markdown(step)


def _name(exercise: Exercise) -> str:
    return f"{exercise.kind} {exercise.level} {exercise.seed}"
