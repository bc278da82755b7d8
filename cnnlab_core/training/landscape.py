"""The loss around a trained network, along two directions (Li et al. 2018, arXiv:1712.09913)."""

import copy
import json
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cnnlab_core.checks import by_annotation
from cnnlab_core.data import Pictures, open_data, split_validation
from cnnlab_core.errors import InputError, RunError
from cnnlab_core.models import load_model
from cnnlab_core.models.exports import SHIPPED
from cnnlab_core.runtime.device import pick_device
from cnnlab_core.runtime.jobs import Progress, plainly, relay
from cnnlab_core.runtime.short_repr import short_repr
from cnnlab_core.training.batches import to_pixels
from cnnlab_core.training.checkpoints import load_checkpoint
from cnnlab_core.training.curves import Array
from cnnlab_core.training.nets import build_net
from cnnlab_core.training.randomness import generator
from cnnlab_core.training.rate_test import refuse_to_fetch
from cnnlab_core.training.runs import Run, find_run
from cnnlab_core.training.trial import trial_steps

Weights = Mapping[str, Tensor]
POINTS = (3, 41)
PICTURES = (1, 2000)
MOST_DISTANCE = 10.0
MOST_SECONDS = 300.0
"""What it may take on a server; it ends with a sentence then."""
_AT_ONCE = 256


@dataclass(frozen=True)
class Question:
    """What is looked at: ``points`` × ``points`` places (odd: the network is in the middle), up to ``distance`` away.

    At a distance of 1 along one direction each filter has been changed by as much as it is long. The loss is plain
    cross-entropy on so many of the ``pictures`` that the run learns from, as they are; ``seed`` draws the directions.
    """

    points: int = 11
    distance: float = 1.0
    pictures: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ``InputError`` for what can't be asked."""
        if not (POINTS[0] <= self.points <= POINTS[1] and self.points % 2):
            raise InputError(f"The places along a direction are an odd number from 3 to 41, not {self.points}.")
        if not 0 < self.distance <= MOST_DISTANCE:
            raise InputError(f"The distance is more than 0, and {MOST_DISTANCE:g} at most, not {self.distance:g}.")
        if not PICTURES[0] <= self.pictures <= PICTURES[1]:
            raise InputError(f"The loss is taken on 1 to {PICTURES[1]:,} pictures, not {self.pictures}.")

    @property
    def along(self) -> Array:
        """The places along a direction (points,)."""
        return np.linspace(-self.distance, self.distance, self.points)


@short_repr
@dataclass(frozen=True, eq=False)
class Landscape:
    """The ``losses`` (P, P) in nats at the places ``along`` (P,) the second direction, downwards, and the first one."""

    along: Array
    losses: Array

    @property
    def centre(self) -> float:
        """The loss of the network itself."""
        middle = len(self.along) // 2
        return float(self.losses[middle, middle])

    @property
    def lowest(self) -> tuple[float, float, float]:
        """The lowest loss, and where along the two directions it is."""
        row, column = np.unravel_index(int(np.nanargmin(self.losses)), self.losses.shape)
        return float(self.losses[row, column]), float(self.along[column]), float(self.along[row])

    @property
    def rim(self) -> float:
        """The median loss on the rim."""
        square = self.losses
        return float(np.median(np.concatenate([square[0], square[-1], square[1:-1, 0], square[1:-1, -1]])))


def direction(weights: Weights, seed: int, number: int) -> dict[str, Tensor]:
    """A random direction, filter-normalised (section 4): each filter is as long as the network's own.

    A filter is what makes one output: a row of a matrix, too. Biases and the numbers of norms stay as they are.
    """
    random, found = generator(seed, "direction", number), {}
    for name, weight in weights.items():
        if weight.ndim < 2:
            found[name] = torch.zeros_like(weight)
            continue
        drawn = torch.randn(weight.shape, generator=random).to(weight)
        over = tuple(range(1, weight.ndim))
        length = lambda one, over=over: one.square().sum(over, keepdim=True).sqrt()  # noqa: E731
        found[name] = drawn * length(weight) / length(drawn).clamp(min=1e-12)
    return found


def rows_around(
    loss: Callable[[dict[str, Tensor]], float], weights: Weights, first: Weights, second: Weights, along: Array
) -> Iterator[list[float]]:
    """``loss`` at weights + a · first + b · second: a row for each b, with all a."""
    for up in along.tolist():
        yield [
            loss({name: weight + across * first[name] + up * second[name] for name, weight in weights.items()})
            for across in along.tolist()
        ]


