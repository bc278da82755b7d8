"""The job behind “one for all”: one change for several pictures, tried on others that it was not made on."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cnnlab_core.attacks.result import in_eight_bits
from cnnlab_core.attacks.studies.attack import View, ask
from cnnlab_core.attacks.universal import UniversalStep, universal_steps
from cnnlab_core.errors import InputError
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import relay

BATCH = 8
EPOCHS = 5


@dataclass(frozen=True)
class OneStep:
    """Step ``index`` of ``total``: the change ``delta`` float32 (H, W, 3) so far, the mean objective, which rises, and
    the share of this batch that is ``fooled``."""

    index: int
    total: int
    delta: np.ndarray
    loss: float
    fooled: float


@dataclass(frozen=True)
class Together:
    """A picture before and with the change, in 8 bits; ``seen`` if the change was made on it."""

    clean: View
    changed: View
    seen: bool
    target: int | None

    @property
    def fooled(self) -> bool:
        """Whether the change led the network to another class, or to the target."""
        return self.changed.best == self.target if self.target is not None else self.changed.best != self.clean.best

    @property
    def no_merit(self) -> bool:
        """Whether the network said the target of the clean picture already."""
        return self.clean.best == self.target


@dataclass(frozen=True)
class OneForAll:
    """The change ``delta`` float32 (H, W, 3), what it does to each picture, and ``losses`` and ``shares`` by step."""

    delta: np.ndarray
    pictures: tuple[Together, ...]
    losses: np.ndarray
    shares: np.ndarray

    def fooled(self, *, seen: bool) -> tuple[int, int]:
        """How many are fooled, of how many: those it was made on, or the others."""
        those = [picture for picture in self.pictures if picture.seen == seen]
        return sum(picture.fooled for picture in those), len(those)


def one_for_all(
    model: LoadedModel,
    x: torch.Tensor,
    seen: Sequence[bool],
    *,
    eps: float,
    norm: str = "linf",
    epochs: int = EPOCHS,
    target: int | None = None,
    seed: int = 0,
) -> Generator[OneStep, None, OneForAll]:
    """Make one change on those of the pictures ``x`` (N, 3, H, W) that are ``seen``, and try it on all of them.

    ``attacks.universal`` in batches of ``BATCH``, in an order drawn from ``seed``. Raises ``InputError`` if none is
    seen, and what the attack raises.
    """
    chosen = torch.tensor(list(seen), dtype=torch.bool, device=x.device)
    if len(chosen) != len(x) or not chosen.any():
        raise InputError("Choose at least one picture that the change is made on.")
    losses: list[float] = []
    shares: list[float] = []

    def told(step: UniversalStep) -> OneStep:
        losses.append(step.loss)
        shares.append(step.fooled)
        return OneStep(step.index, step.total, _plain(step.delta), step.loss, step.fooled)

    generator = torch.Generator().manual_seed(seed)
    attack = universal_steps(
        model, x[chosen], eps=eps, norm=norm, epochs=epochs, batch=BATCH, target=target, generator=generator
    )
    made = yield from relay(attack, told)
    pairs = []
    for one, was in zip(x.split(1), seen, strict=True):
        clean, changed = ask(model, one), ask(model, in_eight_bits((one + made.delta).clamp(0, 1)))
        pairs.append(Together(clean, changed, bool(was), target))
    return OneForAll(_plain(made.delta), tuple(pairs), np.array(losses), np.array(shares))


def _plain(delta: torch.Tensor) -> np.ndarray:
    return delta[0].permute(1, 2, 0).contiguous().cpu().numpy()


def one_table(found: OneForAll, names: Sequence[str], labels: Sequence[str]) -> str:
    """Each picture's class and probability before and with the change, as CSV."""
    header = ("picture", "made_on_it", "label_before", "p_before", "label_after", "p_after", "fooled")
    rows = [
        (
            name,
            one.seen,
            labels[one.clean.best],
            f"{one.clean.probability(one.clean.best):.6g}",
            labels[one.changed.best],
            f"{one.changed.probability(one.changed.best):.6g}",
            one.fooled,
        )
        for name, one in zip(names, found.pictures, strict=True)
    ]
    return csv_table(header, rows)
