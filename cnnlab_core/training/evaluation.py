"""How well a network classifies a set of pictures: accuracy, confusion, the most confident mistakes, robustness."""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from cnnlab_core.classification.answers import Answers
from cnnlab_core.data import Pictures
from cnnlab_core.training.adversarial import perturb
from cnnlab_core.training.batches import to_pixels
from cnnlab_core.training.config import Views
from cnnlab_core.training.distributed import World

Logits = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class AttackSettings:
    """PGD within ``epsilon`` (linf, pixels in [0, 1]): ``steps`` of ``step``, from the picture itself."""

    epsilon: float
    step: float
    steps: int


def over_views(logits: Logits, views: Views) -> Logits:
    """The mean of the logits over views of each picture (N, 3, H, W): itself, and with ``mirror`` its mirror image.

    With ``shift`` also those of the picture moved by a pixel up and left, and down and right, its border mirrored.
    """

    def mean(x: torch.Tensor) -> torch.Tensor:
        seen = [x]
        if views == "shift":
            wide = nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
            seen += [wide[..., 2:, 2:], wide[..., :-2, :-2]]
        if views != "one":
            seen += [view.flip(3) for view in seen]
        return torch.stack([logits(view).float() for view in seen]).mean(0)

    return mean


def answer_steps(
    logits: Logits,
    pictures: Pictures,
    device: torch.device,
    *,
    world: World | None = None,
    attack: AttackSettings | None = None,
    batch: int = 500,
) -> Generator[int, None, Answers]:
    """Ask a network (in eval mode; ``logits`` takes pixels) about every picture; yields how many are done.

    Each of several processes takes every size-th picture, and none is asked about twice. With an ``attack`` the
    pictures are first changed against the network.
    """
    world = world or World()
    mine = torch.arange(world.rank, len(pictures), world.size)
    columns: list[np.ndarray] = []
    done = 0
    for chosen in mine.split(batch):
        x = to_pixels(pictures.images[chosen].to(device))
        y = pictures.labels[chosen].to(device)
        if attack:
            still = torch.zeros_like(x)
            x = perturb(logits, x, y, still, epsilon=attack.epsilon, step=attack.step, steps=attack.steps)
        with torch.no_grad():
            log_probabilities = logits(x).float().log_softmax(1)
        best, predicted = log_probabilities.max(1)
        true = log_probabilities.gather(1, y[:, None])[:, 0]
        columns.append(torch.stack([predicted.float(), best, true]).cpu().double().numpy())
        done += len(chosen)
        yield done * world.size
    own = np.concatenate(columns, axis=1) if columns else np.empty((3, 0))
    rows = np.empty((3, len(pictures)))
    for rank, column in enumerate(world.gather(own)):
        rows[:, rank :: world.size] = column
    predicted_all = np.where(np.isfinite(rows[0]), rows[0], 0).astype(np.int64)
    return Answers(pictures.labels.numpy(), predicted_all, np.exp(rows[1]), np.exp(rows[2]), -rows[2])
