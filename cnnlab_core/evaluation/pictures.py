"""The labelled pictures that a network is measured on, and its logits for them."""

from collections.abc import Generator

import numpy as np
import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, problem
from cnnlab_core.attacks.objective import Classifier, logits_of
from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import Progress, plainly

MOST_PICTURES = 10_000
"""Pictures that a measurement takes at most."""
AT_ONCE = 50
"""Pictures that the network is asked about together."""


def check_labelled(model: Classifier, x: Tensor, y: Classes, most: int = MOST_PICTURES) -> Tensor:
    """The classes (N,) of the pictures ``x`` (N, C, H, W), float in [0, 1], of which there are at most ``most``.

    Raises ``InputError`` if they don't fit each other or the network, and if all are of one class.
    """
    if not isinstance(x, Tensor) or x.ndim != 4 or not len(x):
        raise InputError("A network is measured on float pictures of shape (N, C, height, width), at least one.")
    if len(x) > most:
        raise InputError(f"These are {len(x)} pictures, and {most} are measured at most: draw some of them.")
    labels = torch.as_tensor(y)
    if labels.shape != (len(x),):
        raise InputError(f"There are {len(x)} pictures, so it takes {len(x)} labels, not {tuple(labels.shape)}.")
    problem(model, x[:1], labels[:1])
    found = torch.cat([problem(model, x[:1], label[None]).goal.y for label in labels.unique()])
    if len(found) < 2:
        raise InputError(
            f"All pictures are of class {int(found[0])}: whoever always says so is always right. Take some of others."
        )
    return labels.long().to(x.device)


@by_annotation
def ask_steps(model: Classifier, x: Tensor, y: Classes) -> Generator[Progress[np.ndarray], None, np.ndarray]:
    """The network's logits for labelled pictures: float64 (N, classes), some pictures a step. Raises ``InputError``."""
    check_labelled(model, x, y)
    found: list[np.ndarray] = []
    for part in x.split(AT_ONCE):
        found.append(logits_of(model, part).double().cpu().numpy())
        yield Progress(sum(map(len, found)), len(x), found[-1])
    return np.concatenate(found)


ask = plainly(ask_steps)


def check_logits(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, classes) as float64, and labels (N,) as whole numbers. Raises ``InputError`` if they don't fit."""
    labels = np.asarray(labels)
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise InputError(f"Logits have the shape (pictures, classes), with two classes or more, not {logits.shape}.")
    if labels.shape != (len(logits),) or not (labels == labels.astype(np.int64)).all():
        raise InputError(f"There are {len(logits)} rows of logits, so it takes {len(logits)} whole numbers as labels.")
    labels = labels.astype(np.int64)
    if not 0 <= labels.min() <= labels.max() < logits.shape[1]:
        raise InputError(
            f"Classes run from 0 to {logits.shape[1] - 1}, the labels from {labels.min()} to {labels.max()}."
        )
    return logits, labels
