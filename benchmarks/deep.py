"""The preset Deep on CIFAR-10 within so many minutes, seed by seed, or what each change to it is worth.

::

    python -m benchmarks.deep --minutes 10 --seeds 3
    python -m benchmarks.deep --minutes 3 --seeds 2 --ablation
    python -m benchmarks.deep --minutes 10 --seeds 1 --set learning_rate=0.2 --set batch=1024

The minutes are those of a machine whose bare loop (forward and back of the same network in the faster precision,
channels last, a batch of 128) does 455 pictures a second; how fast it is here is measured first, and the time allowed
is scaled by that.
The epochs follow from the minutes alone, so that a machine's speed doesn't change what is learned. Runs are kept
(``CNNLAB_RUNS``); each ends with a line in ``deep.jsonl`` beside them. One that was broken off is gone on with by the
same command.
"""

import argparse
import hashlib
import json
import statistics
import time
from dataclasses import asdict, replace
from typing import Any

from benchmarks.measure import TINY, size
from benchmarks.training import bare_loop
from cnnlab_core.data import open_data
from cnnlab_core.models.exports import runs_folder
from cnnlab_core.runtime.device import available_cores, pick_device
from cnnlab_core.training import Config, config_from, create_run
from cnnlab_core.training.comparison import spread
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.loop import train_steps
from cnnlab_core.training.presets import PRESETS
from cnnlab_core.training.runs import MOST_NAME
from cnnlab_core.training.schedule import work
from cnnlab_core.training.worker import use_cores

BARE = 455.0
"""Pictures a second of the bare loop on the machine that the minutes are of."""
SHARE, BESIDE = 0.9, 70.0
"""The trainer's speed as a share of the bare loop's, and the seconds that start and test take there."""
SIDE = 32
SMALL_FIRST = "small pictures first (and more epochs)"
CHANGES: dict[str, dict[str, Any]] = {
    "no whitening": {"whiten": False},
    "AdamW instead of Muon": {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.01},
    "filters free in their norm": {"fixed_norm": False},
    "one rate for all weights": {"rest_rate": 1.0},
    "he instead of dirac": {"init": "he"},
    "mirroring by a coin, not in turns": {"alternate": False},
    "cutout of 8 pixels": {"cutout": 8},
    "no label smoothing": {"label_smoothing": 0.0},
    "no averaged weights": {"average": 0.0},
    SMALL_FIRST: {"first_side": 20},
    "one-cycle instead of linear": {"schedule": "one-cycle"},
}


def speed_of_bare_loop(config: Config) -> float:
    """Pictures a second of forward and back, on the cores there are."""
    step = bare_loop(replace(config, batch=128), steps=False)
    step()
    begun, seen, seconds = time.perf_counter(), 0, size(15.0, 0.5)
    while time.perf_counter() - begun < seconds:
        seen += step()
    return seen / (time.perf_counter() - begun)


def cost(config: Config) -> float:
    """What the epochs cost, in epochs at the full side."""
    return sum(work(config, epoch, SIDE) for epoch in range(config.epochs))


def fitted(config: Config, allowed: float) -> Config:
    """The config with as many epochs as cost no more than is ``allowed``, in epochs at the full side; two at least."""
    epochs = 2
    while cost(replace(config, epochs=epochs + 1)) <= allowed:
        epochs += 1
    return replace(config, epochs=epochs)


