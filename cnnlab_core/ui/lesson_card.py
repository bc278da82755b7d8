"""A lesson's card on the page: its task, a guess, a question with its answer checked. The ways on are above it.

The lesson and the step are in the address, and what was solved too, as the code that is handed in: whoever reloads the
page goes on. All that a teacher or a student has typed is shown as text.
"""

import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.errors import InputError, LabError
from cnnlab_core.exercises import Choice, Part
from cnnlab_core.lessons import Arrivals, Lesson, Results, Tried, pack, read_code, unpack, write_code
from cnnlab_core.lessons.asking import exercise_of, parts_of, seed_of
from cnnlab_core.lessons.codes import MOST_NAME, place_of, student_name
from cnnlab_core.lessons.ready import LESSONS
from cnnlab_core.stories import Guess
from cnnlab_core.ui.contents import PAGES, find_page
from cnnlab_core.ui.controls import Controls, forget_controls
from cnnlab_core.ui.exercises.practice import ask, show_verdict
from cnnlab_core.ui.lesson import CARRIED, OPEN, hide
from cnnlab_core.ui.show import plain, sentences, show_problem
from cnnlab_core.ui.teacher import secret, teachers_key
from cnnlab_core.ui.visitor import visitor

CONTROLS = Controls(CARRIED)
STEP, CODE = CONTROLS.key("step"), CONTROLS.key("code")
_SEATS, _HERE = "lesson seats", "lesson here"


@dataclass
class Seat:
    """What this session knows of a student in a lesson: what was guessed and answered in each step, and the code."""

    steps: list[Tried]
    student: str = ""
    code: str = ""
    guessed: dict[int, int] = field(default_factory=dict)
    answers: dict[int, list[str]] = field(default_factory=dict)
    problem: str = ""


@cache
def arrivals() -> Arrivals:
    """The codes that students of this server have got."""
    return Arrivals()


def as_text(text: str) -> str:
    """Several lines of somebody's words, as they are."""
    return "  \n".join(map(plain, text.split("\n")))


def query_of(lesson: Lesson, packed: str, number: int, code: str = "") -> dict[str, Any]:
    """What the address of a step says."""
    step = lesson.steps[min(number, len(lesson.steps)) - 1]
    return {**step.view, CARRIED: packed, STEP: str(number)} | ({CODE: code} if code else {})


def link_of(lesson: Lesson, here: str) -> str:
    """The link to hand out, given the address ``here`` of a page of this lab. Raises ``InputError`` for a long one."""
    query = urlencode(query_of(lesson, pack(lesson), 1), doseq=True)
    return f"{urljoin(here, lesson.steps[0].page)}?{query}"


def check_pages(lesson: Lesson) -> None:
    """Raises ``InputError`` if a step is on a page that the lab doesn't have."""
    known = {page.name for page in PAGES}
    if strange := [step.page for step in lesson.steps if step.page not in known]:
        raise InputError(f"The lesson leads to the page “{strange[0]}”, which this lab doesn't have.")


def show_card(page: str, head: DeltaGenerator) -> None:
    """The open step of the lesson that the address carries, with the ways on in the page's ``head``; or a sentence."""
    packed = st.query_params[CARRIED]
    try:
        lesson = unpack(packed)
        check_pages(lesson)
    except LabError as error:
        show_problem(error)
        return
    last = len(lesson.steps)
    number = CONTROLS.index("step", last + 1, 1, 1)
    seat = _seat(lesson)
    there = lesson.steps[min(number, last) - 1]
    if there.page != page:
        st.switch_page(find_page(there.page).file, query_params=query_of(lesson, packed, number, seat.code))
    here = (place_of(lesson), min(number, last))
    if st.session_state.get(_HERE) != here:
        forget_controls(key for step in lesson.steps if step.page == page for key in step.view)
    st.session_state[_HERE] = here
    # A link to the page that is open changes the view, and the browser's address only when something is written there.
    st.query_params[STEP] = str(number)
    st.session_state[OPEN] = {
        "page": find_page(page).file,
        "label": f"Back to the lesson: {plain(lesson.title)}",
        "icon": ":material/co_present:",
        "query_params": query_of(lesson, packed, number, seat.code),
    }
    hide(there.away)
    with st.container(border=True, key="lesson_card"):
        if number > last:
            _end(lesson, seat)
        else:
            _step(lesson, number, seat)
        with st.container(key="lesson_whose", horizontal=True, vertical_alignment="center"):
            st.caption(_whose(lesson), width="stretch")
            _anew(lesson, packed, number, seat)
    with head, st.container(key="lesson_steps", horizontal=True, gap="small", vertical_alignment="center"):
        _ways(lesson, packed, number, seat)


