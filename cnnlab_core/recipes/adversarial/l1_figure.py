"""The Python behind the figure of l1: several pictures, each towards classes of its own."""

from collections.abc import Sequence

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.recipes.adversarial.arguments import plan_code
from cnnlab_core.recipes.opening import IMPORTS, picture


def code(
    model: str,
    weights: str,
    *,
    asked: Sequence[tuple[str, str | None, Sequence[int | str | None]]],
    plan: Plan,
) -> str:
    """Each of the (title, sample, aims) towards each of its aims, as a figure and a table."""
    opened = "\n".join(f"    ({title!r}, {picture(sample)}, {list(aims)!r})," for title, sample, aims in asked)
    return f"""\
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.studies.l1_figure import l1_rows, l1_titles
from cnnlab_core.attacks.studies.report import report_table
{IMPORTS}
from cnnlab_core.plots.report import ReportRow, rendered, report_figure

model = load_model("{model}", weights="{weights}")
asked = [  # a title, a picture, and the classes to reach
{opened}
]
plan = {plan_code(plan, seeded=True)}
rows = l1_rows(model, asked, plan)
shown = [
    ReportRow(found.before.pixels, found.after.pixels, *l1_titles(row.picture, found, model.categories))
    for row in rows
    if (found := row.found)
]
with open("l1.pdf", "wb") as file:
    file.write(rendered(report_figure(shown, model.spec.title, repr(plan)), "pdf"))
print(report_table(rows, model.categories))
"""
