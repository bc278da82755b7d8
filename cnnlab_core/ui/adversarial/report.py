"""The report: several pictures towards several targets, as one figure to hand in, and a table."""

import csv
import io
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from cnnlab_core.attacks.methods import FIRST_LOOK
from cnnlab_core.attacks.result import View
from cnnlab_core.attacks.studies.report import (
    Aim,
    Found,
    Row,
    report_rows_steps,
    report_table,
    rows_under_transforms_steps,
    transforms_table,
)
from cnnlab_core.attacks.studies.robustness import UnderTransform
from cnnlab_core.attacks.targets import RULES
from cnnlab_core.images.levels import LEVELS
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.plots.report import Format, ReportRow, cells_figure, rendered, report_figure
from cnnlab_core.recipes.adversarial import report as recipe
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.pictures import pictures_by_title, show_trio
from cnnlab_core.ui.adversarial.run_attack import CHEAP_TOTAL
from cnnlab_core.ui.adversarial.settings import in_words
from cnnlab_core.ui.adversarial.target import ANY, FIRST, aims, as_aim
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import Outcome, kept, once, run
from cnnlab_core.ui.show import figure_colours, form, main_picture, plain
from cnnlab_core.ui.subject import run_on_model
from cnnlab_core.ui.take_away import File, paper_files, take_away

FIRST_PICTURES = 2
USUAL = (76, 1, 291, 508)
"""The classes that the pictures' own targets begin with: a tarantula, a goldfish, a lion, a keyboard."""
_PAUSED = ":material/pause:"
_ON_PAPER = ("black", "white")


def show(choice: Choice) -> None:
    """Which pictures and targets, the figure of their attacks, and the table."""
    st.caption(
        "A figure for your homework: original, noise and adversarial picture in each row, with classes, probabilities "
        "and distances, all measured on the 8-bit pictures. The attack is the one set above. Your own pictures are in "
        "the list once they are loaded under “Use your own”."
    )
    asked = _asked(choice)
    if not asked.pictures or not asked.targets:
        st.caption("Choose at least one picture and one target.")
        return
    outcome = _run(choice, asked)
    if outcome.result is None:
        return
    with kept(outcome, "report_result"):
        choice, asked = outcome.asked
        rows = outcome.result
        with main_picture():
            _figure(choice, rows)
        _table(choice, rows)
        files = _under_transforms(choice, rows) if asked.transforms else []
        _away(choice, rows, asked, files)


@dataclass(frozen=True)
class _Asked:
    """The pictures by title, and the targets: for every picture, or ``paired``, one for each."""

    pictures: dict[str, Picture]
    targets: list[Aim]
    paired: bool
    transforms: bool

    @property
    def count(self) -> int:
        """The rows that these make."""
        return len(self.targets) if self.paired else len(self.pictures) * len(self.targets)


def _asked(choice: Choice) -> _Asked:
    offered = pictures_by_title()
    names = aims(choice.subject.spec, needs_target=choice.plan.entry.needs_target)
    usual = FIRST if FIRST in names else RULES[0]
    place = form()
    first, second = place.columns(2, gap="medium")
    titles = CONTROLS.several("report_pictures", "Pictures", list(offered), list(offered)[:FIRST_PICTURES], place=first)
    pictures = {title: offered[title] for title in titles if title in offered}
    with place.container(horizontal=True, gap="medium"):
        paired = CONTROLS.toggle("report_each", "A target for each picture")
        transforms = CONTROLS.toggle(
            "report_transforms",
            "Mirrored, cropped, turned, grey",
            help="The same pictures under four transforms: mirrored, cropped to 80 %, rotated by 30°, in grayscale, "
            "each with its class and probability before and after.",
        )
    if paired:
        labels = choice.subject.labels
        begin = [f"{index} · {labels[index]}" for index in USUAL if index < len(labels)]
        chosen = [
            CONTROLS.select(
                f"report_target_{number}",
                f"{number}. {plain(title)}: target (type to search)",
                names,
                begin[(number - 1) % len(begin)] if begin else usual,
                place=second,
            )
            for number, title in enumerate(pictures, 1)
        ]
    else:
        chosen = CONTROLS.several("report_targets", "Targets (type to search)", names, [usual], place=second)
    return _Asked(pictures, [as_aim(name) for name in chosen if name in names], paired, transforms)


