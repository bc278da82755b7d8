"""The labelled pictures that a network is measured on, how they are drawn, and its logits for them."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, each_class, problem
from cnnlab_core.attacks.objective import Classifier, logits_of
from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.data import list_data, open_data
from cnnlab_core.errors import InputError
from cnnlab_core.models.exports import trained_on
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.runtime.jobs import Progress, plainly
from cnnlab_core.runtime.short_repr import short_repr

USUAL = 500
"""Pictures that are attacked, unless another number is asked for."""
PER_ATTACKED = 4
"""So many times as many are asked about without an attack, as far as there are so many: that is quick."""
MOST_PICTURES = 10_000
"""Pictures that a measurement takes at most."""
AT_ONCE = 50
"""Pictures that the network is asked about together; of large ones, and of those with many classes, fewer."""
_SMALL, _ANSWERS_AT_ONCE = 64, 5000
"""Rows and columns of pictures of which so many are asked about together, and logits that are kept a step."""
_MOST_LOGITS, _MOST_VALUES = 1_000_000, 50_000_000
"""Of a set of drawn pictures: logits, and numbers of their pixels (200 MB)."""


@short_repr
@dataclass(frozen=True, eq=False)
class Drawn:
    """Test pictures ``x`` (N, 3, H, W) in [0, 1] of a data set, their classes ``y`` (N,) as the network counts them,
    and their places in the test part, ``index`` (N,)."""

    data: str
    x: Tensor
    y: Tensor
    index: np.ndarray


def data_for(spec: ModelSpec, data: str = "") -> str:
    """The name of the data set whose test pictures a network is measured on: ``data``, else what it learned from.

    That is known of networks that were trained here; another one's is that whose classes it knows, by their names.
    Raises ``InputError`` for a network that no data set of the lab belongs to.
    """
    if found := data or trained_on(spec):
        return found
    if not spec.classes:
        raise InputError(
            f"{spec.title} learned from ImageNet, whose test pictures the lab doesn't have. Import labelled pictures, "
            "in folders that are called as its classes are, or choose a network that learned here."
        )
    known = {name.lower() for name in spec.classes}
    for source in list_data():
        if source.classes and known >= {name.lower() for name in source.classes}:
            return source.name
    raise InputError(
        f"The lab doesn't know which pictures {spec.title} learned from: none of its data sets has classes that are "
        f"called as this network's are, such as “{spec.classes[0]}”. Give the classes their names, or import labelled "
        "pictures, in folders that are called so, and choose them under “Settings”."
    )


@by_annotation
def draw_pictures(model: LoadedModel, data: str = "", count: int = USUAL * PER_ATTACKED, seed: int = 0) -> Drawn:
    """Up to ``count`` test pictures drawn from a data set, as the network sees them.

    Classes are told by their names; pictures of classes that the network doesn't know are left out.

    Args:
        model: a network of the lab.
        data: the name of a data set that is here (see ``list_data``); by default the one that it learned from.
        count: at least 2; a network of many classes or large pictures gets fewer.
        seed: of the draw.

    Raises:
        InputError: for a network that no data set belongs to, and classes that don't fit.
        DataError: for a data set that isn't on this machine or is damaged.
    """
    whole("count", count, least=2)
    data = data_for(model.spec, data)
    dataset, names = open_data(data, fetch=False), {name.lower(): k for k, name in enumerate(model.categories)}
    known = np.array([names.get(name.lower(), -1) for name in dataset.classes])
    if (known < 0).all():
        raise InputError(
            f"{model.spec.title} knows none of the classes of {dataset.title}, such as “{dataset.classes[0]}”: its own "
            f"are called “{model.categories[0]}”, “{model.categories[1]}” and so on. Choose the pictures that it "
            "learned from."
        )
    test = dataset.read_test()
    labels = known[test.labels.numpy()]
    order = np.random.default_rng([whole("seed", seed), 21]).permutation(np.flatnonzero(labels >= 0))
    side = model.spec.preprocessing.crop
    most = min(_MOST_LOGITS // len(model.categories), _MOST_VALUES // (3 * side * side))
    index = order[: min(count, max(most, 2))]
    images = test.images[torch.from_numpy(index)]
    if dataset.side == side:
        x = images.permute(0, 3, 1, 2).contiguous().float().div(255).to(model.device)
    else:
        x = torch.empty(len(index), 3, side, side, device=model.device)
        for place, pixels in enumerate(images.numpy()):
            x[place] = model.prepare(Image.fromarray(pixels))[0]
    return Drawn(data, x, torch.from_numpy(labels[index]), index)


class Labelled(NamedTuple):
    """Pictures that fit a network: their classes ``y`` (N,), how many ``classes`` it knows, and how many of them it is
    asked about ``at_once``, so that it takes bounded memory."""

    y: Tensor
    classes: int
    at_once: int


def check_labelled(model: Classifier, x: Tensor, y: Classes, most: int = MOST_PICTURES) -> Labelled:
    """The labels of the pictures ``x`` (N, C, H, W), float in [0, 1], of which there are at most ``most``.

    Raises ``InputError`` if they don't fit each other or the network, and if all are of one class.
    """
    if not isinstance(x, Tensor) or x.ndim != 4 or not len(x):
        raise InputError("A network is measured on float pictures of shape (N, C, height, width), at least one.")
    if len(x) > most:
        raise InputError(f"These are {len(x)} pictures, and {most} are measured at most: draw some of them.")
    labels = torch.as_tensor(y)
    if labels.shape != (len(x),):
        raise InputError(f"There are {len(x)} pictures, so it takes {len(x)} labels, not {tuple(labels.shape)}.")
    classes = problem(model, x[:1], None).clean.logits.shape[1]
    labels = each_class(labels, x, classes, "y")
    if (labels == labels[0]).all():
        raise InputError(
            f"All pictures are of class {int(labels[0])}: whoever always says so is always right. Take some of others."
        )
    return Labelled(labels, classes, most_at_once(x, classes))


def most_at_once(x: Tensor, classes: int) -> int:
    """How many of the pictures ``x`` (N, C, H, W) a network of so many classes is asked about together."""
    return max(1, min(AT_ONCE, _ANSWERS_AT_ONCE // classes, AT_ONCE * _SMALL**2 // x[0, 0].numel()))


@by_annotation
def ask_steps(model: Classifier, x: Tensor, y: Classes) -> Generator[Progress[np.ndarray], None, np.ndarray]:
    """The network's logits for labelled pictures: float64 (N, classes), some pictures a step. Raises ``InputError``."""
    found: list[np.ndarray] = []
    for part in x.split(check_labelled(model, x, y).at_once):
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
