"""A lesson as a text that fits into a link, and as a small file: the same JSON, once compressed."""

import base64
import binascii
import hashlib
import json
import re
import zlib
from urllib.parse import parse_qs, urlsplit

from cnnlab_core.errors import InputError
from cnnlab_core.lessons.lesson import Lesson, read_lesson

MOST_LETTERS = 6000
"""Of a packed lesson: with the rest of an address it stays within the 8,000 that servers on the way let through."""
MOST_BYTES = 40_000
"""Of a lesson as JSON."""
_TEXT = re.compile(r"[A-Za-z0-9_-]+")


def pack(lesson: Lesson) -> str:
    """The lesson as letters, digits, ``-`` and ``_``. Raises ``InputError`` if they are too many for a link."""
    packed = base64.urlsafe_b64encode(zlib.compress(_json(lesson.data), 9)).decode().rstrip("=")
    if len(packed) > MOST_LETTERS:
        raise InputError(
            f"As a link this lesson has {len(packed):,} letters, and {MOST_LETTERS:,} is the most: make its texts "
            "shorter, or two lessons of it."
        )
    return packed


def unpack(text: str) -> Lesson:
    """The lesson in a link. Raises ``InputError``, in a sentence, for whatever else the text is."""
    if len(text) > MOST_LETTERS or not _TEXT.fullmatch(text):
        raise InputError("The lesson in this link can't be read: copy the whole link.")
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), MOST_BYTES + 1)
        whole = unpacking.eof or len(content) > MOST_BYTES
    except (binascii.Error, zlib.error, ValueError):
        whole = False
    if not whole:
        raise InputError("The lesson in this link is damaged or cut off: copy the whole link.")
    return read_file(content)


def read_file(content: bytes) -> Lesson:
    """The lesson in a file of JSON. Raises ``InputError``, in a sentence, for whatever else it is."""
    if len(content) > MOST_BYTES:
        raise InputError(f"A lesson has {MOST_BYTES:,} bytes at most; this is larger.")
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise InputError("This isn't a lesson of the lab: its file is JSON, as the lab has written it.") from None
    return read_lesson(data)


def lesson_in(link: str) -> Lesson:
    """The lesson in the link to one. Raises ``InputError``, in a sentence, for another link."""
    try:
        packed = parse_qs(urlsplit(link.strip()).query).get("lesson", [""])[-1]
    except ValueError:
        packed = ""
    if not packed:
        raise InputError("This isn't the link to a lesson: copy it from where the lesson was made, or from its page.")
    return unpack(packed)


def write_file(lesson: Lesson) -> str:
    """The lesson as a file, to be read by people too."""
    return json.dumps(lesson.data, ensure_ascii=False, indent=1) + "\n"


def digest(lesson: Lesson) -> bytes:
    """What tells this lesson from every other and from itself before it was changed; 32 bytes.

    The class doesn't count.
    """
    return hashlib.sha256(_json({**lesson.data, "group": ""})).digest()


def _json(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
