"""From a run to a network for every page: safetensors and a description (see ``cnnlab_core.models.exports``)."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError, RunError
from cnnlab_core.images.levels import levels
from cnnlab_core.language import CharacterModel, load_character_model
from cnnlab_core.language.files import TEXT_FORM, build_character_model
from cnnlab_core.models.exports import FORM, exports_folder, write_export
from cnnlab_core.runtime.files import sign
from cnnlab_core.training.checkpoints import load_checkpoint
from cnnlab_core.training.config import Config
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

    Into the lab's exports by default, where ``load_model("run:<id>")`` (of a text: ``load_character_model``) finds them
    at once; ``half`` keeps them as
    float16, half the size. ``card`` adds to the description (licence, source, about). A run can be exported while it
    trains, and again later. Raises ``RunError`` when there are no weights yet or the files can't be written.
    """
    saved, machine = _best(run)
    step, config, finals = saved["progress"]["step"], run.config, run.finals
    state = {key: _plain(value, half) for key, value in saved["network"].items() if "num_batches" not in key}
    weights = save(state)
    about = {
        "title": title or run.about.name,
        **(_pictures if config.kind == "pictures" else _text)(config, machine),
        "parameters": machine["parameters"],
        "megabytes": len(weights) / 1e6,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "step": step,
        "scores": finals if finals and finals["weights_of_step"] == step else None,
        "config": asdict(config),
        "machine": {key: machine[key] for key in ("device_name", "precision", "torch")},
        "about": f"Trained in this lab on {config.data}: {config.net}, {config.epochs} epochs"
        + ("." if config.attack == "none" else f", adversarially ({config.attack}, epsilon {levels(config.epsilon)})."),
        **(card or {}),
    }
    place = folder or exports_folder()
    try:
        path = write_export(place, name or run.id, weights, about, FORM if config.kind == "pictures" else TEXT_FORM)
        if folder is None:
            sign(path, run.about.owner)
    except OSError as error:
        raise RunError(f"The network couldn't be written into {place}: {error.strerror}. Free some space.") from None
    return f"run:{name or run.id}"


@by_annotation
def character_model(run: Run) -> CharacterModel:
    """The network of a run on text as it stands: its best weights so far, or those that came with the lab.

    Raises ``InputError`` for a run on pictures and ``RunError`` for one without a checkpoint.
    """
    if run.config.kind != "text":
        raise InputError(f"{run.about.name} learns from pictures, and can't continue a text. Choose another run.")
    if run.shipped:
        return load_character_model(run.id)
    saved, machine = _best(run)
    return build_character_model(_text(run.config, machine), saved["network"], name=run.id, title=run.about.name)


def _best(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """The checkpoint with the best weights (else the last ones, or their average), and the machine that made it."""
    saved, machine = load_checkpoint(run.checkpoints, "best") or load_checkpoint(run.checkpoints), run.machine
    if saved and "average" in saved:
        saved["network"] = saved["average"]
    if saved is None or machine is None:
        raise RunError(f"{run.about.name} has no checkpoint yet, so there is nothing to export. Train it first.")
    return saved, machine


def _pictures(config: Config, machine: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "network": {"net": config.net, "stack": config.stack},
        "preprocessing": {"side": machine["side"], "mean": machine["mean"], "std": machine["std"]},
        "classes": machine["classes"],
    }


def _text(config: Config, machine: Mapping[str, Any]) -> dict[str, Any]:
    shape = {"kind": config.net, "embedding": config.embedding, "hidden": config.hidden, "layers": config.layers}
    return {"network": shape, "characters": machine["characters"]}


def _plain(value: torch.Tensor, half: bool) -> torch.Tensor:
    value = value.detach().contiguous()
    return value.half() if half and value.is_floating_point() else value
