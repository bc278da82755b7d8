"""The Python behind the training page."""

from dataclasses import fields

from cnnlab_core.training.config import Config


def start_code(config: Config) -> str:
    """Starting a run with these settings, and waiting for its score."""
    changed = [(field.name, getattr(config, field.name)) for field in fields(Config)]
    usual = Config()
    kept = [f"{name}={_text(name, value)}" for name, value in changed if value != getattr(usual, name)]
    return f"""\
import time
from cnnlab_core.training import Config, start

run = start(Config({", ".join(kept)}))  # a process of its own: it goes on without this one
while run.state().alive:
    time.sleep(1)
print(run.state().sentence, run.finals and f"{{run.finals['accuracy']:.2%}} of the test pictures right")
"""


def watch_code(run: str) -> str:
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


def filters_code(run: str, step: int, scale: str) -> str:
    """The first layer's filters before a step as one RGB array."""
    return f"""\
from PIL import Image
from cnnlab_core.interpretability.first_layer_filters import as_colours
from cnnlab_core.plots.mosaic import rgb, tiles
from cnnlab_core.training import find_run
from cnnlab_core.training.snapshots import filter_steps, read_filters

run = find_run("{run}")
print("kept before steps", filter_steps(run))
weights = read_filters(run, {step})  # (filters, 3, rows, columns)
picture = tiles(rgb(as_colours(weights, "{scale}")), cols=16, tile=44).picture
picture.save("filters.png")
"""


def results_code(run: str) -> str:
    """The scores on the test set."""
    return f"""\
import numpy as np
from cnnlab_core.training import find_run

run = find_run("{run}")
finals, classes = run.finals, run.machine["classes"]
print(f"{{finals['accuracy']:.2%}} of {{finals['test_pictures']}} test pictures right")
confusion = np.array(finals["confusion"])  # row: true class, column: the answer
for name, share in zip(classes, finals["per_class"]):
    print(f"{{name:20}} {{share:.1%}}")
"""


def compare_code(runs: list[str]) -> str:
    """What several runs differ in, and how they did."""
    return f"""\
from cnnlab_core.training import find_run
from cnnlab_core.training.comparison import differences, group_by_settings

runs = [find_run(name) for name in {runs!r}]
print(differences([run.config for run in runs]))
groups = group_by_settings(runs)  # alike but for the seed
for group in groups:
    print(len(group.runs), "runs:", group.accuracy)
"""


def _text(name: str, value: object) -> str:
    if name == "epsilon" and isinstance(value, float):
        return f"{value * 255:g} / 255"
    return repr(value)
