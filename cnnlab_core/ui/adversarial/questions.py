"""True or false: statements about FGSM and PGD, answered at once, with the reason.

The answers given live in the address, a letter for each statement, so that a link or a reload keeps them.
"""

import secrets

import numpy as np
import streamlit as st

from cnnlab_core.attacks.questions import QUESTIONS, Question
from cnnlab_core.recipes.plane import questions_code
from cnnlab_core.ui.take_away import File, take_away

GIVEN, ORDER = "adversarial_questions_given", "adversarial_questions_order"
ORDERS = 9999
_LETTERS = {"t": True, "f": False, "-": None}


def show() -> None:
    """The tab."""
    st.markdown(
        "What follows from the picture in the plane, and what only seems to? Every statement is either true or false, "
        "and the first answer counts."
    )
    given = given_answers()
    standing(given)
    for number, index in enumerate(order(), 1):
        ask(number, index, given[index])
    name = "cnnlab_attack_questions.md"
    take_away(questions_code(), File("Questions and answers (Markdown)", sheet(), name, "text/markdown"))


def standing(given: list[bool | None]) -> None:
    """How many are right so far, and the way to begin again."""
    right = sum(answer == question.answer for answer, question in zip(given, QUESTIONS, strict=True))
    answered = len(given) - given.count(None)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        text = f"**{right} right** of {answered} answered"
        left = len(given) - answered
        st.markdown(f"{text}, {left} to go." if left else f"{text}. {_praise(right)}", width="content")
        if answered:
            st.button("Again, in another order", icon=":material/replay:", on_click=again, key="adversarial_again")
    st.progress(answered / len(given))


def ask(number: int, index: int, given: bool | None) -> None:
    """A statement with its two buttons, or with the answer and its reason."""
    question = QUESTIONS[index]
    with st.container(border=True):
        statement, answer = st.columns([4, 1], gap="medium", vertical_alignment="center")
        statement.markdown(f"**{number}.** {question.statement}")
        with answer, st.container(horizontal=True, gap="small", horizontal_alignment="right"):
            if given is None:
                for label, value in (("True", True), ("False", False)):
                    key = f"adversarial_question {question.name} {label}"
                    st.button(label, key=key, on_click=take, args=(index, value))
            else:
                verdict(question, given)
        if given is not None:
            st.markdown(f"**It is {'true' if question.answer else 'false'}.** {question.explanation}")


def verdict(question: Question, given: bool) -> None:
    """Right or wrong."""
    said = f"you said {'true' if given else 'false'}"
    if given == question.answer:
        st.badge(f"Right: {said}", icon=":material/check:", color="green")
    else:
        st.badge(f"Wrong: {said}", icon=":material/close:", color="orange")


def given_answers() -> list[bool | None]:
    """The answers in the address, one for each question; None where there is none."""
    text = st.query_params.get(GIVEN, "")
    if len(text) != len(QUESTIONS) or not set(text) <= set(_LETTERS):
        return [None] * len(QUESTIONS)
    return [_LETTERS[letter] for letter in text]


def order() -> list[int]:
    """The questions' places in the order of the address: 0 as they are in the table, else shuffled by that seed."""
    text = st.query_params.get(ORDER, "")
    seed = int(text) if text.isdecimal() and len(text) < 10 else 0
    return np.random.default_rng(seed).permutation(len(QUESTIONS)).tolist() if seed else list(range(len(QUESTIONS)))


def take(index: int, value: bool) -> None:
    """Keep an answer."""
    letters = ["-" if answer is None else "t" if answer else "f" for answer in given_answers()]
    letters[index] = "t" if value else "f"
    st.query_params[GIVEN] = "".join(letters)


def again() -> None:
    """Forget all answers, and shuffle."""
    st.query_params.pop(GIVEN, None)
    st.query_params[ORDER] = str(1 + secrets.randbelow(ORDERS))


def sheet() -> str:
    """The statements to print, their answers below."""
    asked = [f"{number}. {question.statement}" for number, question in enumerate(QUESTIONS, 1)]
    answers = [
        f"{number}. {'True' if question.answer else 'False'}. {question.explanation}"
        for number, question in enumerate(QUESTIONS, 1)
    ]
    return "\n".join(["# FGSM and PGD: true or false?", "", *asked, "", "## Answers", "", *answers, ""])


def _praise(right: int) -> str:
    if right == len(QUESTIONS):
        return "All of them."
    return "Those marked wrong are worth another look at the plane."
