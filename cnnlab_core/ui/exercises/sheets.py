"""The sheet of exercises: what is on it, the sheet itself, and the files to print."""

from dataclasses import dataclass
from functools import partial

import streamlit as st

from cnnlab_core.exercises import KINDS, LEVELS, Choice, Exercise, draw_sheets, sheets_html_steps
from cnnlab_core.exercises.kinds import address
from cnnlab_core.exercises.sheet import MOST_EACH, MOST_SHEET_SEED, MOST_SHEETS, exercise_markdown
from cnnlab_core.recipes.exercises.sheets import code
from cnnlab_core.runtime.device import pick_device
from cnnlab_core.runtime.gate import gate
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.ui.contents import find_page
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.exercises.practice import beside, choose_seed
from cnnlab_core.ui.take_away import File, take_away

FIRST = ("conv2d", "output_size", "field_growth", "fgsm_step", "smallest_epsilon", "true_or_false")
"""What the page opens with."""

CONTROLS = Controls("exercises")


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
        """The file to print, made through the gate: forty sheets take seconds."""
        steps = sheets_html_steps(draw_sheets(**vars(self)), solutions=solutions, lab=lab)
        return finish(gate(pick_device().type).drive(steps))

    def markdown(self) -> str:
        return "\n".join(
            exercise_markdown(exercise) for sheet in draw_sheets(**vars(self)) for exercise in sheet.exercises
        )


def show() -> None:
    """What is to be on the sheet, its files, and the sheet."""
    wanted = choose()
    sheet = next(draw_sheets(**vars(wanted)))  # says what is wrong with the wishes, before anything is offered
    files(wanted)
    st.divider()
    st.subheader(f"Sheet {sheet.seed}")
    solved = CONTROLS.toggle("solved", "With solutions")
    for number, exercise in enumerate(sheet.exercises, 1):
        show_exercise(number, exercise, solved=solved)
    name = f"cnnlab_exercises_{wanted.seed}.md"
    recipe = code(**vars(wanted), solutions=True, lab=lab_address(), file=f"{wanted.name}.html")
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


def files(wanted: Wanted) -> None:
    """The files to print."""
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
    st.caption(
        "A single file that needs no network: open it, and print it or save it as PDF from there. Solutions come "
        "after the sheets, on separate pages. The same seed gives the same sheet everywhere."
    )


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
