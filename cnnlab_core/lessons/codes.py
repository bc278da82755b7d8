"""What a student has solved, as a short signed code that the student hands in.

A code is base32 of: a version (1 byte), digests of the lesson (5) and the class (4), the minute since 2025 (3), how
many steps there are (1), the tries of each and whether it is right (1), the student (UTF-8, up to 40), and the first 10
bytes of an HMAC-SHA256 of all that. Three steps and a name of ten letters make 60 letters and digits.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Literal

from cnnlab_core.errors import InputError
from cnnlab_core.lessons.lesson import Lesson
from cnnlab_core.lessons.packed import digest

State = Literal["right", "forged", "old", "another class", "another lesson", "unreadable"]

MOST_NAME = 40
"""Bytes of a student's name or number as UTF-8, at most."""
MOST_TRIES = 127
_VERSION, _LESSON, _CLASS, _TIME, _SIGN = 1, 5, 4, 3, 10
_HEAD = 1 + _LESSON + _CLASS + _TIME + 1
_BEGAN = 1_735_689_600  # 2025-01-01, UTC
_GROUP = 5
_CODE = re.compile(r"[A-Z2-7]{40,130}")
_MISREAD = str.maketrans("018", "OIB")  # these aren't among the letters and digits of base32
_SEPARATORS = re.compile(r"[\s,;]+")


@dataclass(frozen=True)
class Tried:
    """How often a step's question was answered, and whether the last answer was right."""

    tries: int = 0
    right: bool = False


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a ``student`` has done in each step, at the time ``when`` (seconds since 1970, to the minute in a code)."""

    student: str
    steps: tuple[Tried, ...]
    when: float = 0.0


@dataclass(frozen=True)
class Reading:
    """What a code is, and what is in it if it is right (or right but old)."""

    state: State
    results: Results | None = None


def student_name(text: str) -> str:
    """A name or number as it is kept: one line, which fits into a code. Raises ``InputError``."""
    name = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if not 1 <= len(name.encode()) <= MOST_NAME:
        raise InputError(f"Write a name or a number of 1 to {MOST_NAME} letters.")
    return name


def write_code(lesson: Lesson, results: Results, secret: bytes) -> str:
    """The code for the ``results`` of a lesson, signed with the teacher's ``secret``."""
    minute = max(0, int(results.when - _BEGAN) // 60) % 256**_TIME
    steps = bytes(min(step.tries, MOST_TRIES) << 1 | step.right for step in results.steps)
    head = bytes([_VERSION]) + place_of(lesson) + minute.to_bytes(_TIME, "big") + bytes([len(steps)])
    content = head + steps + student_name(results.student).encode()
    letters = _letters(content + _signature(content, secret))
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


def read_code(text: str, lesson: Lesson, secret: bytes, since: float = 0.0) -> Reading:
    """What a code is: one of this lesson, class and secret, no older than ``since``, or what else."""
    content = _bytes(text)
    if content is None or content[0] != _VERSION:
        return Reading("unreadable")
    signed, signature = content[:-_SIGN], content[-_SIGN:]
    if not hmac.compare_digest(_signature(signed, secret), signature):
        return Reading("forged")
    if signed[1 + _LESSON : 1 + _LESSON + _CLASS] != _of_class(lesson):
        return Reading("another class")
    if signed[1 : 1 + _LESSON] != _of_lesson(lesson):
        return Reading("another lesson")
    count = signed[_HEAD - 1]
    minute = int.from_bytes(signed[_HEAD - 1 - _TIME : _HEAD - 1], "big")
    results = Results(
        student=signed[_HEAD + count :].decode(),
        steps=tuple(Tried(step >> 1, bool(step & 1)) for step in signed[_HEAD : _HEAD + count]),
        when=_BEGAN + 60.0 * minute,
    )
    return Reading("old" if results.when + 60 <= since else "right", results)


def codes_in(text: str) -> list[str]:
    """The codes in a text, with whatever between them, also where a line was broken behind a hyphen."""
    return [code for code in _SEPARATORS.split(re.sub(r"-\s+", "-", text)) if code]


def _bytes(text: str) -> bytes | None:
    """What a code holds, if it is written as one: each code has one way to be written, up to misread letters."""
    letters = text.strip().upper().replace("-", "").translate(_MISREAD)
    if not _CODE.fullmatch(letters):
        return None
    try:
        content = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error:
        return None
    return content if _letters(content) == letters and len(content) > _HEAD + _SIGN else None


def _letters(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=")


def _signature(content: bytes, secret: bytes) -> bytes:
    """By a key of the lesson's and the class's own, which only somebody with the secret can make."""
    key = hmac.new(secret, b"cnnlab lesson" + content[1 : 1 + _LESSON + _CLASS], "sha256").digest()
    return hmac.new(key, content, "sha256").digest()[:_SIGN]


def place_of(lesson: Lesson) -> bytes:
    """What tells a lesson in a class from every other, as its codes do."""
    return _of_lesson(lesson) + _of_class(lesson)


def _of_lesson(lesson: Lesson) -> bytes:
    return digest(lesson)[:_LESSON]


def _of_class(lesson: Lesson) -> bytes:
    return hashlib.sha256(lesson.group.casefold().encode()).digest()[:_CLASS]
