"""The robustness lab's job: does what an attack did survive the world?

Clean and adversarial pictures go through the same transforms side by side, and are rounded to 8 bits again: what the
network is asked about is what a file, a screen or a print would hold.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image

from cnnlab_core.attacks.result import View
from cnnlab_core.attacks.transforms import find_transform, with_strength
from cnnlab_core.images import to_tensor, to_uint8
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table

Pixels = np.ndarray
UNTOUCHED = ""
"""The trial in which nothing happens to the pictures."""

Trial = tuple[str, float] | str
"""A transform's name and strength, or its name alone for its default; ``UNTOUCHED`` with any strength."""

Outcome = Literal["survives", "undone", "astray", "no merit"]
OUTCOMES: dict[Outcome, str] = {
    "survives": "the network is still fooled",
    "undone": "the network says what it says of the clean picture",
    "astray": "the network says neither the target nor what it says of the clean picture",
    "no merit": "the network says the target of the clean picture too, so the attack has no part in it",
}


@dataclass(frozen=True)
class UnderTransform:
    """Pictures under the transform ``name`` of ``strength``: ``views`` of them, in the order in which they came."""

    name: str
    strength: float
    views: tuple[View, ...]

    @property
    def title(self) -> str:
        """“Rotate: 30°”."""
        return find_transform(self.name).label(self.strength) if self.name else "Untouched"


def under_transforms_steps(
    model: LoadedModel, pictures: Sequence[Pixels], trials: Sequence[Trial]
) -> Generator[UnderTransform, None, tuple[UnderTransform, ...]]:
    """Ask the model about ``pictures``, uint8 (H, W, 3) of one size, in each of the ``trials``; one step a trial.

    All pictures of a trial meet the same instance of the transform. Raises ``InputError`` for unknown transforms and
    strengths out of their range.
    """
    x = torch.cat([to_tensor(Image.fromarray(pixels)) for pixels in pictures]).to(model.device)
    found: list[UnderTransform] = []
    for trial in trials:
        name, strength, pixels = UNTOUCHED, 0.0, x
        if trial != UNTOUCHED and trial[0] != UNTOUCHED:
            transform, strength = with_strength(trial)
            name, pixels = transform.name, transform(x, strength)
        changed = to_uint8(pixels)
        with torch.no_grad():
            logits = model(changed.to(x.dtype) / 255).double().cpu().numpy()
        shown = changed.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        found.append(UnderTransform(name, strength, tuple(map(View, shown, logits))))
        yield found[-1]
    return tuple(found)


def outcome(clean: View, attacked: View, y: int, target: int | None) -> Outcome:
    """What became of an attack away from class ``y``, or towards ``target``, under a transform of both pictures.

    A transform may mislead the network by itself: then what counts is whether the attack makes a difference.
    """
    if target is not None and attacked.best == target:
        return "no merit" if clean.best == target else "survives"
    if attacked.best in (y, clean.best):
        return "undone"
    return "astray" if target is not None else "survives"


def robustness_table(
    trials: Sequence[UnderTransform], names: Sequence[str], labels: Sequence[str], y: int, target: int | None
) -> str:
    """Each picture in each trial as CSV. The first of a trial's views is the clean picture; ``names`` are for all."""
    header = (
        "transform",
        "strength",
        "picture",
        "class_index",
        "label",
        "probability",
        "p_true",
        "p_target",
        "outcome",
    )
    rows = [
        (
            trial.name or "none",
            f"{trial.strength:g}" if trial.name else "",
            name,
            view.best,
            labels[view.best],
            f"{view.probability(view.best):.6g}",
            f"{view.probability(y):.6g}",
            "" if target is None else f"{view.probability(target):.6g}",
            "" if view is trial.views[0] else outcome(trial.views[0], view, y, target),
        )
        for trial in trials
        for name, view in zip(names, trial.views, strict=True)
    ]
    return csv_table(header, rows)
