"""What the world does to pictures, by severity: how often a network is still right, and what it doesn't mind.

After Hendrycks & Dietterich 2019 (arXiv:1903.12261), with the lab's own transforms.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes
from cnnlab_core.attacks.objective import Classifier, logits_of
from cnnlab_core.attacks.transforms import TRANSFORMS, Transform, find_transform
from cnnlab_core.checks import by_annotation, seeded
from cnnlab_core.evaluation.accuracy import Share
from cnnlab_core.evaluation.pictures import check_labelled
from cnnlab_core.images import in_eight_bits
from cnnlab_core.runtime.jobs import Progress, plainly

MOST_CORRUPTED = 2000
SEVERITIES = 5


@dataclass(frozen=True)
class Corrupted:
    """The pictures under a transform: of how many the network names the class ``right``, and of how many it says the
    ``same`` as before."""

    name: str
    severity: int
    strength: float
    right: Share
    same: Share

    @property
    def title(self) -> str:
        """“Rotate: 30°”."""
        return find_transform(self.name).label(self.strength)


def strengths_of(transform: Transform) -> tuple[float, ...]:
    """Up to five strengths, in even steps from nothing to twice the usual one or the end of the range; one of an
    on-or-off transform, which has no more."""
    reach = 2 * (transform.default - transform.identity)
    wanted = (transform.identity + reach * severity / SEVERITIES for severity in range(1, SEVERITIES + 1))
    steps = (round((strength - transform.low) / transform.step) for strength in wanted)
    found = dict.fromkeys(
        min(max(round(transform.low + transform.step * step, 9), transform.low), transform.high) for step in steps
    )
    return tuple(strength for strength in found if strength != transform.identity)


@by_annotation
def corruptions_steps(
    model: Classifier, x: Tensor, y: Classes, *, transforms: Sequence[str] = tuple(TRANSFORMS), seed: int = 0
) -> Generator[Progress[tuple[Corrupted, ...]], None, tuple[Corrupted, ...]]:
    """Ask the network about labelled pictures under each of the ``transforms``, at each severity, rounded to 8 bits.

    Each step knows the transforms that are done with, each with all of its severities.

    Args:
        model: pixels to logits.
        x: pictures (N, 3, H, W), float32 in [0, 1], at most 2000.
        y: their classes (N,).
        transforms: their names.
        seed: of what a transform leaves open, drawn for each picture: noise, the crop's place, the way it moves.

    Raises:
        InputError: for pictures that don't fit and unknown transforms.
    """
    labels, _, at_once = check_labelled(model, x, y, MOST_CORRUPTED)
    trials = [(transform, strengths_of(transform)) for transform in map(find_transform, transforms)]
    total, done = 1 + sum(len(strengths) for _, strengths in trials), 0
    found: tuple[Corrupted, ...] = ()

    def answers(change: Callable[[Tensor], Tensor]) -> Generator[Progress[tuple[Corrupted, ...]], None, Tensor]:
        """What the network says of each of the pictures, changed."""
        said = []
        for part in x.split(at_once):
            said.append(logits_of(model, change(part)).argmax(1))
            yield Progress(done + sum(map(len, said)) / len(x), total, found)
        return torch.cat(said)

    clean = yield from answers(lambda part: part)
    for transform, strengths in trials:
        rows = []
        for severity, strength in enumerate(strengths, 1):
            done += 1
            said = yield from answers(partial(_corrupted, transform, strength, seeded(seed)))
            right, same = (Share(int((said == wanted).sum()), len(x)) for wanted in (labels, clean))
            rows.append(Corrupted(transform.name, severity, strength, right, same))
        found = (*found, *rows)
    return found


corruptions = plainly(corruptions_steps)


def _corrupted(transform: Transform, strength: float, generator: torch.Generator, part: Tensor) -> Tensor:
    """Some of the pictures, each by a draw of its own if anything is drawn, as 8-bit pictures hold them."""
    alone = part.split(1) if transform.drawn else (part,)
    return in_eight_bits(torch.cat([transform(one, strength, generator) for one in alone]))
