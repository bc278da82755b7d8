"""The task of a config, opened: the one place that knows which kinds there are."""

from collections.abc import Generator

import numpy as np
import torch

from cnnlab_core.data import Dataset, Pictures, Text, open_data_steps, open_text
from cnnlab_core.runtime.downloads import DownloadStep
from cnnlab_core.training.checks import Facts
from cnnlab_core.training.config import Config
from cnnlab_core.training.distributed import World
from cnnlab_core.training.pictures import PictureTask
from cnnlab_core.training.task import Task
from cnnlab_core.training.text import TextTask


def open_task_steps(config: Config, device: torch.device, world: World) -> Generator[DownloadStep, None, Task]:
    """The task of a config with its data in memory, fetched first if need be.

    Raises ``InputError`` for data that aren't there and ``DataError`` for what can't be fetched or is damaged.
    """
    if config.kind == "text":
        return TextTask(config, open_text(config.data), device, world)
    return PictureTask(config, (yield from open_data_steps(config.data)), device, world)


def noise_task(config: Config, facts: Facts, device: torch.device) -> Task:
    """A task of the same size with noise for data, enough for a step: to measure how long that takes."""
    random = np.random.default_rng(0)
    if config.kind == "text":
        codes = random.integers(0, facts.classes, config.batch * config.window + 1)
        characters = tuple(map(chr, range(facts.classes)))
        return TextTask(config, Text("noise", "noise", characters, codes, codes[:2]), device, World())
    pixels = torch.from_numpy(random.integers(0, 256, (config.batch, facts.side, facts.side, 3), dtype=np.uint8))
    noise = Pictures(pixels, torch.arange(config.batch) % facts.classes)
    classes = tuple(map(str, range(facts.classes)))
    return PictureTask(config, Dataset("noise", "noise", classes, noise, lambda: noise), device, World())
