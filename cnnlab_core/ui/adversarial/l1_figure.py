"""The whole question about l1 as one figure: two pictures, three classes each, before, noise and after."""

from collections.abc import Generator, Sequence
from functools import partial

import streamlit as st

from cnnlab_core.attacks.studies.l1_figure import l1_rows_steps, l1_titles
from cnnlab_core.attacks.studies.report import Aim, Row, report_table
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.plots.report import Format, ReportRow, rendered, report_figure
from cnnlab_core.recipes.adversarial import l1_figure as recipe
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.pictures import pictures_by_title, show_trio
from cnnlab_core.ui.adversarial.settings import in_words
from cnnlab_core.ui.adversarial.target import as_aim, class_names
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.show import folded, ink, plain
from cnnlab_core.ui.subject import run_on_model
from cnnlab_core.ui.take_away import File, offer, paper_files, show_code

PICTURES, TARGETS = 2, 3
USUAL = ("tarantula", "space shuttle", "bubble")
Asked = list[tuple[str, Picture, list[Aim]]]


def show_l1_figure(choice: Choice) -> None:
    """Which pictures and classes, the attacks row by row, the figure, and its files and code."""
    st.header("Two pictures, three classes each")
    st.caption(
        "Each picture is attacked towards each of its classes, with the settings above, for a figure to hand in. With "
        "alpha at 0 nothing keeps the change small; from about 1 on hardly anything may change."
    )
    asked = _asked(choice)
    rows = _rows(choice, asked) if all(aims for _, _, aims in asked) else ()
    for row in rows:
        if row.problem:
            st.info(f"{plain(row.picture)}: {plain(row.problem)} This row is left out of the figure.")
    if not any(row.found for row in rows):
        return
    dark = st.context.theme.type == "dark"
    shown = _file(choice, rows, "png", dpi=110, ink=ink(), paper="#14191c" if dark else "white")
    st.image(shown, width=820, alt="Before, noise and after, a row for each target")
    with st.container(horizontal=True):
        table = report_table(rows, choice.subject.labels)
        numbers = File("Figure's numbers (CSV)", table, "cnnlab_l1.csv", "text/csv")
        offer(*paper_files(partial(_file, choice, rows), "l1"), numbers)
    with folded("The figure's code", ":material/code:"):
        opened = [(title, one.name if one.is_sample else None, aims) for title, one, aims in asked]
        show_code(recipe.code(*choice.subject.network, asked=opened, plan=choice.plan), about="The same figure")


def _asked(choice: Choice) -> Asked:
    """The pictures, each with up to three classes."""
    offered, names = pictures_by_title(), class_names(choice.subject.spec)
    labels = choice.subject.labels
    usual = [names[labels.index(label)] for label in USUAL if label in labels] or names[:TARGETS]
    asked: Asked = []
    for number, column in enumerate(st.columns(PICTURES, gap="medium"), 1):
        start = list(offered)[number - 1]
        title = CONTROLS.select(f"l1_picture_{number}", f"Picture {number}", list(offered), start, place=column)
        chosen = CONTROLS.several(
            f"l1_targets_{number}",
            f"Up to three classes for picture {number}",
            names,
            usual,
            place=column,
            max_selections=TARGETS,
        )
        asked.append((title, offered[title], [as_aim(name) for name in chosen]))
    return asked


def _rows(choice: Choice, asked: Asked) -> tuple[Row, ...]:
    """The finished rows, also those of a study that was stopped."""
    count = sum(len(aims) for _, _, aims in asked)
    settings = choice.plan, [(title, picture.key, aims) for title, picture, aims in asked]
    key = digest("l1 figure", choice.subject.network, settings)
    live = st.empty()

    def kept() -> tuple[Row, ...]:
        kept_key, rows = st.session_state.get("l1 rows", ("", ()))
        return rows if kept_key == key else ()

    known = kept()

    def paint(steps: Sequence[Progress[tuple[Row, ...]]]) -> None:
        rows = steps[-1].latest or ()
        st.session_state["l1 rows"] = (key, rows)
        if rows and (found := rows[-1].found):
            with live.container():
                places = [one.empty() for one in st.columns(3)]
            show_trio(places, found.before, found.after, choice.subject.labels, live=True)

    def study(model: LoadedModel) -> Generator[Progress[tuple[Row, ...]], None, tuple[Row, ...]]:
        opened = [(title, picture.image, aims) for title, picture, aims in asked]
        return l1_rows_steps(model, opened, choice.plan, known)

    outcome = run_on_model(
        "l1 figure",
        choice.subject.network,
        settings,
        study,
        label=f"{count} attacks",
        start=f"Make the figure ({count} attacks of up to {choice.plan.most_steps} steps)",
        paint=paint,
    )
    live.empty()
    if outcome.state == "done":
        return outcome.result or ()
    if known := kept():
        st.info(f"Stopped: here are {len(known)} of {count} rows. The button continues from there.")
    return known


def _file(choice: Choice, rows: Sequence[Row], kind: Format, *, dpi: int = 200, **colours: str) -> bytes:
    labels = choice.subject.labels
    found = [(row.picture, row.found) for row in rows if row.found]
    caption = (
        f"Network: {choice.subject.spec.title}, {choice.subject.weights} weights. Attack: {in_words(choice.plan)}.\n"
        f"Reached: {sum(one.success for _, one in found)} of {len(found)}. Labels, L1, L2 (in pixel units, white is 1) "
        "and the number of changed pixels are those of the rounded 8-bit pictures. The noise is amplified: grey is no "
        "change."
    )
    shown = [ReportRow(one.before.pixels, one.after.pixels, *l1_titles(title, one, labels)) for title, one in found]
    heading = f"Small changes in L1: alpha {choice.plan.alpha:g}"
    return rendered(report_figure(shown, heading, caption, **colours), kind, dpi=dpi)
