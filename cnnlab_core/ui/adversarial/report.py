"""The report: several pictures towards several targets, as one figure to hand in, and a table."""

from collections.abc import Generator, Sequence

import streamlit as st

from cnnlab_core.attacks.plan import METHODS, Plan
from cnnlab_core.attacks.studies.attack import Fooled
from cnnlab_core.attacks.studies.report import Aim, GridRow, GridStep, attack_grid, grid_table
from cnnlab_core.attacks.studies.sweep import levels
from cnnlab_core.attacks.targets import RULES
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.plots.report import Format, ReportRow, rendered, report_figure
from cnnlab_core.recipes.adversarial import report as recipe
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.norms import LEVELS, NORMS
from cnnlab_core.ui.adversarial.pictures import pictures_by_title, show_trio
from cnnlab_core.ui.adversarial.run_attack import CHEAP_LOOKS
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
    names = aims(choice.subject.spec, needs_target=METHODS[choice.plan.method].needs_target)
    usual = FIRST if FIRST in names else RULES[0]
    first, second = st.columns(2, gap="medium")
    titles = CONTROLS.several("report_pictures", "Pictures", list(offered), list(offered)[:FIRST_PICTURES], place=first)
    chosen = CONTROLS.several("report_targets", "Targets (type to search)", names, [usual], place=second)
    return {title: offered[title] for title in titles if title in offered}, [as_aim(name) for name in chosen]


def _rows(choice: Choice, pictures: dict[str, Picture], targets: Sequence[Aim]) -> tuple[GridRow, ...]:
    """The finished rows: all of them, or those that were finished when Stop was pressed; they are kept to go on."""
    count = len(pictures) * len(targets)
    settings = choice.plan, [one.key for one in pictures.values()], targets
    key = digest(choice.subject.network, settings)
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
                    show_trio(
                        [one.empty() for one in st.columns(3)],
                        row.fooled.clean,
                        row.fooled.adversarial,
                        choice.subject.labels,
                        live=True,
                    )
        painted = len(rows)

    def study(model: LoadedModel) -> Generator[GridStep, None, tuple[GridRow, ...]]:
        opened = [(title, picture.image) for title, picture in pictures.items()]
        return attack_grid(model, opened, targets, choice.plan, known)

    with status:
        outcome = run_on_model(
            "report",
            choice.subject.network,
            settings,
            study,
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
        st.info(f"Stopped: here are {len(known)} of {count} rows. The button continues from there.", icon=_PAUSED)
    elif outcome.state == "stale":
        st.info("Your last report had other settings; the button makes a new one.", icon=":material/history:")
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


def _identity(row: GridRow) -> tuple[object, ...]:
    return row.picture, row.aim, row.fooled.adversarial.pixels.tobytes() if row.fooled else b""


def _file(
    choice: Choice, rows: Sequence[GridRow], kind: Format, colours: tuple[str, str] = _LIGHT, *, dpi: int = 200
) -> bytes:
    ink, paper = colours
    shown = [_report_row(choice, row.picture, row.fooled) for row in rows if row.fooled]
    heading = f"{choice.plan.method} against {choice.subject.spec.title}"
    return rendered(report_figure(shown, heading, _caption(choice, rows), ink=ink, paper=paper), kind, dpi=dpi)


def _report_row(choice: Choice, picture: str, found: Fooled) -> ReportRow:
    after, distances = found.adversarial, found.distances
    named = [f"{choice.subject.labels[view.best]}, {view.probability(view.best):.1%}" for view in (found.clean, after)]
    if found.target is None:
        goal = "fooled" if found.success else "not fooled"
    elif found.success:
        goal = "the target"
    else:
        goal = f"target {choice.subject.labels[found.target]}, {after.probability(found.target):.1%}"
    return ReportRow(
        found.clean.pixels,
        after.pixels,
        f"{picture}\n{named[0]}",
        f"{named[1]}\n{goal}",
        f"L∞ {distances.linf * LEVELS:.0f}/255, L2 {distances.l2:.2f}",
    )


def _caption(choice: Choice, rows: Sequence[GridRow]) -> str:
    """The settings and the results, measured."""
    found = [row.fooled for row in rows if row.fooled]
    l2, ssim = ([getattr(one.distances, name) for one in found] for name in ("l2", "ssim"))
    linf = max(one.distances.linf for one in found) * LEVELS
    return (
        f"Network: {choice.subject.spec.title}, {choice.subject.weights} weights. Attack: {settings(choice.plan)}.\n"
        f"Fooled: {sum(one.success for one in found)} of {len(found)}. Measured: L∞ up to {linf:.0f}/255, "
        f"L2 {min(l2):.2f} to {max(l2):.2f}, SSIM {min(ssim):.4f} to {max(ssim):.4f}.\n"
        "Classes, probabilities and distances refer to the rounded 8-bit pictures, which were shown to the network "
        "again. The noise is amplified so that the largest change is fully bright or dark; grey is no change."
    )


def settings(plan: Plan) -> str:
    """A plan in words: “PGD, norm L∞, epsilon 4/255, step size 1/255, 20 steps”."""
    used = METHODS[plan.method].settings
    words = [plan.method]
    if "norm" in used:
        words.append(f"norm {NORMS[plan.norm]}")
    if "eps" in used:
        words.append(f"epsilon {levels(plan.eps, plan.norm)}")
    if "step_size" in used and plan.step_size is not None:
        # Other attacks' steps are factors and L2 lengths.
        words.append(f"step size {levels(plan.step_size, plan.norm if plan.method == 'PGD' else '')}")
    if "learning_rate" in used:
        words.append(f"learning rate {plan.learning_rate:g}, alpha {plan.alpha:g}")
    if "steps" in used:
        words.append(f"{'up to ' if plan.early_stop else ''}{plan.steps} steps")
    if "random_start" in used and plan.random_start:
        words.append(f"random start (seed {plan.seed})")
    if "restarts" in used and plan.restarts > 1:
        words.append(f"best of {plan.restarts} restarts")
    if "momentum" in used and plan.momentum:
        words.append(f"momentum {plan.momentum:g}")
    if "keep_best" in used and plan.keep_best:
        words.append("best picture on the way")
    return ", ".join(words)


# --- table and files --------------------------------------------------------------------------------------------------


def _table(choice: Choice, rows: Sequence[GridRow]) -> None:
    labels = choice.subject.labels
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
                "L∞ (k/255)": round(found.distances.linf * LEVELS),
                "L2": round(found.distances.l2, 3),
                "SSIM": round(found.distances.ssim, 4),
            }
            for row in rows
            if (found := row.fooled)
        ],
        hide_index=True,
        column_config={"P before": percent, "P after": percent},
    )


def _away(choice: Choice, rows: Sequence[GridRow], pictures: dict[str, Picture], targets: Sequence[Aim]) -> None:
    opened = [(title, one.name if one.is_sample else None) for title, one in pictures.items()]
    code = recipe.code(*choice.subject.network, pictures=opened, aims=targets, plan=choice.plan)
    table = File("Table (CSV)", lambda: grid_table(rows, choice.subject.labels), "cnnlab_report.csv", "text/csv")
    if not any(row.fooled for row in rows):
        take_away(code, table)
        return
    take_away(
        code,
        File("Figure (PNG)", lambda: _file(choice, rows, "png"), "cnnlab_report.png", "image/png"),
        File("Figure (PDF)", lambda: _file(choice, rows, "pdf"), "cnnlab_report.pdf", "application/pdf"),
        table,
    )
