"""A trained network at work: writing, what it expects, what its units do, and what one letter changes."""

import math
from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from cnnlab_core.checks import by_annotation, seeded, whole
from cnnlab_core.errors import InputError, WeightsError
from cnnlab_core.language.network import RecurrentNetwork, State
from cnnlab_core.runtime.jobs import plainly
from cnnlab_core.runtime.short_repr import short_repr

MOST_WRITTEN = 10_000
"""Characters that are written at once, at most."""
MOST_READ = 5_000
"""Characters of a text that is looked at place by place, at most."""
MOST_MEASURED = 1_000_000
"""Characters of a text whose bits are counted, at most."""
TEMPERATURES = (0.01, 10.0)
"""The lowest and highest temperature, besides 0."""
_CHUNK = 2_000

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SampleStep:
    """A character that was written: its probability at the chosen temperature, and all that was ``written`` so far."""

    character: str
    probability: float
    written: str


@short_repr
@dataclass(frozen=True, eq=False)
class Comparison:
    """What changes when letters are changed: place by place, before and after.

    ``places``: where the two texts differ. ``before``, ``after`` (T, characters): the probabilities of what follows.
    ``divergence`` (T,): the Kullback-Leibler divergence of ``after`` from ``before`` in bits. ``activity`` (T, layers,
    hidden): how much each hidden unit differs (after - before).
    """

    places: tuple[int, ...]
    before: Array
    after: Array
    divergence: Array
    activity: Array


