"""The report: several pictures towards several targets, as one figure to hand in, and a table."""

from collections.abc import Generator, Sequence

import streamlit as st

from cnnlab_core.attacks.methods import FIRST_LOOK
from cnnlab_core.attacks.result import View
from cnnlab_core.attacks.studies.report import Aim, Found, Row, report_rows, report_table
from cnnlab_core.attacks.targets import RULES
from cnnlab_core.images.levels import LEVELS
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.plots.report import Format, ReportRow, rendered, report_figure
from cnnlab_core.recipes.adversarial import report as recipe
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.pictures import pictures_by_title, show_trio
from cnnlab_core.ui.adversarial.run_attack import CHEAP_TOTAL
from cnnlab_core.ui.adversarial.settings import in_words
from cnnlab_core.ui.adversarial.target import ANY, FIRST, aims, as_aim
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.shared import Picture
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.subject import run_on_model
from cnnlab_core.ui.take_away import File, take_away

FIRST_PICTURES = 2
_PAUSED = ":material/pause:"
_LIGHT, _DARK = ("black", "white"), ("#e8edee", "#14191c")


def show(choice: Choice) -> None:
    """Which pictures and targets, the figure of their attacks, and the table."""
    st.caption(
        "A figure for your homework: original, noise and adversarial picture in each row, with classes, probabilities "
        "and distances, all measured on the 8-bit pictures. Every picture is attacked towards every target, with the "
        "settings above."
    )
    pictures, targets = _asked(choice)
    if not pictures or not targets:
        st.caption("Choose at least one picture and one target.")
        return
    rows = _rows(choice, pictures, targets)
    if not rows:
        return
    _figure(choice, rows)
    _table(choice, rows)
    _away(choice, rows, pictures, targets)


def _asked(choice: Choice) -> tuple[dict[str, Picture], list[Aim]]:
    """The pictures by title, and the targets."""
    offered = pictures_by_title()
    names = aims(choice.subject.spec, needs_target=choice.plan.entry.needs_target)
    usual = FIRST if FIRST in names else RULES[0]
    first, second = st.columns(2, gap="medium")
    titles = CONTROLS.several("report_pictures", "Pictures", list(offered), list(offered)[:FIRST_PICTURES], place=first)
    chosen = CONTROLS.several("report_targets", "Targets (type to search)", names, [usual], place=second)
    return {title: offered[title] for title in titles if title in offered}, [as_aim(name) for name in chosen]


def _rows(choice: Choice, pictures: dict[str, Picture], targets: Sequence[Aim]) -> tuple[Row, ...]:
    """The finished rows: all of them, or those that were finished when Stop was pressed; they are kept to go on."""
    count = len(pictures) * len(targets)
    settings = choice.plan, [one.key for one in pictures.values()], targets
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
        return report_rows(model, opened, targets, choice.plan, known)

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
        )
    live.empty()
    if outcome.state == "done":
        return outcome.result or ()
    known = _kept(key)
    if known:
        st.info(f"Stopped: here are {len(known)} of {count} rows. The button continues from there.", icon=_PAUSED)
    elif outcome.state == "stale":
        st.info("Your last report had other settings; the button makes a new one.", icon=":material/history:")
    return known


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
    colours = _DARK if st.context.theme.type == "dark" else _LIGHT
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
    choice: Choice, rows: Sequence[Row], kind: Format, colours: tuple[str, str] = _LIGHT, *, dpi: int = 200
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


def _away(choice: Choice, rows: Sequence[Row], pictures: dict[str, Picture], targets: Sequence[Aim]) -> None:
    opened = [(title, one.name if one.is_sample else None) for title, one in pictures.items()]
    code = recipe.code(*choice.subject.network, pictures=opened, aims=targets, plan=choice.plan)
    table = File("Table (CSV)", lambda: report_table(rows, choice.subject.labels), "cnnlab_report.csv", "text/csv")
    if not any(row.found for row in rows):
        take_away(code, table)
        return
    take_away(
        code,
        File("Figure (PNG)", lambda: _file(choice, rows, "png"), "cnnlab_report.png", "image/png"),
        File("Figure (PDF)", lambda: _file(choice, rows, "pdf"), "cnnlab_report.pdf", "application/pdf"),
        table,
    )
