"""The report: several pictures towards several targets, as one figure to hand in, and a table."""

from collections.abc import Sequence

import streamlit as st

from cnnlab_core.attacks.plan import METHODS, Plan
from cnnlab_core.attacks.studies.attack import Fooled
from cnnlab_core.attacks.studies.report import Aim, GridRow, GridStep, attack_grid, grid_table
from cnnlab_core.attacks.targets import RULES
from cnnlab_core.models import load_model
from cnnlab_core.plots.report import Format, ReportRow, rendered, report_figure
from cnnlab_core.recipes.adversarial_report import report_code
from cnnlab_core.ui.adversarial.choice import ANY, FIRST_TARGET, LEVELS, Choice, class_names
from cnnlab_core.ui.adversarial.job import CHEAP_LOOKS
from cnnlab_core.ui.adversarial.pieces import trio
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.shared import Picture, all_pictures
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away

FIRST_PICTURES = 2
_PAUSED = ":material/pause:"
_LIGHT, _DARK = ("black", "white"), ("#e8edee", "#14191c")


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        "What a homework asks for: original, noise and adversarial picture in a row, with classes, probabilities and "
        "distances, all measured on the 8-bit pictures. Every picture is attacked towards every target, with the "
        "settings above."
    )
    pictures, aims = _asked(choice)
    if not pictures or not aims:
        st.caption("Choose at least one picture and one target.")
        return
    key = digest("grid", choice.key[:2], choice.plan, [one.key for one in pictures.values()], aims)
    rows = _rows(choice, key, pictures, aims)
    if not rows:
        return
    _figure(choice, rows)
    _table(choice, rows)
    _away(choice, rows, pictures, aims)


def _asked(choice: Choice) -> tuple[dict[str, Picture], list[Aim]]:
    """The pictures by title, and the targets."""
    offered = {one.title if one.is_sample else f"Your own: {one.title}": one for one in all_pictures()}
    names = [*([] if METHODS[choice.plan.method].needs_target else [ANY]), *RULES, *class_names(choice.spec)]
    first, second = st.columns(2, gap="medium")
    titles = first.multiselect(
        "Pictures",
        list(offered),
        default=list(offered)[:FIRST_PICTURES],
        key="adversarial_report_pictures",
        bind="query-params",
    )
    chosen = second.multiselect(
        "Targets (type to search)",
        names,
        default=[FIRST_TARGET if FIRST_TARGET in names else RULES[0]],
        key="adversarial_report_targets",
        bind="query-params",
    )
    return {title: offered[title] for title in titles if title in offered}, [_aim(name) for name in chosen]


def _aim(name: str) -> Aim:
    if name == ANY:
        return None
    return name if name in RULES else int(name.split(" · ")[0])


def _rows(choice: Choice, key: str, pictures: dict[str, Picture], aims: Sequence[Aim]) -> tuple[GridRow, ...]:
    """The finished rows: all of them, or those that were finished when Stop was pressed; they are kept to go on."""
    count = len(pictures) * len(aims)
    known = _kept(key)
    samples = all(one.is_sample for one in pictures.values())
    follows = count * choice.plan.looks <= CHEAP_LOOKS or (
        choice.plan == Plan() and samples and count <= FIRST_PICTURES
    )
    status, live = st.container(), st.empty()  # Stop stays above the rows
    rows_so_far, painted = live.container(), 0

    def paint(steps: list[GridStep]) -> None:
        nonlocal painted
        rows = steps[-1].rows
        st.session_state["report rows"] = (key, rows)
        for row in rows[painted:]:
            if row.fooled:
                with rows_so_far:
                    trio([one.empty() for one in st.columns(3)], row.fooled.clean, row.fooled.adversarial,
                         choice.labels, live=True)  # fmt: skip
        painted = len(rows)

    def job():  # type: ignore[no-untyped-def]
        model = load_model(choice.spec.name, choice.weights)
        opened = [(title, picture.image) for title, picture in pictures.items()]
        return (yield from attack_grid(model, opened, aims, choice.plan, known))

    with status:
        outcome = run(
            "report",
            key,
            job,
            label=f"{count} attacks",
            share=lambda step: step.done,
            start="" if follows else f"Make the report ({count} attacks of up to {choice.plan.looks - 1} steps)",
            paint=paint,
            for_everybody=follows and samples,
        )
    live.empty()
    if outcome.state == "done":
        return outcome.result or ()
    known = _kept(key)
    if known:
        st.info(f"Stopped: here are {len(known)} of {count} rows. The button goes on behind them.", icon=_PAUSED)
    elif outcome.state == "stale":
        st.info("There is a report of earlier settings; the button makes one of these.", icon=":material/history:")
    return known


def _kept(key: str) -> tuple[GridRow, ...]:
    """What is finished of the report that was worked on last, if that is this one."""
    kept_key, rows = st.session_state.get("report rows", ("", ()))
    return rows if kept_key == key else ()


# --- the figure -------------------------------------------------------------------------------------------------------


def _figure(choice: Choice, rows: Sequence[GridRow]) -> None:
    for row in rows:
        if row.problem:
            st.info(f"{plain(row.picture)}: {plain(row.problem)} This row is left out of the figure.")
    if not any(row.fooled for row in rows):
        return
    colours = _DARK if st.context.theme.type == "dark" else _LIGHT
    shown = run(
        "report figure",
        digest("report figure", *(part for row in rows for part in _identity(row)), choice.key, colours),
        lambda: once(lambda: _file(choice, rows, "png", colours, dpi=130)),
        label="Drawing the figure",
    ).result
    if shown:
        st.image(shown, width=820, alt="Original, noise and adversarial picture in each row")


