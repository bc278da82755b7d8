"""Text to continue, as a task for the trainer: truncated backpropagation through time over parallel streams.

The text is cut into ``batch`` streams of equal length, which are read side by side, ``window`` characters a step. What
the network remembers is carried from each window to the next; the gradient stops at the window's beginning (Williams &
Peng 1990). An epoch begins with nothing remembered.
"""

import math
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from cnnlab_core.data import Text, entropies
from cnnlab_core.errors import InputError, WeightsError
from cnnlab_core.language import CharacterModel, RecurrentNetwork
from cnnlab_core.training import diagnosis
from cnnlab_core.training.config import Config
from cnnlab_core.training.distributed import World
from cnnlab_core.training.optimizers import build_optimizer
from cnnlab_core.training.randomness import generator
from cnnlab_core.training.runs import Run
from cnnlab_core.training.task import Checked, Counted, Line, Standing

SAMPLE_TEMPERATURE = 0.8
SAMPLE_LINES = 6
SAMPLE_LENGTH = 24
"""What is written now and then during a run: so many lines side by side, each at most so long. Of a text with longer
lines, one piece of four times that length."""
_SAMPLED = frozenset({0, *(4**power for power in range(16))})
_READ_AT_ONCE = 250
_FEWEST_IN_STREAM = 1000
_MOST_STREAMS = 64

Window = tuple[torch.Tensor, torch.Tensor]
"""What is read and what follows each of it: places in the alphabet, (T, N)."""


