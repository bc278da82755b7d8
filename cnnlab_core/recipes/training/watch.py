"""The Python of the tab Watch."""

_SAID = {
    "pictures": """\
print(found.step[-1] + 1, "steps; loss", smoothed(found.loss, 0.9)[-1])
print("held-out accuracy by epoch", found.validation_accuracy)""",
    "text": """\
bits = found.in_bits()
print(found.step[-1] + 1, "steps; bits per character", smoothed(bits.loss, 0.9)[-1])
print("held-out bits per character by epoch", bits.validation_loss)
print(run.metrics().samples[-1]["text"])  # what it wrote last""",
}


def code(run: str, kind: str = "pictures") -> str:
    """A run's curves as arrays, and its report; of text, in bits, with what it wrote."""
    return f"""\
from cnnlab_core.training import find_run
from cnnlab_core.training.curves import curves, smoothed
from cnnlab_core.training.report import report

run = find_run("{run}")
found = curves(run.metrics())  # arrays: one value a step, one an epoch
{_SAID[kind]}
with open("report.html", "w", encoding="utf-8") as file:
    file.write(report(run))
"""