class CharacterModel:
    """A trained network with its alphabet. It is never changed, and many may use it at once.

    ``kind`` is "rnn", "gru" or "lstm"; ``characters`` is the alphabet, in the order of all probabilities. In a text
    that has several lines a line end comes before each of them, so that is what a network reads first when it is to
    begin (``first``).
    """

    def __init__(
        self, network: RecurrentNetwork, characters: Sequence[str], *, name: str = "", title: str = ""
    ) -> None:
        self.network, self.characters, self.name, self.title = network, tuple(characters), name, title
        self.kind, self.layers, self.hidden = network.kind, network.cell.num_layers, network.cell.hidden_size
        self._places = {character: place for place, character in enumerate(self.characters)}
        self.first = next((usual for usual in ("\n", " ") if usual in self._places), self.characters[0])

    # --- text and numbers ---

    @by_annotation
    def encode(self, text: str) -> torch.Tensor:
        """A text as places in the alphabet, (T,). Raises ``InputError`` for a character that isn't in it."""
        try:
            return torch.tensor([self._places[character] for character in text], dtype=torch.long)
        except KeyError as error:
            raise InputError(self._unknown(error.args[0])) from None

    def _unknown(self, character: str) -> str:
        shown = f"“{character}”" if character.isprintable() and not character.isspace() else f"U+{ord(character):04X}"
        other = next((way for way in (character.lower(), character.upper()) if way in self._places), None)
        advice = f"Write “{other}”." if other else "Leave it out."
        known = "".join(known for known in self.characters if known.isprintable())
        return f"The network has never seen {shown}; it knows {known[:60]}{'…' * (len(known) > 60)}. {advice}"

    # --- writing ---

    @by_annotation
    def sample_steps(
        self,
        prompt: str = "",
        *,
        temperature: float = 1.0,
        generator: torch.Generator | int = 0,
        length: int = 200,
        lines: int | None = None,
    ) -> Generator[SampleStep, None, str]:
        """Write on after ``prompt``, one character at a time; yields each, and gives all that was written.

        Args:
            prompt: what comes first; it isn't repeated. It is read after a line end, if there are any.
            temperature: what the logits are divided by before the softmax. 0 always takes the likeliest character.
            generator: a generator or a seed. Equal ones write the same.
            length: characters to write at most, up to 10,000.
            lines: to stop after so many line ends.

        Raises ``InputError`` for a prompt with characters that the network doesn't know, and numbers that can't be, and
        ``WeightsError`` for a network whose weights are no numbers.
        """
        whole("length", length, 1, MOST_WRITTEN)
        if lines is not None:
            whole("lines", lines, 1)
        _check_temperature(temperature)
        random, codes = seeded(generator), self.encode(self.first + self._short(prompt))
        state, written = self.network.nothing_read(1), ""
        for _ in range(length):
            logits, state = self._read(codes, state)
            chances = _chances(logits[-1], temperature)
            codes = _drawn(chances, temperature, random)
            place = int(codes)
            written += self.characters[place]
            yield SampleStep(self.characters[place], float(chances[place]), written)
            if lines is not None and written.count("\n") >= lines:
                break
        return written

    sample = plainly(sample_steps)

    @by_annotation
    def lines(
        self, count: int, *, temperature: float = 1.0, generator: torch.Generator | int = 0, length: int = 24
    ) -> list[str]:
        """``count`` lines, written side by side, each up to its end or ``length`` characters: in the time of one.

        Where the network knows no line end, each is ``length`` characters long. Raises as ``sample_steps``.
        """
        whole("count", count, 1, MOST_WRITTEN)
        whole("length", length, 1, MOST_WRITTEN // count)
        _check_temperature(temperature)
        random, state = seeded(generator), self.network.nothing_read(count)
        codes, written = self.encode(self.first).expand(1, count), []
        open_ones = torch.ones(count, dtype=torch.bool)
        device, end = self.network.readout.weight.device, self._places.get("\n", -1)
        for _ in range(length):
            with torch.no_grad():
                logits, state = self.network(codes.to(device), state)
            codes = _drawn(_chances(logits[0].cpu(), temperature), temperature, random).T
            written.append(codes[0])
            open_ones &= codes[0] != end
            if not open_ones.any():
                break
        columns = torch.stack(written, 1).tolist()
        return ["".join(self.characters[place] for place in column).partition("\n")[0] for column in columns]

    # --- reading ---

    @by_annotation
    def probabilities(self, text: str) -> Array:
        """Of each place of a text the probabilities of what follows, (T, characters): row t has read t + 1 characters.

        Raises ``InputError`` for a text that is empty, longer than 5,000, or has characters that aren't known.
        """
        return self._reading(text)[0]

    @by_annotation
    def activity(self, text: str) -> Array:
        """The hidden units (T, layers, hidden) after each character, in [-1, 1]. Raises as ``probabilities``."""
        return self._reading(text)[1][0]

    @by_annotation
    def states(self, text: str, state: State | None = None) -> tuple[Array, State]:
        """The hidden units (T, layers, hidden) after each character, and the state to go on reading from there."""
        found, state = [], self.network.nothing_read(1) if state is None else state
        for code in self.encode(self._short(text)).split(1):
            _, state = self._read(code, state)
            found.append(state[0][:, 0].cpu().double().numpy())
        return np.stack(found), state

    @by_annotation
    def cells(self, text: str) -> Array | None:
        """An LSTM's memory (T, layers, hidden) after each character, of any size; None for the other kinds."""
        states = self._reading(text)[1]
        return states[1] if self.kind == "lstm" else None

    @by_annotation
    def compare(self, text: str, changed: str) -> Comparison:
        """What changes where some letters are others. Raises ``InputError`` where the lengths aren't the same."""
        if len(text) != len(changed):
            raise InputError(
                f"The texts have {len(text)} and {len(changed)} characters. Change letters, and leave the length."
            )
        (before, states), (after, changed_states) = self._reading(text), self._reading(changed)
        places = tuple(place for place, pair in enumerate(zip(text, changed, strict=True)) if len(set(pair)) > 1)
        divergence = (after * np.log2(np.maximum(after, 1e-300) / np.maximum(before, 1e-300))).sum(1)
        return Comparison(places, before, after, divergence, changed_states[0] - states[0])

    @by_annotation
    def bits(self, text: str) -> Array:
        """The bits that each character of a text but the first costs, (T - 1,): -log2 of its probability.

        Raises ``InputError`` for a text of less than two characters or more than a million.
        """
        codes = self.encode(text)
        if not 2 <= len(codes) <= MOST_MEASURED:
            raise InputError(f"The text has {len(codes)} characters: make it 2 to {MOST_MEASURED:,}.")
        state, found = self.network.nothing_read(1), []
        for read, next_ones in zip(codes[:-1].split(_CHUNK), codes[1:].split(_CHUNK), strict=True):
            logits, state = self._read(read, state)
            found.append(-logits.double().log_softmax(1).gather(1, next_ones[:, None])[:, 0] / math.log(2))
        return torch.cat(found).numpy()

    @by_annotation
    def bits_per_character(self, text: str) -> float:
        """The mean of ``bits``."""
        return float(self.bits(text).mean())

    # --- the network ---

    @torch.no_grad()
    def _read(self, codes: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Logits (T, characters) after each character, and the state."""
        device = self.network.readout.weight.device
        logits, state = self.network(codes[:, None].to(device), state)
        return logits[:, 0].cpu(), state

    def _reading(self, text: str) -> tuple[Array, tuple[Array, ...]]:
        """Of each place the probabilities (T, characters), and the states, each (T, layers, hidden)."""
        codes = self.encode(self._short(text))
        if not len(codes):
            raise InputError("There is no character to read. Write at least one.")
        state, logits, states = self.network.nothing_read(1), [], []
        for code in codes.split(1):
            found, state = self._read(code, state)
            logits.append(found)
            states.append([part[:, 0].cpu().double().numpy() for part in state])
        chances = torch.cat(logits).double().softmax(1).numpy()
        return chances, tuple(np.stack(part) for part in zip(*states, strict=True))

    @staticmethod
    def _short(text: str) -> str:
        if len(text) > MOST_READ:
            raise InputError(f"The text has {len(text):,} characters: use at most {MOST_READ:,}.")
        return text


def _check_temperature(temperature: float) -> None:
    low, high = TEMPERATURES
    if temperature != 0 and not low <= temperature <= high:
        raise InputError(f"The temperature is {temperature!r}: make it a number from {low} to {high}, or 0.")


def _chances(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """The softmax over the last axis of the logits divided by the temperature; at 0, of the logits as they are."""
    chances = (logits.double() / (temperature or 1.0)).softmax(-1)
    if not torch.isfinite(chances).all():
        raise WeightsError("The network's numbers have overflowed, so it can't write. Train it more gently.")
    return chances


def _drawn(chances: torch.Tensor, temperature: float, random: torch.Generator) -> torch.Tensor:
    """A place of each distribution (..., characters) by chance, (..., 1); at temperature 0, the likeliest."""
    return torch.multinomial(chances, 1, generator=random) if temperature else chances.argmax(-1, keepdim=True)


@by_annotation
def share_known(lines: Iterable[str], known: Collection[str]) -> tuple[int, int]:
    """How many of the lines that aren't empty are among ``known`` (a set is fast), and how many there are."""
    written = [line for line in lines if line]
    return sum(line in known for line in written), len(written)
