"""The sheet of exercises: what is on it, the sheet itself, and the files to print."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import streamlit as st

from cnnlab_core.exercises import (
    KINDS,
    LEVELS,
    Choice,
    Exercise,
    Sheet,
    draw_sheets,
    moodle_xml_steps,
    qti_package_steps,
    sheets_html_steps,
)
from cnnlab_core.exercises.kinds import address
from cnnlab_core.exercises.sheet import MOST_EACH, MOST_SHEET_SEED, MOST_SHEETS, exercise_markdown
from cnnlab_core.recipes.exercises.sheets import code
from cnnlab_core.runtime.device import pick_device
from cnnlab_core.runtime.gate import gate
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.ui.contents import find_page
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.exercises.practice import beside, choose_seed
from cnnlab_core.ui.show import sentences
from cnnlab_core.ui.take_away import File, offer, take_away

FIRST = ("conv2d", "output_size", "field_growth", "fgsm_step", "smallest_epsilon", "true_or_false")
"""What the page opens with."""

CONTROLS = Controls("exercises")
Steps = Callable[[Iterable[Sheet]], Generator[Sheet, None, str | bytes]]
SYSTEMS: tuple[tuple[str, Steps, str, str], ...] = (
    ("For Moodle (XML)", moodle_xml_steps, "_moodle.xml", "application/xml"),
    ("For other systems (QTI)", qti_package_steps, "_qti.zip", "application/zip"),
)
"""What a button says, what makes its file, how the file's name ends, and its kind."""
Made = TypeVar("Made")


@dataclass(frozen=True)
class Wanted:
    """What the controls say."""

    kinds: tuple[str, ...]
    seed: int
    level: int
    each: int
    sheets: int

    @property
    def name(self) -> str:
        """The sheets as a part of a file's name."""
        last = f"_to_{self.seed + self.sheets - 1}" if self.sheets > 1 else ""
        return f"cnnlab_exercises_{self.seed}{last}"

    def html(self, lab: str, *, solutions: bool) -> str:
        """The file to print."""
        return made(sheets_html_steps(draw_sheets(**vars(self)), solutions=solutions, lab=lab))

    def variants(self, count: int) -> Iterable[Sheet]:
        """So many of each kind, for a school's own system to draw from: those of as many sheets with one of each."""
        return draw_sheets(**vars(self) | {"each": 1, "sheets": count})

    def questions(self, steps: Steps, count: int) -> str | bytes:
        """Those as a file."""
        return made(steps(self.variants(count)))

    def markdown(self) -> str:
        return "\n".join(
            exercise_markdown(exercise) for sheet in draw_sheets(**vars(self)) for exercise in sheet.exercises
        )


def made(steps: Generator[Sheet, None, Made]) -> Made:
    """A file, made through the gate: forty sheets take seconds."""
    return finish(gate(pick_device().type).drive(steps))


def show() -> None:
    """What is to be on the sheet, its files, and the sheet."""
    wanted = choose()
    sheet = next(draw_sheets(**vars(wanted)))  # says what is wrong with the wishes, before anything is offered
    variants = files(wanted)
    st.divider()
    st.subheader(f"Sheet {sheet.seed}")
    solved = CONTROLS.toggle("solved", "With solutions")
    for number, exercise in enumerate(sheet.exercises, 1):
        show_exercise(number, exercise, solved=solved)
    name = f"cnnlab_exercises_{wanted.seed}.md"
    recipe = code(**vars(wanted), variants=variants, solutions=True, lab=lab_address(), file=wanted.name)
    take_away(recipe, File("This sheet and its solutions (Markdown)", wanted.markdown, name, "text/markdown"))


