"""A class at a glance: the codes that students have handed in, read and put into a table."""

from collections import Counter
from datetime import date, datetime, time

import streamlit as st

from cnnlab_core.lessons import ClassTable, Lesson, Row, class_table, lesson_in
from cnnlab_core.lessons.codes import State
from cnnlab_core.lessons.table import MOST_CODES
from cnnlab_core.ui.controls import lasting
from cnnlab_core.ui.lesson_card import arrivals
from cnnlab_core.ui.show import plain, sentences
from cnnlab_core.ui.take_away import File, offer
from cnnlab_core.ui.teacher import secret, teachers_key
from cnnlab_core.ui.teaching.entrance import enter_as_teacher, leave_button

WORDS: dict[State, str] = {
    "forged": "not signed by this lab: mistyped or made up",
    "old": "older than the date",
    "another class": "of another class",
    "another lesson": "of another lesson, or of this one before it was changed",
    "unreadable": "not a code",
}
"""What a code is that doesn't count."""
_LIVE_SECONDS = 5.0
_MOST_SHOWN = 20


def show() -> None:
    """For a teacher: the lesson, the codes, the table."""
    with sentences():
        if not enter_as_teacher("you read the codes that students hand in, and see who is where"):
            return
        what, pasted = st.columns(2, gap="large")
        with what:
            address = st.text_input("The lesson's link, as the class has it", **lasting("teaching_class_link"))
            with st.container(horizontal=True):
                first = st.date_input("Codes not before", value=None, **lasting("teaching_class_since"))
                tries = st.number_input("Stuck after so many tries", 1, 99, 3, **lasting("teaching_class_tries"))
        text = pasted.text_area(
            f"Codes, up to {MOST_CODES} at once",
            **lasting("teaching_codes"),
            height=125,
            max_chars=60_000,
            placeholder="As they come: from mails, a chat or a spreadsheet.",
            help="Who works on this server is in the table without a code, until the server is started anew.",
        )
        if address:
            since = datetime.combine(first, time.min).timestamp() if isinstance(first, date) else 0.0
            st.fragment(_table, run_every=_LIVE_SECONDS)(lesson_in(address), text, since, int(tries))
        else:
            st.caption("Paste the link that you gave the class: its students appear here.")
    leave_button()


def _table(lesson: Lesson, text: str, since: float, tries: int) -> None:
    with sentences():
        table = class_table(text, lesson, secret(teachers_key()), since, arrivals().codes(lesson))
        st.subheader(f"{plain(lesson.title)} · {plain(lesson.group)}".removesuffix(" · "), anchor=False)
        solved = sum(table.at(row) is None for row in table.rows)
        stuck = sum(table.is_stuck(row, tries) for row in table.rows)
        with st.container(horizontal=True, gap="large"):
            for name, count in (("Students", len(table.rows)), ("Have solved all", solved), ("Stuck", stuck)):
                st.metric(name, count, width="content")
        if table.rows:
            students, steps = st.columns([3, 2], gap="large")
            students.dataframe([_row(table, row, tries) for row in table.rows], hide_index=True)
            steps.dataframe([_step(table, number) for number in table.asked], hide_index=True)
            with st.container(horizontal=True):
                offer(
                    File("Class (CSV)", table.csv(), "cnnlab_class.csv", "text/csv"),
                    File("Every code (CSV)", table.csv(every=True), "cnnlab_codes.csv", "text/csv"),
                    icon=":material/download:",
                )
        if table.refused:
            _refused(table)


def _row(table: ClassTable, row: Row, tries: int) -> dict[str, str]:
    at = table.at(row)
    where = "all solved" if at is None else f"step {at}" + (", stuck" if table.is_stuck(row, tries) else "")
    steps = {f"step {number}": _tried(table, row, number) for number in table.asked}
    when = datetime.fromtimestamp(row.latest.when).strftime("%Y-%m-%d %H:%M")
    return {"student": row.student, "where": where, **steps, "codes": str(len(row.results)), "latest": when}


def _tried(table: ClassTable, row: Row, number: int) -> str:
    one = table.tried(row, number)
    return f"{'✓' if one.right else '✗'} {one.tries}" if one.tries else ""


def _step(table: ClassTable, number: int) -> dict[str, str]:
    mean = table.mean_tries(number)
    return {
        "step": str(number),
        "solved": f"{table.solved(number)} of {len(table.rows)}",
        "tries, on average": f"{mean:.1f}" if mean else "",
        "task": table.lesson.steps[number - 1].task,
    }


def _refused(table: ClassTable) -> None:
    counts = Counter(state for _, state in table.refused)
    words = "; ".join(f"{WORDS[state]} ({count})" for state, count in counts.most_common())
    st.warning(f"These don't count: {words}.", icon=":material/block:")
    rows = [
        {"code": code if len(code) < 20 else f"{code[:18]}…", "what it is": WORDS[state]}
        for code, state in table.refused
    ]
    st.dataframe(rows[:_MOST_SHOWN], hide_index=True)
