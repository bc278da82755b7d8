"""What the loop asks of a task, which is all that depends on what is learned: classifying pictures, continuing text.

``pictures`` and ``text`` are the two; ``tasks`` opens that of a config.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from cnnlab_core.training.runs import Run

Counted = tuple[int, int]
"""How many of how many are done, while a network is asked."""
Line = tuple[str, dict[str, Any]]
"""A line of the metrics: its kind, and its values."""


@dataclass
class Standing:
    """What a checkpoint holds besides weights and optimiser; ``step`` is the next one to do."""

    step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    accuracy_sum: float = 0.0
    best_step: int = -1
    best_score: float = -1.0
    attacked: list[float] = field(default_factory=list)
    robust: list[float] = field(default_factory=list)
    collapsed: bool = False
    over: bool = False
    """Whether the training ends here, though not all steps are done."""


@dataclass(frozen=True)
class Checked:
    """What an epoch's end has shown: values for its line, the score to choose weights by, and further lines."""

    values: dict[str, Any]
    score: float | None
    lines: tuple[Line, ...] = ()


class Feeder(Protocol):
    """Deals out the training data in batches."""

    @property
    def steps(self) -> int:
        """Batches in an epoch."""

    @property
    def per_step(self) -> int:
        """Pictures, or characters, in a batch."""

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """The batches of an epoch from number ``start`` on; nothing that came before decides them."""


class Learner(Protocol):
    """A network that learns."""

    half: bool

    @property
    def network(self) -> nn.Module:
        """What is trained."""

    @property
    def judged(self) -> nn.Module:
        """What is checked, tested and exported: that, or an average of its weights over time."""

    def learn(self, batch: Any, rate: float, epoch: int, number: int) -> torch.Tensor:
        """One step of the optimiser; gives (loss in nats, accuracy) on the batch before the step."""

    def state(self) -> dict[str, Any]:
        """Everything that learning has changed."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take back a ``state``."""


class Task(Protocol):
    """Something to learn, in memory, with the network that learns it."""

    title: str

    @property
    def feeder(self) -> Feeder:
        """What deals out the training data."""

    @property
    def learner(self) -> Learner:
        """What learns from them."""

    def digest(self) -> str:
        """The sha256 of the training data."""

    def facts(self) -> dict[str, Any]:
        """What is to be known of the data wherever the network is used."""

    def choose_precision(self) -> tuple[str, str]:
        """The precision to train in where none is asked for, and why."""

    def keep(self, run: Run, step: int) -> None:
        """Keep what is to be looked at later, before a step, in the run's folder. Raises ``OSError``."""

    def look(self, step: int) -> Iterator[Line]:
        """What the network's insides show after a step."""

    def broken_layer(self) -> str:
        """The layer in which the numbers overflowed first."""

    def check(self, standing: Standing) -> Generator[Counted, None, Checked]:
        """Ask about the held-out data, if there are any, at an epoch's end."""

    def test(self, run: Run | None) -> Generator[Counted, None, dict[str, Any]]:
        """The scores on the test data, which are read here and nowhere else."""
