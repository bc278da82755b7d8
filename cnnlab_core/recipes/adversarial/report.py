"""The Python behind the report: several pictures towards several targets."""

from collections.abc import Sequence

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.recipes.adversarial.arguments import plan_code
from cnnlab_core.recipes.opening import IMPORTS, picture


def code(
    model: str,
    weights: str,
    *,
    pictures: Sequence[tuple[str, str | None]],
    aims: Sequence[int | str | None],
    plan: Plan,
    paired: bool = False,
    transforms: bool = False,
) -> str:
    """Each of the (title, sample) pictures towards each of the aims, or ``paired``, its own; as a figure and a table.

    ``transforms`` adds the adversarial pictures under four transforms, as a figure and a table too.
    """
    each = ", paired=True" if paired else ""
    studies, figures, more = "report_rows, report_table", "ReportRow, rendered, report_figure", ""
    if transforms:
        studies, figures = f"{studies}, rows_under_transforms, transforms_table", f"cells_figure, {figures}"
        more = """
under = rows_under_transforms(model, rows)  # mirrored, cropped to 80 %, rotated by 30°, grey
cells = [
    [(trial.views[1].pixels, f"{trial.title}\\n{title(trial.views[1])}") for trial in trials[1:]] for trials in under
]
with open("transforms.pdf", "wb") as file:
    file.write(rendered(cells_figure(cells, "Under transforms", repr(plan)), "pdf"))
print(transforms_table(rows, under, model.categories))
"""
    opened = "\n".join(f"    ({title!r}, {picture(sample)})," for title, sample in pictures)
    return f"""\
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.studies.report import {studies}
{IMPORTS}
from cnnlab_core.plots.report import {figures}

model = load_model("{model}", weights="{weights}")
pictures = [
{opened}
]
aims = {list(aims)!r}  # classes, rules, or None for any other class
plan = {plan_code(plan, seeded=True)}
rows = report_rows(model, pictures, aims, plan{each})

def title(view):
    return f"{{model.categories[view.best]}}, {{view.probability(view.best):.1%}}"

shown = [
    ReportRow(row.found.before.pixels, row.found.after.pixels, title(row.found.before), title(row.found.after))
    for row in rows
    if row.found
]
with open("report.pdf", "wb") as file:
    file.write(rendered(report_figure(shown, model.spec.title, repr(plan)), "pdf"))
print(report_table(rows, model.categories))
{more}"""