def _run(choice: Choice, asked: _Asked) -> Outcome[tuple[Row, ...]]:
    """The finished rows: all of them, or those that were finished when Stop was pressed; they are kept to go on."""
    pictures, targets, count = asked.pictures, asked.targets, asked.count
    settings = choice.plan, [one.key for one in pictures.values()], targets, asked.paired
    key = digest(choice.subject.network, settings)
    known = _kept(key)
    samples = all(one.is_sample for one in pictures.values())
    follows = count * choice.plan.total <= CHEAP_TOTAL or (
        choice.plan == FIRST_LOOK and samples and count <= FIRST_PICTURES
    )
    status, live = st.container(), st.empty()  # Stop stays above the rows
    rows_so_far, painted = live.container(), 0

    def paint(steps: list[Progress[tuple[Row, ...]]]) -> None:
        nonlocal painted
        rows = steps[-1].latest or ()
        st.session_state["report rows"] = (key, rows)
        for row in rows[painted:]:
            if row.found:
                with rows_so_far:
                    places = [one.empty() for one in st.columns(3)]
                show_trio(places, row.found.before, row.found.after, choice.subject.labels, live=True)
        painted = len(rows)

    def study(model: LoadedModel) -> Generator[Progress[tuple[Row, ...]], None, tuple[Row, ...]]:
        opened = [(title, picture.image) for title, picture in pictures.items()]
        return report_rows_steps(model, opened, targets, choice.plan, known, paired=asked.paired)

    with status:
        outcome = run_on_model(
            "report",
            choice.subject.network,
            settings,
            study,
            label=f"{count} attacks",
            start="" if follows else f"Make the report ({count} attacks of up to {choice.plan.total - 1} steps)",
            paint=paint,
            for_everybody=follows and samples,
            asked=(choice, asked),
        )
    live.empty()
    if outcome.state != "done" and (known := _kept(key)):
        st.info(f"Stopped: here are {len(known)} of {count} rows. The button continues from there.", icon=_PAUSED)
        return Outcome("stopped", known, asked=(choice, asked))
    return outcome


def _kept(key: str) -> tuple[Row, ...]:
    """What is finished of the report that was worked on last, if that is this one."""
    kept_key, rows = st.session_state.get("report rows", ("", ()))
    return rows if kept_key == key else ()


# --- the figure -------------------------------------------------------------------------------------------------------


def _figure(choice: Choice, rows: Sequence[Row]) -> None:
    for row in rows:
        if row.problem:
            st.info(f"{plain(row.picture)}: {plain(row.problem)} This row is left out of the figure.")
    if not any(row.found for row in rows):
        return
    colours = figure_colours()
    shown = run(
        "report figure",
        digest(
            "report figure",
            *(part for row in rows for part in _identity(row)),
            choice.subject.network,
            choice.plan,
            colours,
        ),
        lambda: once(lambda: _file(choice, rows, "png", colours, dpi=130)),
        label="Drawing the figure",
    ).result
    if shown:
        st.image(shown, width=820, alt="Original, noise and adversarial picture in each row")


def _identity(row: Row) -> tuple[object, ...]:
    return row.picture, row.aim, row.found.after.pixels.tobytes() if row.found else b""


def _file(
    choice: Choice, rows: Sequence[Row], kind: Format, colours: tuple[str, str] = _ON_PAPER, *, dpi: int = 200
) -> bytes:
    ink, paper = colours
    shown = [_report_row(choice, row.picture, row.found) for row in rows if row.found]
    heading = f"{choice.plan.title} against {choice.subject.spec.title}"
    return rendered(report_figure(shown, heading, _caption(choice, rows), ink=ink, paper=paper), kind, dpi=dpi)


def _report_row(choice: Choice, picture: str, found: Found) -> ReportRow:
    before, after, distances, target = found.before, found.after, found.distances, found.target
    labels = choice.subject.labels
    if target is None:
        goal = "fooled" if found.success else "not fooled"
    elif found.success:
        goal = "the target"
    else:
        goal = f"target {labels[target]}, {after.probability(target):.1%}"
    return ReportRow(
        before.pixels,
        after.pixels,
        f"{picture}\n{_answer(before, labels)}",
        f"{_answer(after, labels)}\n{goal}",
        f"L∞ {distances['linf'] * LEVELS:.0f}/{LEVELS}, L2 {distances['l2']:.2f}",
    )


def _answer(view: View, labels: Sequence[str]) -> str:
    return f"{labels[view.best]}, {view.probability(view.best):.1%}"