@by_annotation
def landscape_steps(
    run: Run, question: Question, *, device: torch.device | None = None
) -> Generator[Progress[list[float]], None, Landscape]:
    """The loss around the best weights of a run (else its last ones), in eval mode and float32, a row at a time.

    Raises:
        InputError: for a run on text, and data that have yet to be fetched.
        RunError: for a run whose weights aren't there.
    """
    network, machine = weights_of(run)
    refuse_to_fetch(run.config)
    return _steps(run, question, network, machine, device or pick_device())


def _steps(
    run: Run, question: Question, network: nn.Module, machine: Mapping[str, Any], device: torch.device
) -> Generator[Progress[list[float]], None, Landscape]:
    network = network.to(device).eval()
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    first, second = (direction(weights, question.seed, number) for number in range(2))
    pictures = _learned_from(run, question.pictures)
    mean, std = (torch.tensor(machine[name], device=device).view(1, 3, 1, 1) for name in ("mean", "std"))
    x, y = (to_pixels(pictures.images.to(device)) - mean) / std, pictures.labels.to(device)

    @torch.no_grad()
    def loss(moved: dict[str, Tensor]) -> float:
        total = 0.0
        for part, labels in zip(x.split(_AT_ONCE), y.split(_AT_ONCE), strict=True):
            logits = torch.func.functional_call(network, moved, (part,))
            total += float(nn.functional.cross_entropy(logits.double(), labels, reduction="sum"))
        return total / len(y)

    rows = list[list[float]]()
    for row in rows_around(loss, weights, first, second, question.along):
        rows.append(row)
        yield Progress(len(rows), question.points, row)
    return Landscape(question.along, np.array(rows))


landscape = plainly(landscape_steps)


def landscape_apart_steps(run: Run, question: Question) -> Generator[Progress[list[list[float]]], None, Landscape]:
    """The same in a process of its own, with the memory of a trainer and five minutes; yields all rows so far.

    Raises what ``landscape`` does, and ``RunError`` where the time isn't enough.
    """
    landscape_steps(run, question).close()  # its checks, before a process starts
    job = trial_steps("landscape", json.dumps({"run": run.id, **asdict(question)}), MOST_SECONDS)
    rows = yield from relay(job, lambda rows: Progress(len(rows), question.points, list(rows)))
    if len(rows) < question.points:
        raise RunError(
            f"After {MOST_SECONDS / 60:.0f} minutes {len(rows)} of {question.points} rows were done. Take fewer places "
            "or pictures."
        )
    return Landscape(question.along, np.array(rows))


def answer_landscape(question: Any) -> Iterator[list[float]]:
    """What such a process prints for its question, row by row."""
    run = find_run(question.pop("run"))
    return (step.latest for step in landscape_steps(run, Question(**question)) if step.latest)


def weights_of(run: Run) -> tuple[nn.Module, Mapping[str, Any]]:
    """A network of one's own with a run's best weights (else its last ones), and what the run knows of its data.

    Raises ``InputError`` for a run on text and ``RunError`` for one without weights.
    """
    if run.config.kind != "pictures":
        raise InputError(f"{run.about.name} learns from text. Choose a run on pictures.")
    machine, config = run.machine, run.config
    saved = load_checkpoint(run.checkpoints, "best") or load_checkpoint(run.checkpoints)
    if machine and saved:
        network = build_net(config.net, len(machine["classes"]), machine["side"], config.stack)
        network.load_state_dict(saved["network"])
        return network, machine
    if machine and run.shipped and (SHIPPED / f"{run.id}.safetensors").exists():
        return copy.deepcopy(load_model(run.id, device="cpu").network), machine
    raise RunError(
        f"Of {run.about.name} only the record came with the lab. Duplicate and start it to have its network."
        if run.shipped
        else f"{run.about.name} has no weights yet. Train it first."
    )


def _learned_from(run: Run, count: int) -> Pictures:
    """So many of the pictures that a run learns from, evenly chosen, as they are."""
    config, train = run.config, open_data(run.config.data, fetch=False).train
    chosen = split_validation(train.labels, config.validation, config.seed, config.limit).train
    places = np.unique(np.linspace(0, len(chosen) - 1, count).astype(int))
    index = torch.from_numpy(np.sort(chosen[places]))
    return Pictures(train.images[index], train.labels[index])