def _identity(row: GridRow) -> tuple[object, ...]:
    return row.picture, row.aim, row.fooled.adversarial.pixels.tobytes() if row.fooled else b""


def _file(
    choice: Choice, rows: Sequence[GridRow], kind: Format, colours: tuple[str, str] = _LIGHT, *, dpi: int = 200
) -> bytes:
    ink, paper = colours
    shown = [_report_row(choice, row.picture, row.fooled) for row in rows if row.fooled]
    heading = f"{choice.plan.method} against {choice.spec.title}"
    return rendered(report_figure(shown, heading, _caption(choice, rows), ink=ink, paper=paper), kind, dpi=dpi)


def _report_row(choice: Choice, picture: str, found: Fooled) -> ReportRow:
    after, distances = found.adversarial, found.distances
    named = [f"{choice.labels[view.best]}, {view.probability(view.best):.1%}" for view in (found.clean, after)]
    if found.target is None:
        goal = "fooled" if found.success else "not fooled"
    elif found.success:
        goal = "the target"
    else:
        goal = f"target {choice.labels[found.target]}, {after.probability(found.target):.1%}"
    return ReportRow(
        found.clean.pixels,
        after.pixels,
        f"{picture}\n{named[0]}",
        f"{named[1]}\n{goal}",
        f"linf {distances.linf * LEVELS:.0f}/255, l2 {distances.l2:.2f}",
    )


def _caption(choice: Choice, rows: Sequence[GridRow]) -> str:
    """Settings, and what came of them, measured."""
    found = [row.fooled for row in rows if row.fooled]
    l2, ssim = ([getattr(one.distances, name) for one in found] for name in ("l2", "ssim"))
    linf = max(one.distances.linf for one in found) * LEVELS
    return (
        f"Network: {choice.spec.title}, {choice.weights} weights. Attack: {settings(choice.plan)}.\n"
        f"Fooled: {sum(one.success for one in found)} of {len(found)}. Measured: linf up to {linf:.0f}/255, "
        f"l2 {min(l2):.2f} to {max(l2):.2f}, SSIM {min(ssim):.4f} to {max(ssim):.4f}.\n"
        "Classes, probabilities and distances are those of the rounded 8-bit pictures, which were shown to the "
        "network anew. The noise is amplified so that the largest change is fully bright or dark; grey is no change."
    )


def settings(plan: Plan) -> str:
    """A plan in words: “PGD, norm linf, epsilon 4/255, step size 1/255, 20 steps”."""
    used = METHODS[plan.method].settings
    words = [plan.method]
    if "norm" in used:
        words.append(f"norm {plan.norm}")
    levels = plan.norm == "linf" or "norm" not in used
    if "eps" in used:
        words.append(f"epsilon {_length(plan.eps, levels=levels)}")
    if "step_size" in used and plan.step_size is not None:
        words.append(f"step size {_length(plan.step_size, levels=plan.method == 'PGD' and levels)}")
    if "learning_rate" in used:
        words.append(f"learning rate {plan.learning_rate:g}, alpha {plan.alpha:g}")
    if "steps" in used:
        words.append(f"{'up to ' if plan.early_stop else ''}{plan.steps} steps")
    if "random_start" in used and plan.random_start:
        words.append(f"random start (seed {plan.seed})")
    if "restarts" in used and plan.restarts > 1:
        words.append(f"best of {plan.restarts} restarts")
    return ", ".join(words)


def _length(value: float, *, levels: bool) -> str:
    return f"{value * LEVELS:g}/255" if levels else f"{value:g}"


# --- table and files --------------------------------------------------------------------------------------------------


def _table(choice: Choice, rows: Sequence[GridRow]) -> None:
    labels = choice.labels
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        [
            {
                "picture": row.picture,
                "before": labels[found.clean.best],
                "P before": found.clean.probability(found.clean.best),
                "target": ANY if found.target is None else labels[found.target],
                "after": labels[found.adversarial.best],
                "P after": found.adversarial.probability(found.adversarial.best),
                "fooled": found.success,
                "linf (k/255)": round(found.distances.linf * LEVELS),
                "l2": round(found.distances.l2, 3),
                "SSIM": round(found.distances.ssim, 4),
            }
            for row in rows
            if (found := row.fooled)
        ],
        hide_index=True,
        column_config={"P before": percent, "P after": percent},
    )


def _away(choice: Choice, rows: Sequence[GridRow], pictures: dict[str, Picture], aims: Sequence[Aim]) -> None:
    opened = [(title, one.name if one.is_sample else None) for title, one in pictures.items()]
    code = report_code(choice.spec.name, choice.weights, opened, aims, choice.plan)
    table = File("Table (CSV)", lambda: grid_table(rows, choice.labels), "cnnlab_report.csv", "text/csv")
    if not any(row.fooled for row in rows):
        take_away(code, table)
        return
    take_away(
        code,
        File("Figure (PNG)", lambda: _file(choice, rows, "png"), "cnnlab_report.png", "image/png"),
        File("Figure (PDF)", lambda: _file(choice, rows, "pdf"), "cnnlab_report.pdf", "application/pdf"),
        table,
    )
