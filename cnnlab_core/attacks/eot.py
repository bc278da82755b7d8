"""Expectation over transforms: an attack that shall survive the world is made through random views of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab_core.attacks.objective import answer
from cnnlab_core.attacks.transforms import Transform, with_strength
from cnnlab_core.checks import fit_fields, seeded
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True, eq=False)
class Expectation:
    """A model seen through random ``transforms``: give it to any attack in place of the ``model``.

    Athalye et al. 2017, arXiv:1707.07397, eq. 2: each step climbs the mean objective over ``draws`` views of each
    picture, made anew by the transforms in turn, each up to its strength, or to its default if it comes alone.
    Calling it gives logits (draws, N, classes). The attack's result is measured on the bare ``model``. Its
    ``generator`` (or seed) moves on with every call: make a new one for each attack that is to be repeated.
    """

    model: Callable[[Tensor], Tensor]
    transforms: Sequence[tuple[Transform, float] | Transform | str]
    generator: torch.Generator | int
    draws: int = 8

    def __post_init__(self) -> None:
        fit_fields(self)
        object.__setattr__(self, "generator", seeded(self.generator))
        if not self.transforms or self.draws < len(self.transforms):
            raise InputError(
                "An expectation is taken over at least one transform and one view of each, but there are "
                f"{len(self.transforms)} transforms and {self.draws} views."
            )
        for one in self.transforms:
            with_strength(one)

    def __call__(self, x: Tensor) -> Tensor:
        """Logits (draws, N, classes) of pixels (N, 3, H, W) in [0, 1]."""
        pairs = [with_strength(one) for one in self.transforms]
        turns = [pairs[index % len(pairs)] for index in range(self.draws)]
        views = [transform.sample(x, seeded(self.generator), strength) for transform, strength in turns]
        return answer(self.model, torch.cat(views)).unflatten(0, (self.draws, len(x)))


def bare(model: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The model itself, without the views through which an attack sees it."""
    return model.model if isinstance(model, Expectation) else model
