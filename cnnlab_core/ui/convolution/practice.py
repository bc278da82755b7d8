"""Practice: exercises with their seed in the link, an answer box, and the worked solution."""

import secrets

import numpy as np
import streamlit as st

from cnnlab_core.convolution import Exercise, Verdict, check_answer, latex, make_exercise
from cnnlab_core.convolution.options import Array
from cnnlab_core.convolution.practice import LEVELS, read_answer
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import plain, sentences
from cnnlab_core.ui.take_away import File, take_away

TITLES = {
    "1-D convolution": "conv1d",
    "2-D convolution": "conv2d",
    "Output size": "output_size",
    "Max pooling": "max_pool",
    "A gradient cell": "gradient_cell",
    "An update step": "update_step",
}
SEEDS = 9999
RIGHT, WRONG = "#14a08f", "#e07a1f"


def show() -> None:
    """The tab."""
    st.markdown(
        "Work it out on paper, type the numbers, and learn which cells to look at again. "
        "A link to this page is a link to this very exercise."
    )
    exercise = choose()
    st.divider()
    question, answer = st.columns([1.1, 1], gap="large")
    with question:
        st.markdown(exercise.prompt)
    with answer, sentences():
        answer_box(exercise)
    solution(exercise)
    name = f"cnnlab_{exercise.kind}_{exercise.level}_{exercise.seed}.md"
    sheet_file = File("Exercise and solution (Markdown)", sheet(exercise), name, "text/markdown")
    take_away(python_code(exercise), sheet_file)


def choose() -> Exercise:
    """Kind, level and seed."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        title = st.selectbox(
            "Exercise", list(TITLES), index=1, key="conv_practice_kind", bind="query-params", width=220
        )
        level = segmented(st, "Level", LEVELS, default=1, key="conv_practice_level", bind="query-params")
        seed = st.number_input("Seed", 0, SEEDS, 7, 1, key="conv_practice_seed", bind="query-params", width=160)
        st.button("Another", icon=":material/casino:", on_click=another, key="conv_practice_another")
    return make_exercise(TITLES[title], seed, level)


def another() -> None:
    """A new seed, which isn't the one before."""
    before = st.session_state["conv_practice_seed"]
    st.session_state["conv_practice_seed"] = (before + 1 + secrets.randbelow(SEEDS)) % (SEEDS + 1)


def answer_box(exercise: Exercise) -> None:
    """The answer, checked on request. Every exercise has a box of its own, so an old answer never meets a new one."""
    name = _name(exercise)
    with st.form(f"conv_practice_form {name}", border=False):
        text = st.text_area(
            "Your answer",
            key=f"conv_practice_answer {name}",
            placeholder=placeholder(exercise),
            height=120,
            max_chars=2000,
        )
        st.caption(
            "Spaces or commas between numbers, a new line or a semicolon after each row. 0.5 and 1/2 are the same."
        )
        checked = st.form_submit_button("Check", type="primary", icon=":material/check:")
    if checked:
        st.session_state["conv_practice_checked"] = (name, text)
    checked_name, checked_text = st.session_state.get("conv_practice_checked", ("", ""))
    if checked_name == name:
        show_verdict(exercise, checked_text)


def placeholder(exercise: Exercise) -> str:
    """The form of the answer, without its numbers."""
    rows = np.atleast_2d(exercise.answer)
    return "\n".join(" ".join("…" for _ in row) for row in rows)


def show_verdict(exercise: Exercise, text: str) -> None:
    """Right, or which cells aren't: these are framed."""
    verdict = check_answer(exercise, text)
    if verdict.correct:
        st.success(plain(verdict.message), icon=":material/check_circle:")
    else:
        st.warning(plain(verdict.message), icon=":material/edit:")
    if verdict.correct or verdict.wrong_cells:
        st.latex(marked(read_answer(text).reshape(exercise.answer.shape), verdict))


def marked(given: Array, verdict: Verdict) -> str:
    """The given answer as a matrix: right cells in one colour, wrong ones in another and framed."""
    wrong = set(verdict.wrong_cells)
    columns = given.shape[-1] if given.ndim else 1
    cells = [
        rf"\textcolor{{{WRONG}}}{{\boxed{{{latex.number(value)}}}}}"
        if index in wrong
        else rf"\textcolor{{{RIGHT}}}{{{latex.number(value)}}}"
        for index, value in np.ndenumerate(given)
    ]
    rows = [" & ".join(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    return r"\begin{bmatrix} " + r" \\[4pt] ".join(rows) + r" \end{bmatrix}"


def solution(exercise: Exercise) -> None:
    """Step by step, when asked for."""
    if st.toggle("Show the worked solution", key=f"conv_practice_solution {_name(exercise)}"):
        with st.container(border=True):
            for step in exercise.solution:
                st.markdown(step)


def sheet(exercise: Exercise) -> str:
    """The exercise to print, its solution below."""
    title = next(title for title, kind in TITLES.items() if kind == exercise.kind)
    head = f"# {title}, level {exercise.level}, seed {exercise.seed}"
    return "\n\n".join([head, exercise.prompt, "## Solution", *exercise.solution]) + "\n"


def _name(exercise: Exercise) -> str:
    return f"{exercise.kind} {exercise.level} {exercise.seed}"


def python_code(exercise: Exercise) -> str:
    """The exercise in a notebook."""
    return f"""\
from cnnlab_core.convolution import check_answer, make_exercise
from cnnlab_core.ui.segmented import segmented

exercise = make_exercise("{exercise.kind}", seed={exercise.seed}, level={exercise.level})
print(exercise.prompt)
print(check_answer(exercise, exercise.answer).message)
"""