def measured(config: Config, name: str, bare: float, minutes: float) -> dict[str, Any]:
    """A run to its end, begun or gone on with, as a line of the log."""
    token = hashlib.sha256(config.to_json().encode()).hexdigest()[:16]
    run = create_run(config, name[:MOST_NAME], token=f"deep-{token}")
    if not run.finals:
        job, shown = train_steps(run, device=pick_device()), time.monotonic()
        for step in job:
            if time.monotonic() - shown > 30:
                shown = time.monotonic()
                print(f"  {step.doing} {step.done:,} of {step.total:,}", flush=True)
    finals, begun = run.finals or {}, run.about.created
    line = {
        "run": run.id,
        "name": name,
        "accuracy": finals["accuracy"],
        "views_accuracy": finals.get("views_accuracy", finals["accuracy"]),
        "epochs": config.epochs,
        "training_seconds": finals["seconds"],
        "seconds": round((run.folder / "finals.json").stat().st_mtime - begun, 1),  # with start, checks and test
        "allowed_seconds": round(60 * minutes * BARE / bare, 1),
        "bare_pictures_per_second": round(bare, 1),
    }
    with (runs_folder() / "deep.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)
    return line


def table(rows: dict[str, list[dict[str, Any]]]) -> None:
    """What came out, a row for each change; the first is of the preset itself."""
    print("\n| change | runs | test accuracy | median | by several views | median | against the whole | seconds |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    whole = statistics.fmean(line["views_accuracy"] for line in next(iter(rows.values())))
    for change, lines in rows.items():
        cells = [change, str(len(lines))]
        for key in ("accuracy", "views_accuracy"):
            found = spread([line[key] for line in lines])
            cells.append(f"{found.mean:.2%}" + (f" ± {found.deviation:.2%}" if found.deviation is not None else ""))
            cells.append(f"{statistics.median(line[key] for line in lines):.2%}")
        cells.append(f"{100 * (statistics.fmean(line['views_accuracy'] for line in lines) - whole):+.2f}")
        cells.append(f"{statistics.fmean(line['seconds'] for line in lines):.0f}")
        print(f"| {' | '.join(cells)} |")


def main() -> None:
    """Measure the bare loop, then run by run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deep", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of the machine that is counted on (default 10)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ablation", action="store_true", help="also with each of the changes, in turn")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting of the preset"
    )
    options = parser.parse_args()
    use_cores()
    (config,) = [preset.config for preset in PRESETS if preset.title == "Deep"]
    if TINY:
        small: dict[str, Any] = {"net": "stack", "stack": "c8k2s2,norm,gelu,c8k3s2,norm", "precision": "float32"}
        config = replace(config, data="shapes", limit=128, batch=32, **small)
    changes = dict(pair.split("=", 1) for pair in options.set)
    config = config_from(asdict(config) | {name: _value(name, text) for name, text in changes.items()})
    pictures = len(open_data(config.data).train)  # fetched before the clock starts
    bare = speed_of_bare_loop(config)
    if "epochs" not in changes:
        learned = config.limit or (1 - config.validation) * pictures
        config = fitted(config, max(0.0, 60 * options.minutes - BESIDE) * BARE * SHARE / learned)
    print(f"The bare loop does {bare:.0f} pictures/s on {available_cores()} cores; the minutes count on {BARE:.0f}.")
    print(
        f"{options.minutes:g} minutes are {options.minutes * BARE / bare:.1f} here: {config.epochs} epochs, as dear as "
        f"{cost(config):.1f} at the full side.",
        flush=True,
    )
    trials = {"nothing": config}
    for change in list(CHANGES)[: 2 if TINY else None] if options.ablation else ():
        trials[change] = replace(config, **CHANGES[change])
        if change == SMALL_FIRST:
            trials[change] = fitted(trials[change], cost(config))
    rows: dict[str, list[dict[str, Any]]] = {}
    for change, trial in trials.items():
        for seed in range(options.seeds):
            name = f"Deep, {options.minutes:g} min, seed {seed}" + (f", {change}" if change != "nothing" else "")
            line = measured(replace(trial, seed=seed), name, bare, options.minutes)
            rows.setdefault(change, []).append(line)
    table(rows)


def _value(name: str, text: str) -> Any:
    """A setting's value, as it is typed."""
    kind = SETTINGS[name].kind if name in SETTINGS else str
    return text == "true" if kind is bool else kind(text)


if __name__ == "__main__":
    main()
