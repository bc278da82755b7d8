"""A word read letter by letter: as one-hot inputs with the next letter as target, and gradient descent on it."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnnlab_core.checks import Array, IntArray, by_annotation, whole
from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch.cells import unroll
from cnnlab_core.from_scratch.recurrent import Unrolled

MOST_LETTERS = 8
MOST_DIFFERENT = 6
MOST_STEPS = 10_000


@dataclass(frozen=True, eq=False)
class Word:
    """A word to read: its ``letters``, each once, in the order in which they occur; ``x`` (steps, letters) the letters
    but the last, one-hot; and ``targets`` (steps,), the number of the letter that follows each."""

    text: str
    letters: tuple[str, ...]
    x: Array
    targets: IntArray


@by_annotation
def spell(text: str) -> Word:
    """The word as inputs and targets.

    Args:
        text: 2 to 8 letters, at most 6 of them different; any script, but no spaces inside.

    Raises:
        InputError: something else, with what to change.
    """
    word = unicodedata.normalize("NFC", text[: 100 * MOST_LETTERS]).strip()
    if any(letter.isspace() or not letter.isprintable() for letter in word):
        raise InputError("The word has a space or an invisible character in it: write one word.")
    if not 2 <= len(word) <= MOST_LETTERS:
        raise InputError(f"The word has {len(word)} letters: write 2 to {MOST_LETTERS}, so that all steps can be seen.")
    letters = tuple(dict.fromkeys(word))
    if len(letters) > MOST_DIFFERENT:
        raise InputError(f"The word has {len(letters)} different letters: use at most {MOST_DIFFERENT}.")
    numbers = np.array([letters.index(letter) for letter in word])
    return Word(word, letters, np.eye(len(letters))[numbers[:-1]], numbers[1:])


@dataclass(frozen=True, eq=False)
class ReadingStep:
    """Gradient descent after ``index`` steps: the sequence as it is read there, and the ``norm`` of its gradient."""

    index: int
    read: Unrolled
    norm: float


@by_annotation
def learn_steps(
    kind: str, parameters: dict[str, Array], word: Word, *, eta: float, steps: int, h0: Array | None = None
) -> Iterator[ReadingStep]:
    """Gradient descent on the loss of a word: the start, then ``steps`` steps with learning rate ``eta``.

    ``h0`` is the state before the first letter (default: zeros) and isn't learned.

    Raises:
        InputError: arguments that can't be, or a descent that has left all bounds because ``eta`` is too large.
    """
    if eta < 0:
        raise InputError(f"eta is {eta:g}, which would climb the loss: make the learning rate 0 or more.")
    for index in range(whole("steps", steps, most=MOST_STEPS) + 1):
        read = unroll(kind, parameters, word.x, word.targets, h0=h0)
        gradients = read.back.parameters
        norm = float(np.sqrt(sum((array**2).sum() for array in gradients.values())))
        yield ReadingStep(index, read, norm)
        parameters = {name: array - eta * gradients[f"d{name}"] for name, array in read.parameters.items()}
        if max(np.abs(array).max() for array in parameters.values()) > 1e50:
            raise InputError(f"After {index + 1} steps the weights are beyond all bounds: make eta less than {eta:g}.")
