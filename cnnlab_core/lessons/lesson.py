"""A lesson as a teacher wrote it: a few steps, each a view of the lab with a task, a guess and a question.

Anybody can send one: what is read is checked in every part, and its texts are there to be shown as text.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from cnnlab_core.checks import shown
from cnnlab_core.errors import InputError
from cnnlab_core.stories import Guess

VERSION = 1
MOST_STEPS, MOST_CHOICES, MOST_KEYS, MOST_AWAY = 10, 6, 60, 200
LINE, WORDS, VALUE = 120, 600, 300
"""Letters of a line, of a text, and of a value in an address, at most."""
OURS = ("lesson", "lesson_step", "lesson_code", "teach", "story", "projector")
"""What an address says beside how a view's controls stand."""

View = Mapping[str, str | tuple[str, ...]]
_NAME = re.compile(r"[a-z][a-z_]{0,39}")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Signs that turn the direction of what stands around them."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """A question for a number on the screen: ``answer``, give or take ``tolerance``."""

    ask: str
    answer: float
    tolerance: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A question with ``choices``, of which number ``right`` (from 0) is the answer."""

    ask: str
    choices: tuple[str, ...]
    right: int


@dataclass(frozen=True, kw_only=True)
class Practice:
    """One of the lab's own exercises (a name in ``exercises.KINDS``), with numbers of each student's own."""

    kind: str
    level: int = 1


Question = Number | Pick | Practice


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step: a ``task`` to do on a ``page``, whose controls stand as the ``view`` says, without those put ``away``.

    The ``guess`` comes before the ``question``; ``after`` is told once that is answered, or at once without one.
    """

    page: str
    task: str
    view: View = field(default_factory=dict)
    away: tuple[str, ...] = ()
    guess: Guess | None = None
    question: Question | None = None
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A lesson: its ``title``, whom it is ``by``, the class that it is for (``group``), and its steps."""

    title: str
    steps: tuple[Step, ...]
    by: str = ""
    group: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """The lesson as JSON has it; :func:`read_lesson` is the way back."""
        return {"version": VERSION, **asdict(self, dict_factory=_full)}


def read_lesson(data: object) -> Lesson:
    """The lesson in ``data``, whoever made it.

    Raises:
        InputError: something in it is missing, too long, unknown, or of another kind than it should be.
    """
    found = _record("The lesson", data, ("version", "title", "steps"), ("by", "group"))
    if found["version"] != VERSION:
        raise InputError(
            "This lesson was made by another version of the lab: make it anew, or bring the lab up to date."
        )
    steps = _list("The steps", found["steps"], 1, MOST_STEPS)
    return Lesson(
        title=_line("The title", found["title"]),
        by=_line("The teacher's name", found.get("by", ""), least=0),
        group=_line("The class", found.get("group", ""), least=0),
        steps=tuple(_step(f"Step {number}", step) for number, step in enumerate(steps, 1)),
    )


def read_link(link: str) -> tuple[str, dict[str, Any], list[str]]:
    """The page, the view and what is put away in a link to a view of the lab.

    Raises:
        InputError: it isn't such a link, or its picture is the teacher's own.
    """
    try:
        parts = urlsplit(link.strip())
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=MOST_KEYS)
    except ValueError:
        raise InputError("This link can't be read: copy it from the address bar of the view.") from None
    page = parts.path.rstrip("/").rpartition("/")[2]
    if not _NAME.fullmatch(page):
        raise InputError("This isn't a link to a page of the lab: copy it from the address bar of the view.")
    if query.get("picture", [""])[-1].startswith("own"):
        raise InputError("A link can't carry your own picture: choose one from the gallery for the lesson.")
    view = {key: found[0] if len(found) == 1 else found for key, found in query.items() if key not in OURS}
    away = [key for key in put_away(query.get("teach", [""])[-1]) if key not in ("edit", "nothing")]
    return page, view, away


def put_away(text: str) -> list[str]:
    """The keys of controls in a list with commas; what isn't a key is left out."""
    return [key for key in text.split(",")[:MOST_AWAY] if _KEY.fullmatch(key)]


# --- the parts of one ---------------------------------------------------------------------------------------------


def _step(name: str, data: object) -> Step:
    found = _record(name, data, ("page", "task"), ("view", "away", "guess", "question", "after"))
    page = found["page"]
    if not (isinstance(page, str) and _NAME.fullmatch(page)):
        raise InputError(
            f"{name} is on the page {shown(page)}, which the lab doesn't have: give it the link of a view."
        )
    away = _list(f"What {name.lower()} puts away", found.get("away", []), 0, MOST_AWAY)
    if strange := [key for key in away if not (isinstance(key, str) and _KEY.fullmatch(key))]:
        raise InputError(f"{name} puts away {shown(strange[0])}, which isn't the key of a control.")
    guess, question = found.get("guess"), found.get("question")
    return Step(
        page=page,
        task=_words(f"The task of {name.lower()}", found["task"]),
        view=_view(name, found.get("view", {})),
        away=tuple(cast(list[str], away)),
        guess=None if guess is None else _guess(f"The guess of {name.lower()}", guess),
        question=None if question is None else _question(f"The question of {name.lower()}", question),
        after=_words(f"What is told after {name.lower()}", found.get("after", ""), least=0),
    )


