"""Digits: 10 000 handwritten ones of MNIST (LeCun, Bottou, Bengio & Haffner 1998), 28 × 28, white on black.

They come with the lab as one picture, ``assets/digits/digits.png``: 100 × 100 digits, class by class (see the README
beside it, and ``make.py``, which made it). Every fifth of each class is a test picture. No picture is there twice; but
they are all of MNIST's training part, so that one hand may have written digits of both parts.
"""

from functools import cache

import numpy as np
import torch
from PIL import Image

from cnnlab_core.data.dataset import Dataset, Pictures
from cnnlab_core.errors import DataError
from cnnlab_core.runtime.assets import asset

TITLE = "Digits (10,000 of MNIST)"
CLASSES = tuple("0123456789")
COUNTS = (1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978)
"""Digits of each class, in the order of the picture."""
SIDE = 28
"""Pixels."""
_DIGESTS = {
    "train": "41753217d9de2973e39c86d50df93cf13237944de79cdb25e1b28a57fcf438f7",
    "test": "0869e89ed130c462dc5b7620e24920a25c8b34c50f1111c3e6b7e057999cafea",
}


@cache
def digits() -> Dataset:
    """The set, grey as three equal channels like all pictures here. Raises ``DataError`` if its file is damaged."""
    return Dataset("digits", TITLE, CLASSES, _part("train"), lambda: _part("test"))


def train_labels() -> torch.Tensor:
    """The labels (N,) of the training pictures, without reading these."""
    labels = np.repeat(np.arange(len(CLASSES)), COUNTS)
    return torch.from_numpy(labels[~_tested()])


def _tested() -> np.ndarray:
    """Which of all digits are test pictures: every fifth of each class."""
    return np.concatenate([np.arange(count) % 5 == 4 for count in COUNTS])


def _part(part: str) -> Pictures:
    path = asset("digits", "digits.png")
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            grid = np.asarray(picture)
        images = grid.reshape(100, SIDE, 100, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)
    except (OSError, ValueError, SyntaxError):
        raise DataError(f"The digits in {path} are damaged. Install the lab again.") from None
    chosen = _tested() == (part == "test")
    grey = torch.from_numpy(images[chosen])
    labels = np.repeat(np.arange(len(CLASSES)), COUNTS)[chosen]
    pictures = Pictures(grey[..., None].expand(-1, -1, -1, 3).contiguous(), torch.from_numpy(labels))
    if pictures.digest() != _DIGESTS[part]:
        raise DataError(f"The digits in {path} are damaged. Install the lab again.")
    return pictures
