"""The Python of the tab Watch."""


def code(run: str) -> str:
    """A run's curves as arrays, and its report."""
    return f"""\
from cnnlab_core.training import find_run
from cnnlab_core.training.curves import curves, smoothed
from cnnlab_core.training.report import report

run = find_run("{run}")
found = curves(run.metrics())  # arrays: one value a step, one an epoch
print(found.step[-1] + 1, "steps; loss", smoothed(found.loss, 0.9)[-1])
print("held-out accuracy by epoch", found.validation_accuracy)
with open("report.html", "w", encoding="utf-8") as file:
    file.write(report(run))
"""
