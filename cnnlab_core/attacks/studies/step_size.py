"""The map over step size and number of steps, as a table."""

from collections.abc import Sequence

from cnnlab_core.attacks.step_map import Cell
from cnnlab_core.runtime.csv_tables import csv_table


def map_table(cells: Sequence[Cell], labels: Sequence[str]) -> str:
    """The map of one picture as CSV, a row for each cell."""
    rows = []
    for cell in cells:
        view = cell.view()
        probability = view.probability(view.best)
        numbers = (f"{cell.step_size:.9g}", cell.steps, f"{cell.loss:.9g}")
        rows.append((*numbers, labels[view.best], f"{probability:.9g}", cell.success == 1))
    return csv_table(("step_size", "steps", "objective", "class", "probability", "fooled"), rows)
