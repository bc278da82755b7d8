"""A lesson of several steps, as a form: what students read, guess and answer, and the link to hand out."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from cnnlab_core.errors import LabError
from cnnlab_core.exercises import KINDS, LEVELS
from cnnlab_core.lessons import Lesson, lesson_in, pack, read_file, read_link, write_file
from cnnlab_core.lessons.lesson import LINE, MOST_STEPS, VALUE, WORDS
from cnnlab_core.lessons.packed import MOST_LETTERS
from cnnlab_core.lessons.ready import LESSONS
from cnnlab_core.ui.contents import PAGES
from cnnlab_core.ui.lesson import EDIT, PARAMETER
from cnnlab_core.ui.lesson_card import check_pages, link_of
from cnnlab_core.ui.show import plain, show_problem
from cnnlab_core.ui.teaching.draft import Draft, draft_of, lesson_of, lines
from cnnlab_core.ui.uploads import bring_file

_DRAFT, _OPEN, _PROBLEM, _COUNT = "lesson draft", "lesson_make_open", "lesson make problem", "lesson make count"
_QUESTIONS = {"none": "No question", "number": "A number", "choices": "Choices", "exercise": "An exercise of the lab"}


def show() -> None:
    """The form, and what comes of it."""
    draft = _draft()
    st.markdown(
        "A lesson is a row of views, each with a task, and with a guess and a question if you like. Students open its "
        "link; there is nothing to install, and no account. Here is one to change."
    )
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        _text(draft, "title", "Title", max_chars=LINE)
        _text(draft, "by", "Written by", max_chars=LINE, placeholder="You, as students know you")
        _text(draft, "group", "For the class", max_chars=LINE, placeholder="7b")
        _load()
    _show_problem()
    with st.container(border=True):
        _edit(_choose(draft["steps"]))
    _outcome(draft)
    st.subheader("A view without a task", anchor=False)
    st.markdown(
        "Choose a page. Set it as students should see it, untick the controls they don't need, and copy the link: to "
        "hand it out as it is, or for a step above. “Make a lesson of this view”, at the end of a view, does the same."
    )
    with st.container(horizontal=True):
        for entry in PAGES:
            if entry.name != "teaching":
                st.page_link(entry.file, label=entry.title, icon=entry.icon, query_params={PARAMETER: EDIT})
    st.caption(
        "A link holds how the controls are set and what you have written; none of your pictures, and nothing secret. "
        "It hides controls to keep attention on the task. This isn't an exam mode: anyone can bring them back by "
        "editing the address, and read the answers in it."
    )


def _draft() -> Draft:
    if _DRAFT not in st.session_state:
        _write(LESSONS[0])
    return st.session_state[_DRAFT]


def _write(lesson: Lesson) -> None:
    """Begin with a lesson. Every draft and every step has a number, so that no field meets what another one said."""
    draft = draft_of(lesson)
    for record in (draft, *draft["steps"]):
        record["id"] = _number()
    st.session_state[_DRAFT] = draft


def _number() -> int:
    st.session_state[_COUNT] = st.session_state.get(_COUNT, 0) + 1
    return st.session_state[_COUNT]


# --- fields -------------------------------------------------------------------------------------------------------


def _field(
    record: Draft, name: str, start: object, draw: Callable[..., Any], label: str, *rest: Any, **more: Any
) -> Any:
    """A control whose value is kept in the draft, whether it is drawn or not."""
    key = f"lesson_make {record['id']} {name}"
    if key not in st.session_state:
        st.session_state[key] = record.get(name, start)
    record[name] = draw(label, *rest, key=key, **more)
    return record[name]


def _text(record: Draft, name: str, label: str, **more: Any) -> str:
    return _field(record, name, "", st.text_input, label, **more)


def _words(record: Draft, name: str, label: str, **more: Any) -> str:
    return _field(record, name, "", st.text_area, label, height=90, **more)


def _choose(steps: list[Draft]) -> Draft:
    """The step that is being written, and its place among the others."""
    ids = [step["id"] for step in steps]
    if st.session_state.get(_OPEN) not in ids:
        st.session_state[_OPEN] = ids[0]
    at = ids.index(st.session_state[_OPEN])
    with st.container(horizontal=True, vertical_alignment="center"):
        spoken = {number: f"Step {place}" for place, number in enumerate(ids, 1)}
        st.segmented_control(
            "Steps", ids, format_func=spoken.__getitem__, key=_OPEN, required=True, label_visibility="collapsed"
        )
        for label, icon, change, off in (
            ("Add a step", "add", _add, len(ids) >= MOST_STEPS),
            ("Earlier", "arrow_back", lambda: steps.insert(at - 1, steps.pop(at)), at == 0),
            ("Later", "arrow_forward", lambda: steps.insert(at + 1, steps.pop(at)), at == len(ids) - 1),
            ("Delete", "delete", partial(steps.__delitem__, at), len(ids) == 1),
        ):
            key = f"lesson_make_{icon}"
            st.button(label, key=key, icon=f":material/{icon}:", type="tertiary", on_click=change, disabled=off)
    return steps[at]


def _add() -> None:
    st.session_state[_OPEN] = number = _number()
    _draft()["steps"].append({"id": number})


def _edit(step: Draft) -> None:
    link = _text(
        step,
        "link",
        "The view: its link",
        placeholder="Paste the address of a page as you have set it",
        help="The link of “Make a lesson of this view” says what is put away, too.",
    )
    if link:
        _show_link(link)
    left, right = st.columns(2, gap="large")
    with left:
        _words(step, "task", "What to do", max_chars=WORDS)
        if _text(step, "guess_ask", "Guess first (if you like): what to ask", max_chars=VALUE):
            _choices(step, "guess_")
            _text(step, "guess_because", "Why", max_chars=WORDS)
    with right:
        kind = _field(step, "kind", "none", st.selectbox, "Question", list(_QUESTIONS), format_func=_QUESTIONS.get)
        if kind == "exercise":
            title = lambda name: KINDS[name].title if name in KINDS else name  # noqa: E731
            _field(step, "exercise", "output_size", st.selectbox, "Exercise", list(KINDS), format_func=title)
            _field(step, "level", 1, st.segmented_control, "Level", LEVELS, required=True)
            st.caption("Each student gets numbers of their own.")
        elif kind != "none":
            _text(step, "ask", "What to ask", max_chars=VALUE)
        if kind == "number":
            with st.container(horizontal=True):
                _text(step, "answer", "Answer", max_chars=30)
                _text(step, "tolerance", "Give or take", max_chars=30, placeholder="0")
        elif kind == "choices":
            _choices(step, "")
        _words(step, "after", "What is told afterwards (if you like)", max_chars=WORDS)


def _show_link(link: str) -> None:
    try:
        page, view, away = read_link(link)
    except LabError as error:
        show_problem(error)
        return
    title = {entry.name: entry.title for entry in PAGES}.get(page, page)
    counts = (
        f"{len(found)} {what}{'' if len(found) == 1 else 's'}" for found, what in ((view, "setting"), (away, "control"))
    )
    st.caption(f"{plain(title)}: {', '.join(counts)} put away.")


def _choices(step: Draft, prefix: str) -> None:
    found = lines(_words(step, f"{prefix}choices", "Choices, one on each line", max_chars=VALUE * 3))
    if not found:
        return
    name, last = f"{prefix}right", len(found) - 1
    step[name] = min(step.get(name, 0), last)
    key = f"lesson_make {step['id']} {name}"
    if st.session_state.get(key, 0) > last:
        st.session_state[key] = 0
    _field(step, name, 0, st.selectbox, "The right one", range(len(found)), format_func=dict(enumerate(found)).get)


# --- in and out ---------------------------------------------------------------------------------------------------


def _load() -> None:
    with st.popover("Load a lesson", icon=":material/folder_open:", key="lesson_make_load"):
        link = "lesson_make_link"
        st.text_input("Its link", key=link, on_change=lambda: _take(lambda: lesson_in(st.session_state[link])))
        file = bring_file("Its file", type=["json"], key="lesson_make_file")
        if file is not None:
            content = file.getvalue()
            st.button(
                "Load the file", icon=":material/upload_file:", on_click=lambda: _take(lambda: read_file(content))
            )


def _take(read: Callable[[], Lesson]) -> None:
    try:
        _write(read())
    except LabError as error:
        st.session_state[_PROBLEM] = str(error)


def _show_problem() -> None:
    if problem := st.session_state.pop(_PROBLEM, ""):
        show_problem(problem)


def _outcome(draft: Draft) -> None:
    """The link and the file, or what is missing still."""
    try:
        lesson = lesson_of(draft)
        check_pages(lesson)
        address = link_of(lesson, st.context.url or "")
    except LabError as error:
        st.info(f"Not ready yet. {plain(str(error))}", icon=":material/edit_note:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.link_button("Open it as a student", address, icon=":material/open_in_new:", type="primary")
        with st.popover("Its link", icon=":material/link:", key="lesson_make_copy"):
            st.code(address, language=None, wrap_lines=True)
        name = "_".join(re.findall("[a-z0-9]+", lesson.title.lower())) or "lesson"
        st.download_button(
            "Save it as a file",
            write_file(lesson),
            f"cnnlab_{name}.json",
            "application/json",
            key="lesson_make_save",
            on_click="ignore",
            icon=":material/download:",
        )
        st.caption(f"{len(pack(lesson)):,} of {MOST_LETTERS:,} letters", width="content")
