"""From a run to a network for every page: safetensors and a description (see ``cnnlab_core.models.exports``)."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import RunError
from cnnlab_core.images.levels import levels
from cnnlab_core.models.exports import exports_folder, write_export
from cnnlab_core.training.checkpoints import load_checkpoint
from cnnlab_core.training.runs import Run


@by_annotation
def export(
    run: Run,
    folder: Path | None = None,
    *,
    name: str = "",
    title: str = "",
    half: bool = False,
    card: Mapping[str, str] | None = None,
) -> str:
    """Write a run's best weights and say under which name they load.

    Its last ones before the first epoch's end, and where no pictures are held out to choose by.

    Into the lab's exports by default, where ``load_model("run:<id>")`` finds them at once; ``half`` keeps them as
    float16, half the size. ``card`` adds to the description (licence, source, about). A run can be exported while it
    trains, and again later. Raises ``RunError`` when there are no weights yet or the files can't be written.
    """
    saved = load_checkpoint(run.checkpoints, "best") or load_checkpoint(run.checkpoints)
    machine, finals = run.machine, run.finals
    if saved is None or machine is None:
        raise RunError(f"{run.about.name} has no checkpoint yet, so there is nothing to export. Train it first.")
    step = saved["progress"]["step"]
    state = {key: _plain(value, half) for key, value in saved["network"].items() if "num_batches" not in key}
    weights = save(state)
    scores = finals if finals and finals["weights_of_step"] == step else None
    config = run.config
    pictures, classes = config.data, machine["classes"]
    about = {
        "title": title or run.about.name,
        "network": {"net": config.net, "stack": config.stack},
        "preprocessing": {"side": machine["side"], "mean": machine["mean"], "std": machine["std"]},
        "classes": classes,
        "parameters": machine["parameters"],
        "megabytes": len(weights) / 1e6,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "step": step,
        "scores": scores,
        "config": asdict(config),
        "machine": {key: machine[key] for key in ("device_name", "precision", "torch")},
        "about": f"Trained in this lab on {pictures}: {config.net}, {config.epochs} epochs"
        + ("." if config.attack == "none" else f", adversarially ({config.attack}, epsilon {levels(config.epsilon)})."),
        **(card or {}),
    }
    place = folder or exports_folder()
    try:
        write_export(place, name or run.id, weights, about)
    except OSError as error:
        raise RunError(f"The network couldn't be written into {place}: {error.strerror}. Free some space.") from None
    return f"run:{name or run.id}"


def _plain(value: torch.Tensor, half: bool) -> torch.Tensor:
    value = value.detach().contiguous()
    return value.half() if half and value.is_floating_point() else value
