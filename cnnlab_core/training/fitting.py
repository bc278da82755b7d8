"""From a folder of pictures to a trained network in one call, for a notebook."""

import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.data import import_pictures_steps
from cnnlab_core.data.own import own_path
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import Progress, plainly
from cnnlab_core.training.checks import check
from cnnlab_core.training.config import SETTINGS, config_from
from cnnlab_core.training.loop import TrainStep, train_steps
from cnnlab_core.training.runs import Run, create_run


@by_annotation
def fit_steps(
    pictures: str | os.PathLike[str],
    network: str = "homework_bn",
    *,
    name: str = "",
    side: int | None = None,
    device: torch.device | None = None,
    **settings: Any,
) -> Generator[Progress[None] | TrainStep, None, Run]:
    """Train a network on pictures, here and until it is tested. What comes of it is a run like all others.

    ``run.history`` has its epochs, ``export(run)`` makes it a network for ``load_model``, and the lab shows it.

    Args:
        pictures: a folder or zip of class folders, which becomes a data set of the same name, or the name of a set
            that is there (``cifar10``, ``own:leaves``).
        network: one of the lab's (``homework``, ``homework_bn``, ``deeper``), or its layers, such as
            ``c32k3p1,norm,relu,m2s2,c64k3p1,norm,relu``.
        name: of the run.
        side: the pictures are cropped to squares of so many pixels when they are read; None: their own size.
        device: the lab's by default.
        settings: of ``Config``: ``epochs``, ``batch``, ``learning_rate``, ``optimizer``, ``seed``, ...

    Raises:
        InputError: for what can't be trained, and for a folder whose name is that of another set.
        DataError: for a folder or zip that can't be read.
    """
    if not isinstance(pictures, str | os.PathLike):
        raise InputError(f"pictures is a folder, a zip or the name of a data set, not {type(pictures).__name__}.")
    network_settings = {"net": network} if network in SETTINGS["net"].options else {"net": "stack", "stack": network}
    data = str(pictures)
    if (folder := Path(pictures).expanduser()).exists():
        called = re.sub(r"[^a-z0-9_-]+", "-", folder.stem.lower()).strip("-")[:40] or "pictures"
        data = f"own:{called}"
        if own_path(called).exists():
            raise InputError(f"There is a data set {data} already. To train on it, give its name for the folder.")
        config_from({**settings, **network_settings, "data": data})  # before pictures are read for nothing
        yield from import_pictures_steps(folder, called, side=side)
    elif side is not None:
        raise InputError(f"The pictures of {data} have their size already, so side has no meaning.")
    config = config_from({**settings, **network_settings, "data": data})
    check(config)
    run = create_run(config, name)
    yield from train_steps(run, device=device)
    return run


fit = plainly(fit_steps)