def _whose(lesson: Lesson) -> str:
    """Whose words they are, and whose page; and that controls which are put away can be brought back."""
    if any(lesson.steps == ready.steps for ready in LESSONS):
        words = "A lesson that comes with the lab."
    else:
        named = ", ".join(filter(None, (plain(lesson.by), f"for {plain(lesson.group)}" if lesson.group else "")))
        place = plain(urlsplit(st.context.url or "").netloc or "this address")
        words = f"Written by a teacher{f' ({named})' if named else ''} and shown as text: the lab at {place} "
        words += "doesn't vouch for it."
    away = " Some controls are put away. This isn't an exam mode." if any(step.away for step in lesson.steps) else ""
    return words + away


# --- a step -------------------------------------------------------------------------------------------------------


def _step(lesson: Lesson, number: int, seat: Seat) -> None:
    step = lesson.steps[number - 1]
    told, asked = st.columns([3, 2], gap="large")
    told.markdown(f"**{plain(lesson.title)} · {number} of {len(lesson.steps)}**  \n{as_text(step.task)}")
    guessed, solved = seat.guessed.get(number), seat.steps[number - 1].right
    with asked:
        if step.guess and guessed is None and not solved:
            _guess(step.guess, number, seat)
        elif step.question and not seat.student:
            _ask_the_name(seat)
        elif step.question:
            with sentences():
                _question(lesson, number, seat)
    done = solved if step.question else guessed is not None or not step.guess
    if step.guess and guessed is not None and not (step.question and step.after and done):
        verdict = step.guess.verdict(step.guess.choices[guessed]).removesuffix(": ")
        told.markdown(f":material/psychology_alt: {plain(verdict)}")
    if step.after and done:
        told.markdown(f":material/lightbulb: {as_text(step.after)}")


def _guess(guess: Guess, number: int, seat: Seat) -> None:
    key = f"lesson_guess {number}"

    def take() -> None:
        if (choice := st.session_state[key]) is not None:
            seat.guessed[number] = choice

    st.pills(
        f"Guess first: {plain(guess.ask)}",
        range(len(guess.choices)),
        format_func=lambda choice: plain(guess.choices[choice]),
        key=key,
        on_change=take,
        wrap=True,
    )


