"""What single hidden units follow: which of them goes along with vowels, with a line's end, with the place in it.

As Karpathy, Johnson & Fei-Fei looked for cells that keep track of quotes and lines (2015, arXiv:1506.02078, 4.2).
"""

import unicodedata
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.language.model import CharacterModel
from cnnlab_core.runtime.jobs import Progress, plainly
from cnnlab_core.runtime.short_repr import short_repr

Array = npt.NDArray[np.float64]
MOST_FOLLOWED = 20_000
"""Characters over which units are followed, at most: the largest network takes 8 kB for each."""
_PART = 100
_FARTHEST = 20
"""Places of a line that are told apart: in prose, a line's end is far away."""


@dataclass(frozen=True)
class Follows:
    """The ``unit`` that goes along best with a ``feature`` of the text: its ``correlation`` in [-1, 1] (Pearson)."""

    feature: str
    unit: int
    correlation: float


@short_repr
@dataclass(frozen=True, eq=False)
class Units:
    """The activity (T, units) of all hidden units on a ``text`` of T characters, layer after layer, and ``best``: for
    each feature of the text the unit that follows it best."""

    text: str
    activity: Array
    best: tuple[Follows, ...]


def features(text: str) -> dict[str, Array]:
    """What can be said of each place of a text, (T,): NaN where it can't, and nothing that is the same everywhere.

    "vowel": the character is one (of the Latin alphabet, with any mark). "two vowels": it and the one before. "end":
    the line's end comes next (in a text without lines, a space). "place": characters since the line began, up to 20.
    """
    end = "\n" if "\n" in text else " "
    vowels = np.array([unicodedata.normalize("NFD", character)[0].lower() in "aeiou" for character in text], float)
    ends = np.array([character == end for character in text], dtype=float)
    last = np.maximum.accumulate(np.where(ends > 0, np.arange(len(text)), -1))
    found = {
        "vowel": vowels,
        "two vowels": np.concatenate([[np.nan], vowels[1:] * vowels[:-1]]),
        "end": np.concatenate([ends[1:], [np.nan]]),
        "place": np.minimum(np.arange(len(text)) - last, _FARTHEST).astype(float),
    }
    return {name: values for name, values in found.items() if np.nanmax(values) > np.nanmin(values)}


def best_units(activity: Array, text: str) -> tuple[Follows, ...]:
    """For each feature of the text the unit whose ``activity`` (T, units) correlates most with it, up or down."""
    found = []
    for name, values in features(text).items():
        known = np.isfinite(values)
        x, y = values[known] - values[known].mean(), activity[known] - activity[known].mean(0)
        norms = np.sqrt((x**2).sum() * (y**2).sum(0))
        correlations = np.divide(x @ y, norms, out=np.zeros(y.shape[1]), where=norms > 0)
        unit = int(np.abs(correlations).argmax())
        found.append(Follows(name, unit, float(correlations[unit])))
    return tuple(found)


@by_annotation
def follow_units_steps(model: CharacterModel, text: str) -> Generator[Progress[None], None, Units]:
    """Read a text and find the units that follow its features; a step each hundred characters.

    Raises ``InputError`` for a text of less than two characters or more than ``MOST_FOLLOWED``, or with ones that the
    network doesn't know.
    """
    if len(text) < 2:
        raise InputError("The text is too short to follow anything in it. Use two characters or more.")
    if len(text) > MOST_FOLLOWED:
        raise InputError(f"The text has {len(text):,} characters: use at most {MOST_FOLLOWED:,}.")
    parts = []
    state = None
    for begin in range(0, len(text), _PART):
        states, state = model.states(text[begin : begin + _PART], state)
        parts.append(states.reshape(len(states), -1))
        yield Progress(min(begin + _PART, len(text)), len(text))
    activity = np.concatenate(parts)
    return Units(text, activity, best_units(activity, text))


follow_units = plainly(follow_units_steps)