def choose() -> Wanted:
    """Kinds by topic, then level, number and seeds."""
    topics: dict[str, dict[str, str]] = {}
    for kind in KINDS.values():
        topics.setdefault(kind.topic, {})[kind.title] = kind.name
    chosen: list[str] = []
    for topic, names in topics.items():
        first = [title for title, name in names.items() if name in FIRST]
        picked = CONTROLS.some_of(topic.lower().replace(" ", "_"), topic, list(names), first)
        chosen += [name for title, name in names.items() if title in picked]
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        level = CONTROLS.one_of("level", "Level", LEVELS, 1)
        each = CONTROLS.number("each", "Of each kind", 1, MOST_EACH, 1, 1, width=130)
        seed = choose_seed(CONTROLS, MOST_SHEET_SEED)
        sheets = CONTROLS.number(
            "sheets",
            "Sheets in the file",
            1,
            MOST_SHEETS,
            1,
            1,
            width=160,
            help="A sheet for each student, no two alike: the first has this seed, the others the seeds after it.",
        )
    return Wanted(tuple(chosen), seed, level, each, sheets)


def files(wanted: Wanted) -> int:
    """The files: to print, and for schools' own systems; gives how many variants those have."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        what = "sheet" if wanted.sheets == 1 else f"{wanted.sheets} sheets"
        for label, solutions, end in (
            (f"The {what} to print", False, ""),
            (f"The {what} with solutions", True, "_solved"),
        ):
            st.download_button(
                label,
                partial(wanted.html, lab_address(), solutions=solutions),
                f"{wanted.name}{end}.html",
                "text/html",
                key=f"exercises_download{end}",
                icon=":material/download:",
                type="secondary" if solutions else "primary",
                on_click="ignore",
            )
        with st.popover("For Moodle and other systems", icon=":material/school:", key="exercises_systems"):
            variants = hand_over(wanted)
    st.caption(
        "A single file that needs no network: open it, and print it or save it as PDF from there. Solutions come "
        "after the sheets, on separate pages. The same seed gives the same sheet everywhere."
    )
    return variants


def hand_over(wanted: Wanted) -> int:
    """Questions for a school's own system: how many of each kind, and the files."""
    st.markdown(
        "The chosen kinds and level as questions that a school's own system asks and grades: draw one of each kind at "
        "random, and everybody gets other numbers. Tolerances are the same as here, and the solution is the feedback."
    )
    variants = CONTROLS.number("variants", "Variants of each kind", 1, MOST_SHEETS, 20, 1, width=180)
    with sentences():
        wanted.variants(variants)  # says what is wrong with the wish, before anything is offered
        name = f"cnnlab_exercises_{wanted.seed}"
        files = [
            File(label, partial(wanted.questions, steps, variants), name + end, mime)
            for label, steps, end, mime in SYSTEMS
        ]
        with st.container(horizontal=True, gap="small"):
            offer(*files, icon=":material/download:")
    st.caption("In Moodle: question bank, Import, Moodle XML format; then a random question from each category.")
    return variants


def show_exercise(number: int, exercise: Exercise, *, solved: bool) -> None:
    """One exercise of the sheet, with the way to do it live."""
    kind = KINDS[exercise.kind]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(
                f"**{number}. {kind.title}** :gray[level {exercise.level}, seed {exercise.seed}]", width="content"
            )
            # In a tab of its own: the sheet stays, and no control there keeps what it showed before.
            st.link_button("Do it live", address(exercise), icon=find_page(kind.place.page).icon)
        asked = [
            f"{index}. {part.question}" + (f" *({' / '.join(part.options)})*" if isinstance(part, Choice) else "")
            for index, part in enumerate(exercise.parts, 1)
            if part.question
        ]
        question, parts = beside(exercise) if asked else (st.container(), st.container())
        question.markdown(exercise.prompt)
        if asked:
            parts.markdown("\n".join(asked))
        if solved:
            st.markdown("**Solution**")
            for step in exercise.solution:
                st.markdown(step)


def lab_address() -> str:
    """This lab's own address, where its pages are."""
    return (st.context.url or "").split("?")[0].rpartition("/")[0]