def _ask_the_name(seat: Seat) -> None:
    def take() -> None:
        try:
            seat.student, seat.problem = student_name(st.session_state["lesson_name"]), ""
        except InputError as error:
            seat.problem = str(error)

    with st.form("lesson_student", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Your name or number", key="lesson_name", max_chars=MOST_NAME)
        st.form_submit_button("Begin", on_click=take)
    if seat.problem:
        show_problem(seat.problem)
    st.caption("It goes into the code that you hand in. There are no accounts here.")


def _question(lesson: Lesson, number: int, seat: Seat) -> None:
    question = lesson.steps[number - 1].question
    assert question is not None
    seed = seed_of(lesson, seat.student, number)
    exercise, parts = exercise_of(question, seed), parts_of(question, seed, plain)
    keys = [f"lesson_answer {seed} {place}" for place in range(len(parts))]

    def check() -> None:
        answers = [(st.session_state.get(key) or "").strip() for key in keys]
        seat.answers[number], before = answers, seat.steps[number - 1]
        if not all(answers) or before.right:
            return
        try:
            checked = [part.check(answer).correct for part, answer in zip(parts, answers, strict=True)]
        except InputError:
            return  # what can't be read is said beside it, and is no try
        seat.steps[number - 1] = Tried(before.tries + 1, all(checked))
        _hand_in(lesson, seat)

    place = (
        st.popover("Your question", icon=":material/edit_note:", key="lesson_exercise") if exercise else st.container()
    )
    with place:
        if exercise:
            st.markdown(exercise.prompt)
        form = st.form(f"lesson_form {seed}", border=False)
        with form.container(horizontal=not exercise, vertical_alignment="bottom"):
            before = seat.answers.get(number) or [""] * len(parts)
            for part, key, given in zip(parts, keys, before, strict=True):
                ask(part, key, given)
            st.form_submit_button("Check", type="primary", icon=":material/check:", on_click=check)
        if exercise and seat.answers.get(number):
            _verdicts(parts, seat.answers[number])
    tried = seat.steps[number - 1]
    if not exercise and number in seat.answers:
        _verdicts(parts, seat.answers[number])
    elif tried.right:
        st.markdown(":green[:material/check_circle: Solved.]")
    elif tried.tries:
        st.markdown(":orange[:material/edit: Not yet.]")


def _verdicts(parts: tuple[Part, ...], answers: list[str]) -> None:
    for part, answer in zip(parts, answers, strict=True):
        with sentences():
            if isinstance(part, Choice) and answer and not part.check(answer).correct:
                st.markdown(":orange[:material/edit: Not yet.]")  # the right choice isn't told
            else:
                show_verdict(part, answer)


# --- what was solved ----------------------------------------------------------------------------------------------


def _key() -> str:
    try:
        return teachers_key()
    except InputError:
        return ""


def _seat(lesson: Lesson) -> Seat:
    """What the session knows, or else what the code in the address does."""
    seats: dict[bytes, Seat] = st.session_state.setdefault(_SEATS, {})
    place = place_of(lesson)
    if place not in seats:
        seats[place] = seat = Seat([Tried()] * len(lesson.steps))
        code, key = st.query_params.get(CODE), _key()
        reading = read_code(code, lesson, secret(key)) if code and key else None
        if reading and reading.results and reading.state == "right":
            seat.student, seat.steps, seat.code = reading.results.student, [*reading.results.steps], code or ""
        elif code:
            st.info("The code in the address isn't of this lesson here, so it begins anew.", icon=":material/link_off:")
    return seats[place]


def _hand_in(lesson: Lesson, seat: Seat) -> None:
    """Sign what was solved: the code goes into the address, and to the teacher."""
    if key := _key():
        results = Results(student=seat.student, steps=tuple(seat.steps), when=time.time())
        seat.code = write_code(lesson, results, secret(key))
        st.query_params[CODE] = seat.code
        arrivals().add(lesson, (visitor(), seat.student.casefold()), seat.code)


def _end(lesson: Lesson, seat: Seat) -> None:
    asked = [number for number, step in enumerate(lesson.steps, 1) if step.question]
    st.markdown(f"**{plain(lesson.title)} · the end**")
    if asked:
        words = {True: "solved", False: "not solved yet"}
        rows = [(number, seat.steps[number - 1]) for number in asked]
        st.markdown("  \n".join(f"Step {number}: {words[one.right]}, {_tries(one.tries)}" for number, one in rows))
        _show_code(seat)


def _tries(count: int) -> str:
    return f"{count} {'try' if count == 1 else 'tries'}"


def _show_code(seat: Seat) -> None:
    if seat.code:
        st.markdown("**Your code, to hand in**")
        st.code(seat.code, language=None, wrap_lines=True)
        st.caption("It says who you are, what you have solved and when, and is signed by this lab.")
    elif not _key():
        st.caption("This lab has no teacher's key, so it can't sign a code. Show your teacher this page instead.")
    else:
        st.caption("Answer a question, and there is a code to hand in.")


# --- the way on ---------------------------------------------------------------------------------------------------


def _ways(lesson: Lesson, packed: str, number: int, seat: Seat) -> None:
    last = len(lesson.steps)
    if number > 1:
        _link(lesson, packed, number - 1, seat, "Back", ":material/arrow_back:", "back")
    if number <= last:
        onward = "Next" if number < last else "To the end"
        _link(lesson, packed, number + 1, seat, onward, ":material/arrow_forward:", "next")
        if seat.code:
            with st.popover("Your code", icon=":material/qr_code:", key="lesson_codes", type="tertiary"):
                _show_code(seat)
    st.button("Close", key="lesson_leave", icon=":material/close:", type="tertiary", on_click=_leave)


def _anew(lesson: Lesson, packed: str, number: int, seat: Seat) -> None:
    """The ways to begin again: with the view, or as somebody else."""
    if seat.student:
        label = f"{plain(seat.student)}: not you?"
        st.button(label, key="lesson_other", type="tertiary", on_click=_other, args=(lesson,))
    last, again = len(lesson.steps), "Back to the teacher's view"
    if number <= last and st.button(again, key="lesson_again", type="tertiary", icon=":material/restart_alt:"):
        del st.session_state[_HERE]
        step = lesson.steps[number - 1]
        st.switch_page(find_page(step.page).file, query_params=query_of(lesson, packed, number, seat.code))


def _link(lesson: Lesson, packed: str, number: int, seat: Seat, label: str, icon: str, role: str) -> None:
    page = find_page(lesson.steps[min(number, len(lesson.steps)) - 1].page)
    with st.container(key=f"lesson_{role}", width="content"):
        st.page_link(page.file, label=label, icon=icon, query_params=query_of(lesson, packed, number, seat.code))


def _other(lesson: Lesson) -> None:
    st.session_state[_SEATS].pop(place_of(lesson), None)
    st.query_params.pop(CODE, None)


def _leave() -> None:
    st.session_state.pop(OPEN, None)
    for name in (CARRIED, STEP, CODE):
        st.query_params.pop(name, None)
