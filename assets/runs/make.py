"""Makes a finished run on pictures one that comes with the lab: ``python assets/runs/make.py <run> <name>``.

Its record is kept, thinned to the moments of its film, and what the page's trials find of it: a rate test, and the loss
around its network. Its weights aren't: ``assets/networks/README.md`` says how a network is exported.
"""

import json
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from cnnlab_core.training import find_run
from cnnlab_core.training.landscape import Question, landscape
from cnnlab_core.training.rate_test import rate_test
from cnnlab_core.training.snapshots import filter_steps
from cnnlab_core.ui.training.film import MOMENTS

run, folder = find_run(sys.argv[1]), Path(__file__).with_name(sys.argv[2])
shutil.rmtree(folder, ignore_errors=True)
shutil.copytree(run.folder, folder, ignore=shutil.ignore_patterns("checkpoints", "trainer.*", "request", "sweep"))
steps = filter_steps(run)
kept = {f"{steps[place]:09d}" for place in np.linspace(0, len(steps) - 1, MOMENTS).round().astype(int)}
for part in ("filters", "weights", "watched"):
    for path in (folder / part).iterdir():
        if path.stem.isdigit() and path.stem not in kept:
            path.unlink()
rates = {"low": 1e-5, "high": 10.0, "steps": 200}
tested, around = rate_test(run.config, **rates), landscape(run, Question())
for name, content in (
    ("about", asdict(replace(run.about, owner=""))),
    ("rates", {"question": rates, "lines": np.transpose([tested.rates, tested.losses]).tolist()}),
    ("landscape", {"question": asdict(Question()), "lines": around.losses.tolist()}),
):
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
