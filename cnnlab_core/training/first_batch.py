"""What a network sees of the first pictures of a run, before there is a run."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from PIL import Image

from cnnlab_core.checks import by_annotation
from cnnlab_core.data import open_data
from cnnlab_core.errors import InputError
from cnnlab_core.images import to_picture
from cnnlab_core.runtime.short_repr import short_repr
from cnnlab_core.training.config import Config
from cnnlab_core.training.distributed import World
from cnnlab_core.training.pictures import PictureTask
from cnnlab_core.training.rate_test import refuse_to_fetch

DECIDING = (
    "data", "limit", "validation", "crop", "flip", "labels", "epochs", "batch", "seed", "alternate", "cutout", "mixup",
    "first_side",
)  # fmt: skip
"""The settings on which the first pictures depend."""


@short_repr
@dataclass(frozen=True, eq=False)
class FirstBatch:
    """Pictures in [0, 1]: as they are, ``before`` (N, 3, H, W), and as the network sees them, ``after`` (N, 3, S, S).

    ``classes`` are what it is told of each: the share of its class, or after mixup of its two.
    """

    before: torch.Tensor
    after: torch.Tensor
    classes: tuple[Mapping[str, float], ...]

    def _pictures(self) -> list[Image.Image]:
        return [to_picture(one) for one in (*self.before, *self.after)]


@by_annotation
def first_batch(config: Config, count: int = 8) -> FirstBatch:
    """The first ``count`` pictures of the first step of a run with this config; fewer of a smaller batch.

    Before an attack, if the config asks for one: that depends on the network.

    Raises:
        InputError: for a config on text, a ``count`` below 1, and data that have yet to be fetched.
    """
    if config.kind != "pictures":
        raise InputError("A text has no pictures to shift or mirror. Choose a data set of pictures.")
    if count < 1:
        raise InputError(f"Ask for one picture at least, not {count}.")
    refuse_to_fetch(config)
    task = PictureTask(config, open_data(config.data, fetch=False), torch.device("cpu"), World())
    before, batch = task.feeder.first(count)
    names, others = task.dataset.classes, batch.labels if batch.others is None else batch.others
    shares = torch.ones(len(before)) if batch.shares is None else batch.shares
    told = [
        {names[label]: 1.0} if label == other else {names[label]: share, names[other]: 1 - share}
        for label, other, share in zip(batch.labels.tolist(), others.tolist(), shares.tolist(), strict=True)
    ]
    return FirstBatch(before, batch.images, tuple(told))