def cut(characters: int, config: Config) -> tuple[int, int, int]:
    """How many streams a text of so many characters makes, the window, and the steps of an epoch."""
    pairs = characters - 1
    streams = max(1, min(config.batch, pairs // config.window))
    window = min(config.window, pairs // streams)
    return streams, window, pairs // streams // window


class TextFeeder:
    """Deals out a text in windows (T, N), one after another in each of N streams; it lies on the device once.

    Where the text isn't long enough there are fewer streams, then shorter windows. The few characters that are left
    over are others in each epoch.
    """

    def __init__(self, codes: np.ndarray, config: Config, device: torch.device) -> None:
        self.config, self._codes = config, torch.from_numpy(codes).to(device)
        self.streams, self.window, self.steps = cut(len(codes), config)
        self.left_over = len(codes) - 1 - self.streams * self.window * self.steps

    @property
    def per_step(self) -> int:
        """Characters in a step."""
        return self.streams * self.window

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Window]:
        """The windows of an epoch, from number ``start`` on."""
        random = generator(self.config.seed, "epoch", epoch)
        first = int(torch.randint(0, self.left_over + 1, (), generator=random))
        length = self.streams * self.steps * self.window

        def streams(begin: int) -> torch.Tensor:  # (steps * window, N): time first, as the network reads
            return self._codes[begin : begin + length].view(self.streams, -1).T.contiguous()

        read, follows = streams(first), streams(first + 1)
        for number in range(start, self.steps):
            window = slice(number * self.window, (number + 1) * self.window)
            yield read[window], follows[window]


class TextLearner:
    """The network of a config with its optimiser, and what it remembers of each stream."""

    def __init__(self, config: Config, *, characters: int, streams: int, device: torch.device) -> None:
        self.config, self.half, self._streams = config, False, streams
        network = RecurrentNetwork(config.net, characters, config.embedding, config.hidden, config.layers)
        network.initialise(generator(config.seed, "weights"))
        self.network: RecurrentNetwork = network.to(device)
        self.optimizer = build_optimizer(self.network, config)
        self._parameters = list(self.network.parameters())
        self._carried = self.network.nothing_read(streams)

    @property
    def judged(self) -> RecurrentNetwork:
        """The network."""
        return self.network

    def learn(self, batch: Window, rate: float, epoch: int, number: int) -> torch.Tensor:
        """One step of the optimiser; gives (loss in nats, accuracy) on the window before the step."""
        read, follows = batch
        state = self._carried if number else self.network.nothing_read(self._streams)
        logits, state = self.network(read, state)
        logits, follows = logits.flatten(0, 1), follows.flatten()
        loss = nn.functional.cross_entropy(logits, follows)
        self.optimizer.zero_grad()
        loss.backward()
        if self.config.clip:
            nn.utils.clip_grad_norm_(self._parameters, self.config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self._carried = tuple(part.detach() for part in state)
        right = (logits.detach().max(1).indices == follows).float().mean()  # argmax takes twice the time
        return torch.stack([loss.detach(), right])

    def state(self) -> dict[str, Any]:
        """Everything that learning has changed, and what is remembered of each stream."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "carried": list(self._carried),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back a ``state``."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        device = self._carried[0].device
        self._carried = tuple(part.to(device) for part in state["carried"])


class TextTask:
    """A text, and the network of a config that learns to say which character comes next."""

    def __init__(self, config: Config, text: Text, device: torch.device, world: World) -> None:
        if world.size > 1:
            raise InputError("A text is read by one process. Start the run without torchrun.")
        self.config, self.text, self.device, self.title = config, text, device, text.title
        self.learned, self.held = text.split(config.validation)
        self.feeder = TextFeeder(self.learned, config, device)
        self.learner = TextLearner(config, characters=len(text.characters), streams=self.feeder.streams, device=device)
        ends = int((self.learned == text.characters.index("\n")).sum()) if "\n" in text.characters else 0
        self._in_short_lines = ends * SAMPLE_LENGTH >= len(self.learned)

    def digest(self) -> str:
        """The sha256 of the alphabet and the training part of the text."""
        return self.text.digest()

    def facts(self) -> dict[str, Any]:
        """The alphabet, how many characters there are of each part, and what counting alone reaches (in bits)."""
        counted = entropies(self.learned, self.text.test, len(self.text.characters))
        return {
            "characters": list(self.text.characters),
            "training_characters": len(self.learned),
            "validation_characters": len(self.held),
            "characters_per_step": self.feeder.per_step,
            "uniform_bits": counted.uniform,
            "single_letter_bits": counted.single,
            "letter_pair_bits": counted.pairs,
        }

    def choose_precision(self) -> tuple[str, str]:
        """float32 in any case."""
        return "float32", "as every network that reads text"

    def keep(self, run: Run, step: int) -> None:
        """Nothing: what can be looked at stands in the metrics."""

    def look(self, step: int) -> Iterator[Line]:
        """Gradient norms; after 1, 2, 5, 17, 65, ... steps also what the network writes then, which takes longer."""
        yield (
            "probe",
            {"step": step, "gradient_norms": diagnosis.gradient_norms(self.learner.network), "dead_units": {}},
        )
        if step in _SAMPLED:
            yield self._sample(step + 1)

    def broken_layer(self) -> str:
        """The first layer whose weights hold something that isn't a finite number."""
        broken = (name for name, p in self.learner.network.named_parameters() if not torch.isfinite(p).all())
        return next(broken, "").partition(".")[0]

    def check(self, standing: Standing) -> Generator[Counted, None, Checked]:
        """Bits per character and accuracy on the held-out text, and what the network writes now."""
        values: dict[str, Any] = {"validation_loss": None, "validation_accuracy": None, "validation_bits": None}
        score = None
        if len(self.held):
            loss, accuracy = yield from self._ask(self.held)
            values = {"validation_loss": loss, "validation_accuracy": accuracy, "validation_bits": in_bits(loss)}
            score = math.exp(-loss)  # the probability of a character, on the geometric average
        train_bits = in_bits(standing.loss_sum / self.feeder.steps)
        return Checked({**values, "train_bits": train_bits}, score, (self._sample(standing.step),))

    def test(self, run: Run | None) -> Generator[Counted, None, dict[str, Any]]:
        """Bits per character and accuracy on the test part, beside what counting alone reaches there."""
        loss, accuracy = yield from self._ask(self.text.test)
        facts = self.facts()
        return {
            "test_characters": len(self.text.test),
            "accuracy": accuracy,
            "loss": loss,
            "bits": in_bits(loss),
            **{name: facts[name] for name in ("uniform_bits", "single_letter_bits", "letter_pair_bits")},
            "sample": self._written(),
        }

    def _sample(self, step: int) -> Line:
        return "sample", {"step": step, "temperature": SAMPLE_TEMPERATURE, "text": self._written()}

    def _written(self) -> str:
        """A few lines of what the network writes now, always from the same seed; nothing when it has overflowed."""
        model = CharacterModel(self.learner.network, self.text.characters)
        how: dict[str, Any] = {"temperature": SAMPLE_TEMPERATURE, "generator": generator(self.config.seed, "sample")}
        try:
            if self._in_short_lines:
                return "\n".join(model.lines(SAMPLE_LINES, length=SAMPLE_LENGTH, **how))
            return model.sample(length=4 * SAMPLE_LENGTH, **how)
        except WeightsError:
            return ""

    def _ask(self, codes: np.ndarray) -> Generator[Counted, None, tuple[float, float]]:
        """Mean loss in nats and accuracy on a text, read in up to 64 streams of a thousand characters or more.

        Each stream begins with nothing remembered, which costs a hundredth of a bit at most.
        """
        network, pairs = self.learner.network, len(codes) - 1
        count = max(1, min(_MOST_STREAMS, pairs // _FEWEST_IN_STREAM))
        # All streams are as long as the longest; what the others read past their end isn't counted.
        length = -(-pairs // count)
        places = torch.arange(length)[:, None] + torch.arange(count) * length
        counted = places < pairs
        places = places.clamp(max=pairs - 1)
        whole = torch.from_numpy(codes)
        read, follows, state = whole[places], whole[places + 1], network.nothing_read(count)
        loss, right = 0.0, 0
        for begin in range(0, length, _READ_AT_ONCE):
            part = slice(begin, begin + _READ_AT_ONCE)
            with torch.no_grad():
                logits, state = network(read[part].to(self.device), state)
                chosen = counted[part].to(self.device)
                found, true = logits[chosen], follows[part].to(self.device)[chosen]
                loss += float(nn.functional.cross_entropy(found.double(), true, reduction="sum"))
                right += int((found.argmax(1) == true).sum())
            yield int(counted[: begin + _READ_AT_ONCE].sum()), pairs
        return loss / pairs, right / pairs


def in_bits(nats: float) -> float:
    """A loss in nats as bits."""
    return nats / math.log(2)