def _view(name: str, data: object) -> View:
    if not isinstance(data, Mapping) or len(data) > MOST_KEYS:
        raise InputError(f"The view of {name.lower()} can't be read: give it the link of a view.")
    view: dict[str, str | tuple[str, ...]] = {}
    for key, value in data.items():
        if not (isinstance(key, str) and _KEY.fullmatch(key)) or key in OURS:
            raise InputError(f"The view of {name.lower()} sets {shown(key)}, which isn't a control.")
        texts = [_words(key, text, 0, VALUE) for text in (value if isinstance(value, list | tuple) else [value])[:30]]
        view[key] = tuple(texts) if isinstance(value, list | tuple) else texts[0]
    return view


def _guess(name: str, data: object) -> Guess:
    found = _record(name, data, ("ask", "choices", "right"), ("because",))
    return Guess(**_picked(name, found), because=_words(f"{name}, its reason", found.get("because", ""), least=0))


def _question(name: str, data: object) -> Question:
    if isinstance(data, Mapping) and "kind" in data:
        found = _record(name, data, ("kind",), ("level",))
        kind = found["kind"]
        if not (isinstance(kind, str) and re.fullmatch(r"[a-z0-9_]{1,40}", kind)):
            raise InputError(f"{name} is an exercise of the kind {shown(kind)}, which the lab doesn't have.")
        return Practice(kind=kind, level=_whole(f"The level of {name.lower()}", found.get("level", 1), 1, 3))
    if isinstance(data, Mapping) and "choices" in data:
        return Pick(**_picked(name, _record(name, data, ("ask", "choices", "right"))))
    found = _record(name, data, ("ask", "answer"), ("tolerance",))
    return Number(
        ask=_line(name, found["ask"], VALUE),
        answer=_number(f"The answer to {name.lower()}", found["answer"]),
        tolerance=abs(_number(f"The tolerance of {name.lower()}", found.get("tolerance", 0))),
    )


def _picked(name: str, found: Mapping[str, object]) -> dict[str, Any]:
    """What a guess and a question with choices have in common."""
    texts = _list(f"The choices of {name.lower()}", found["choices"], 2, MOST_CHOICES)
    choices = tuple(_line(f"A choice of {name.lower()}", text) for text in texts)
    if len(set(choices)) < len(choices):
        raise InputError(f"{name} has the same choice twice.")
    right = _whole(f"The right choice of {name.lower()}", found["right"], 0, len(choices) - 1)
    return {"ask": _line(name, found["ask"], VALUE), "choices": choices, "right": right}


# --- what comes from outside --------------------------------------------------------------------------------------


def _record(name: str, data: object, needed: Collection[str], possible: Collection[str] = ()) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise InputError(f"{name} can't be read.")
    if missing := [key for key in needed if key not in data]:
        raise InputError(f"{name} has no “{missing[0]}”.")
    if strange := [key for key in data if key not in needed and key not in possible]:
        raise InputError(f"{name} has {shown(strange[0])}, which the lab doesn't know.")
    return data


def _list(name: str, value: object, least: int, most: int) -> list[object]:
    if not isinstance(value, list | tuple) or not least <= len(value) <= most:
        raise InputError(f"{name} must be a list of {least} to {most}.")
    return list(value)


def _line(name: str, value: object, most: int = LINE, least: int = 1) -> str:
    return _words(name, " ".join(value.split()) if isinstance(value, str) else value, least, most)


def _words(name: str, value: object, least: int = 1, most: int = WORDS) -> str:
    """A text of ``least`` to ``most`` letters, all of which can be shown."""
    if not isinstance(value, str):
        raise InputError(f"{name} must be text.")
    text = value.replace("\r\n", "\n").strip()
    if not least <= len(text) <= most:
        raise InputError(f"{name} has {len(text)} letters: write {least} to {most}.")
    if any((unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t") or sign in _TURNS for sign in text):
        raise InputError(f"{name} has a sign that can't be shown: write it anew.")
    return text


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e15:
        raise InputError(f"{name} must be a number.")
    return float(value)


def _whole(name: str, value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{name} must be a whole number from {least} to {most}.")
    return value


def _full(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields that aren't empty."""
    return {key: value for key, value in fields if value not in (None, "", (), {})}
