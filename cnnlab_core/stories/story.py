"""Stories: a page explained in a few steps, each with a view, something to guess, and what one should have seen.

A story is data, a TOML file in ``assets/stories`` that is called like its page; its form is that of the classes here.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cnnlab_core.runtime.assets import asset, read_asset


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A question before the answer: ``choices``, of which number ``right`` (from 0) is it, and ``because``."""

    ask: str
    choices: tuple[str, ...]
    right: int
    because: str

    def verdict(self, choice: str) -> str:
        """What to say of a choice: whether it is right, what is, and why."""
        answer = self.choices[self.right]
        return f"{'Yes' if choice == answer else f'It is “{answer}”'}: {self.because}"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: a ``title``, what to ``say`` (markdown), and the ``view`` it is about, as the page's own address.

    With a ``guess`` that the view would give away, ``before`` is the view in which it is asked. ``seen`` is what one
    should have noticed; with a guess it comes after that.
    """

    title: str
    say: str
    seen: str
    view: Mapping[str, str] = field(default_factory=dict)
    guess: Guess | None = None
    before: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Story:
    """A page's story: its ``title``, its ``steps``, and what one knows at the end."""

    title: str
    steps: tuple[Step, ...]
    know: str

    def view(self, number: int, shown: bool = False) -> Mapping[str, str]:
        """The view of step ``number`` (from 1), before its guess or as it is ``shown`` after that.

        A step without one keeps that of the step before.
        """
        step = self.steps[min(number, len(self.steps)) - 1]
        asked = step.view if shown or step.before is None else step.before
        return asked if asked or number == 1 else self.view(number - 1, shown=True)


def has_story(page: str) -> bool:
    """Whether the page called ``page`` has one."""
    return asset("stories", f"{page}.toml").is_file()


@cache
def read_story(page: str) -> Story:
    """The story of the page called ``page``."""
    data = tomllib.loads(read_asset("stories", f"{page}.toml"))
    return Story(**{**data, "steps": tuple(map(_step, data["steps"]))})


def _step(data: dict[str, Any]) -> Step:
    guess = data.get("guess")
    return Step(**{**data, "guess": Guess(**{**guess, "choices": tuple(guess["choices"])}) if guess else None})
