"""Makes a finished run on pictures one that comes with the lab: ``python assets/runs/make.py [--trials] <run> <name>``.

Its record is kept, thinned to the moments of its film, and with ``--trials`` what the page's trials find of it: a rate
test, and the loss around its network (some 250 steps of training). Its weights aren't: ``assets/networks/README.md``
says how a network is exported.
"""

import argparse
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from cnnlab_core.training import find_run
from cnnlab_core.training.landscape import Question, landscape
from cnnlab_core.training.rate_test import rate_test
from cnnlab_core.training.snapshots import filter_steps
from cnnlab_core.ui.training.film import MOMENTS

parser = argparse.ArgumentParser()
parser.add_argument("--trials", action="store_true")
parser.add_argument("run")
parser.add_argument("name")
options = parser.parse_args()
run, folder = find_run(options.run), Path(__file__).with_name(options.name)
shutil.rmtree(folder, ignore_errors=True)
shutil.copytree(run.folder, folder, ignore=shutil.ignore_patterns("checkpoints", "trainer.*", "request", "sweep"))
steps = filter_steps(run)
kept = {f"{steps[place]:09d}" for place in np.linspace(0, len(steps) - 1, MOMENTS).round().astype(int)}
for part in ("filters", "weights", "watched"):
    for path in (folder / part).iterdir():
        if path.stem.isdigit() and path.stem not in kept:
            path.unlink()
found = {"about": asdict(replace(run.about, owner=""))}
if options.trials:
    rates = {"low": 1e-5, "high": 10.0, "steps": 200}
    tested, around = rate_test(run.config, **rates), landscape(run, Question())
    found["rates"] = {"question": rates, "lines": np.transpose([tested.rates, tested.losses]).tolist()}
    found["landscape"] = {"question": asdict(Question()), "lines": around.losses.tolist()}
for name, content in found.items():
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