def _caption(choice: Choice, rows: Sequence[Row]) -> str:
    """The settings and the results, measured."""
    found = [row.found for row in rows if row.found]
    linf, l2, ssim = ([one.distances[name] for one in found] for name in ("linf", "l2", "ssim"))
    return (
        f"Network: {choice.subject.spec.title}, {choice.subject.weights} weights. Attack: {in_words(choice.plan)}.\n"
        f"Fooled: {sum(one.success for one in found)} of {len(found)}. "
        f"Measured: L∞ up to {max(linf) * LEVELS:.0f}/{LEVELS}, "
        f"L2 {min(l2):.2f} to {max(l2):.2f}, SSIM {min(ssim):.4f} to {max(ssim):.4f}.\n"
        "Classes, probabilities and distances refer to the rounded 8-bit pictures, which were shown to the network "
        "again. The noise is amplified so that the largest change is fully bright or dark; grey is no change."
    )


# --- under transforms ------------------------------------------------------------------------------------------------


def _under_transforms(choice: Choice, rows: Sequence[Row]) -> list[File]:
    """The rows' adversarial pictures mirrored, cropped, turned and grey, as a figure and a table; gives their files."""
    kept = [row for row in rows if row.found]
    if not kept:
        return []
    identity = digest(*(part for row in kept for part in _identity(row)))
    under = run_on_model(
        "report transforms",
        choice.subject.network,
        (identity,),
        lambda model: rows_under_transforms_steps(model, kept),
        label="Asking about the transformed pictures",
    ).result
    if under is None:
        return []
    labels = choice.subject.labels
    table = transforms_table(kept, under, labels)

    def file(kind: Format, colours: tuple[str, str] = _ON_PAPER, *, dpi: int = 200) -> bytes:
        cells = [
            [(trial.views[1].pixels, _under_title(trial, row.found.after, labels)) for trial in trials[1:] if row.found]
            for row, trials in zip(kept, under, strict=True)
        ]
        spec, weights = choice.subject.spec, choice.subject.weights
        heading = f"{choice.plan.title} against {spec.title}: adversarial pictures under transforms"
        caption = (
            f"Network: {spec.title}, {weights} weights. Attack: {in_words(choice.plan)}.\n"
            f"Rows: {', '.join(row.picture for row in kept)}. Above each picture: what the network says before and (→) "
            "after the transform, of 8-bit pictures."
        )
        ink, paper = colours
        return rendered(cells_figure(cells, heading, caption, lines=3, ink=ink, paper=paper), kind, dpi=dpi)

    st.markdown("**The adversarial pictures under four transforms**")
    colours = figure_colours()
    shown = run(
        "report transforms figure",
        digest("report transforms figure", identity, choice.subject.network, choice.plan, colours),
        lambda: once(lambda: file("png", colours, dpi=110)),
        label="Drawing the figure",
    ).result
    if shown:
        st.image(shown, width="stretch", alt="Each adversarial picture under four transforms")
    st.dataframe(list(csv.DictReader(io.StringIO(table))), hide_index=True)
    return [
        *paper_files(file, "transforms", "Transforms ({})"),
        File("Transforms (CSV)", table, "cnnlab_transforms.csv", "text/csv"),
    ]


def _under_title(trial: UnderTransform, before: View, labels: Sequence[str]) -> str:
    return f"{trial.title}\n{_answer(before, labels)}\n→ {_answer(trial.views[1], labels)}"


# --- table and files --------------------------------------------------------------------------------------------------


def _table(choice: Choice, rows: Sequence[Row]) -> None:
    labels = choice.subject.labels
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        [_shown(row.picture, row.found, labels) for row in rows if row.found],
        hide_index=True,
        column_config={"P before": percent, "P after": percent},
    )


def _shown(picture: str, found: Found, labels: Sequence[str]) -> dict[str, object]:
    before, after, distances, target = found.before, found.after, found.distances, found.target
    return {
        "picture": picture,
        "before": labels[before.best],
        "P before": before.probability(before.best),
        "target": ANY if target is None else labels[target],
        "after": labels[after.best],
        "P after": after.probability(after.best),
        "fooled": found.success,
        "L∞ (k/255)": round(distances["linf"] * LEVELS),
        "L2": round(distances["l2"], 3),
        "SSIM": round(distances["ssim"], 4),
    }


def _away(choice: Choice, rows: Sequence[Row], asked: _Asked, files: Sequence[File]) -> None:
    opened = [(title, one.name if one.is_sample else None) for title, one in asked.pictures.items()]
    code = recipe.code(
        *choice.subject.network,
        pictures=opened,
        aims=asked.targets,
        plan=choice.plan,
        paired=asked.paired,
        transforms=asked.transforms,
    )
    table = File("Table (CSV)", lambda: report_table(rows, choice.subject.labels), "cnnlab_report.csv", "text/csv")
    if not any(row.found for row in rows):
        take_away(code, table)
        return
    take_away(
        code,
        *paper_files(partial(_file, choice, rows), "report"),
        table,
        *files,
    )
