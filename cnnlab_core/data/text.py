"""Text to learn from, character by character: the lists of names, and visitors' own texts as ``text:<name>``.

Characters are Unicode code points after NFC normalisation: what occurs is the alphabet, whatever the script. So a sign
that is several code points in a row (a flag, a family of emoji, a letter with a mark that has no form of its own) is
several characters, which a network has to learn to write in order; a text that holds such signs says so in its notes.
"""

import codecs
import hashlib
import math
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.data.dataset import data_folder
from cnnlab_core.errors import DataError, InputError
from cnnlab_core.runtime.files import write_atomically
from cnnlab_core.runtime.limits import TEXT_MB, TEXTS

FEWEST_CHARACTERS = 200
"""Characters of a text, at least: for training, validation and test."""

MOST_CHARACTERS = 512
"""Different characters that a network tells apart, at most; rarer ones become one sign, ``OTHER``."""

OTHER = "\N{REPLACEMENT CHARACTER}"
"""Stands for every character that is too rare to have a place of its own."""

TEST_SHARE = 0.1
"""The share of a text, at its end, that is kept for the test."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_LISTS = ("dist.female.first", "dist.male.first", "dist.all.last")
_SEED = 0
_MARKS = [
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
_JOINERS = re.compile("[\u200d\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Text:
    """A text as numbers: ``train`` and ``test`` (N,) are places in ``characters``, the alphabet in Unicode's order.

    The test part is the last tenth of the text. ``notes`` say what was changed when it was read.
    """

    name: str
    title: str
    characters: tuple[str, ...]
    train: Codes
    test: Codes
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """How much there is, and what was changed, in a line."""
        count = len(self.train) + len(self.test)
        counts = f"{self.title}: {count:,} characters, {len(self.characters)} different ones."
        return " ".join([counts, *(f"{note}." for note in self.notes)])

    def written(self, codes: Codes) -> str:
        """Numbers as text."""
        return "".join(np.array(self.characters, dtype=object)[codes].tolist())

    def split(self, share: float) -> tuple[Codes, Codes]:
        """What is learned from, and the ``share`` of the training part, at its end, that is held out."""
        held = max(2, round(share * len(self.train))) if share else 0
        return self.train[: len(self.train) - held], self.train[len(self.train) - held :]

    def digest(self) -> str:
        """The sha256 of the alphabet and the training part."""
        total = hashlib.sha256("".join(self.characters).encode())
        total.update(self.train.astype("<u2").tobytes())
        return total.hexdigest()


# --- the lab's, and own ones ------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def names() -> Text:
    """91,000 first names and surnames of the US census of 1990, one a line, in small letters, shuffled by a fixed seed.

    Each is there once, however frequent. From the package ``names``. Raises ``DataError`` where that isn't installed.
    """
    try:
        lists = [(resources.files("names") / file).read_text(encoding="utf-8") for file in _LISTS]
    except (ModuleNotFoundError, OSError):
        raise DataError("The lists of names aren't on this machine. Install them: pip install names.") from None
    found = sorted({line.split()[0].lower() for content in lists for line in content.splitlines() if line.strip()})
    random.Random(_SEED).shuffle(found)
    return make_text("names", "Names (US census)", "\n".join(found) + "\n")


def text_names() -> list[str]:
    """The names of the own texts; other files in the folder are ignored."""
    return sorted(path.stem for path in _folder().glob("*.txt") if _NAME.fullmatch(path.stem))


@by_annotation
def open_text(name: str) -> Text:
    """The text called ``names`` or ``text:<name>``. Raises ``InputError`` if there is none, ``DataError`` if it is
    damaged."""
    if name == "names":
        return names()
    path = text_path(name.removeprefix("text:"))
    try:
        facts = path.stat()
        return _opened(path, facts.st_mtime_ns, facts.st_size)
    except FileNotFoundError:
        kept = ", ".join(["names", *(f"text:{kept}" for kept in text_names())])
        raise InputError(f"There is no text called “{name[:60]}”. Choose one of: {kept}.") from None
    except (OSError, UnicodeDecodeError):
        raise DataError(f"The text {path} is damaged. Delete the file, and import it again.") from None


def text_path(name: str) -> Path:
    """The file of the own text ``name``. Raises ``InputError`` for a name that can't be a file's."""
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise InputError(
            f"A text can't be called “{str(name)[:40]}”. Use up to 40 small letters, digits, - and _, such as “poems”."
        )
    return _folder() / f"{name}.txt"


@by_annotation
def import_text(source: str | bytes | bytearray, name: str) -> Text:
    """Keep a text as ``text:<name>``, for everybody in the lab.

    Args:
        source: the text itself, or a file's bytes: UTF-8, or UTF-16 or UTF-32 with their byte order mark.
        name: up to 40 small letters, digits, - and _.

    Raises ``InputError`` for a bad name, and ``DataError`` for what isn't text, or too long, too short, or already
    there.
    """
    path = text_path(name)
    if path.exists():
        raise DataError(f"There is a text called “{name}” already. Choose another name, or delete that one first.")
    if len(text_names()) >= TEXTS.now():
        raise DataError(f"{TEXTS.now()} texts are kept already. Delete one first.")
    content, notes = read_text(source)
    made = make_text(f"text:{name}", name, content, notes)
    try:
        write_atomically(path, content.encode())
    except OSError as error:
        raise DataError(f"The text couldn't be saved as {path}: {error.strerror}. Free some space.") from None
    return made


@by_annotation
def delete_text(name: str) -> None:
    """Delete the own text ``name``; runs that learned from it stay. Raises ``InputError`` if there is none."""
    path = text_path(name)
    try:
        path.unlink()
    except FileNotFoundError:
        raise InputError(f"There is no text called “{name}”.") from None
    except OSError as error:
        raise DataError(f"The text {path} can't be deleted: {error.strerror}.") from None


@lru_cache(maxsize=8)
def _opened(path: Path, modified: int, size: int) -> Text:  # time and size: a changed file anew
    return make_text(f"text:{path.stem}", path.stem, path.read_text(encoding="utf-8"))


def _folder() -> Path:
    return data_folder() / "texts"


# --- reading ----------------------------------------------------------------------------------------------------


def read_text(source: str | bytes | bytearray) -> tuple[str, tuple[str, ...]]:
    """A text in NFC with \\n for line ends, and what is to be said of it. Raises ``DataError`` for what isn't text."""
    if not isinstance(source, str | bytes | bytearray):
        raise DataError(f"Give a text, or a file's bytes, not {type(source).__name__}.")
    most = TEXT_MB.now() * 10**6
    too_long = DataError(f"This is longer than {TEXT_MB.now()} MB, too long to learn from here. Use a part of it.")
    if len(source) > (most if isinstance(source, str) else 4 * most):
        raise too_long
    text = source if isinstance(source, str) else _decoded(bytes(source))
    if any("\ud800" <= character <= "\udfff" for character in set(text)):
        raise DataError(
            "This holds halves of characters (lone surrogates), so it was cut or decoded wrongly. Use the file."
        )
    text = unicodedata.normalize("NFC", re.sub("\r\n?|\x0b|\x0c|\x85|\u2028|\u2029", "\n", text)).removeprefix("\ufeff")
    if "\0" in text:
        raise DataError("This holds NUL bytes, so it isn't plain text. Save it as a text file in UTF-8.")
    strange = {character for character in set(text) - {"\n", "\t"} if unicodedata.category(character) == "Cc"}
    notes = []
    if strange:
        kept = text.translate(dict.fromkeys(map(ord, strange)))
        notes.append(f"{len(text) - len(kept):,} control characters were left out")
        text = kept
    if len(text.encode()) > most:
        raise too_long
    return text, tuple(notes)


def _decoded(content: bytes) -> str:
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"This isn't text in {encoding.removesuffix('-sig').upper()}: byte {error.start + 1} can't be. If it is a "
            "text, save it as a text file in UTF-8."
        ) from None


def make_text(name: str, title: str, content: str, notes: Sequence[str] = ()) -> Text:
    """A text as numbers. Raises ``DataError`` where it is too short, or always the same character."""
    counts = Counter(content)
    if len(content) < FEWEST_CHARACTERS:
        raise DataError(
            f"This text has {len(content)} characters: too short to learn from. Use at least {FEWEST_CHARACTERS}."
        )
    if len(counts) < 2:
        raise DataError("This text is one character again and again, so there is nothing to predict. Use another one.")
    characters, notes = sorted(counts), list(notes)
    if len(counts) > MOST_CHARACTERS:
        usual = [character for character, _ in counts.most_common(MOST_CHARACTERS) if character != OTHER]
        characters = sorted([*usual[: MOST_CHARACTERS - 1], OTHER])
        rare = set(counts) - set(characters)
        share = sum(counts[character] for character in rare) / len(content)
        notes.append(f"the {len(rare):,} rarest characters ({share:.1%} of the text) are read as one sign, {OTHER}")
    if any(unicodedata.combining(character) or _JOINERS.match(character) for character in counts):
        notes.append("some signs here are several characters in a row, such as a flag or a letter with marks")
    codes = _codes(content, characters)
    test = max(2, round(TEST_SHARE * len(codes)))
    return Text(name, title, tuple(characters), codes[:-test], codes[-test:], tuple(notes))


def _codes(content: str, characters: Sequence[str]) -> Codes:
    """Each character's place in the alphabet; that of ``OTHER`` where it has none."""
    points = np.frombuffer(content.encode("utf-32-le"), "<u4")
    alphabet = np.array([ord(character) for character in characters], dtype="<u4")
    places = np.minimum(np.searchsorted(alphabet, points), len(alphabet) - 1)
    unknown = alphabet[places] != points
    if unknown.any():
        places[unknown] = characters.index(OTHER)
    return places.astype(np.int64)


# --- what counting alone reaches --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entropies:
    """Bits per character that counting reaches: all characters equally likely; by single letters; by pairs.

    ``single`` and ``pairs`` are measured on other text than was counted. ``single_in_training`` and
    ``pairs_in_training`` are the entropies H(X) and H(Y | X) of the counted text itself.
    """

    uniform: float
    single: float
    pairs: float
    single_in_training: float
    pairs_in_training: float


@by_annotation
def entropies(train: Codes, test: Codes, count: int) -> Entropies:
    """What counting in ``train`` reaches on ``test``, in bits per character; there are ``count`` characters.

    Singles: add-one (Laplace) smoothing, p(b) = (n(b) + 1) / (N + count). Pairs: p(b | a) = (n(ab) + p(b)) /
    (n(a) + 1), so that a pair that never occurred falls back on the single letter (a Dirichlet prior of weight 1,
    MacKay & Peto 1995). Measured on all characters of ``test`` but the first, which has none before it. Raises
    ``InputError`` for what aren't places of ``count`` characters, and a test of fewer than two.
    """
    whole("count", count, 1, MOST_CHARACTERS)
    train, test = (_places(name, codes, count) for name, codes in (("train", train), ("test", test)))
    single = np.bincount(train, minlength=count).astype(np.float64)
    pairs = (
        np.bincount(train[:-1] * count + train[1:], minlength=count * count).reshape(count, count).astype(np.float64)
    )
    likely = (single + 1) / (single.sum() + count)
    following = (pairs + likely) / (pairs.sum(1, keepdims=True) + 1)
    before, after = test[:-1], test[1:]
    return Entropies(
        math.log2(count),
        float(-np.log2(likely[after]).mean()),
        float(-np.log2(following[before, after]).mean()),
        _entropy(single),
        _entropy(pairs) - _entropy(pairs.sum(1)),
    )


def _places(name: str, codes: Codes, count: int) -> Codes:
    codes = np.asarray(codes)
    if codes.ndim != 1 or len(codes) < 2 or not np.isin(codes, np.arange(count)).all():
        raise InputError(f"{name} must be two or more places in an alphabet of {count} characters, counted from 0.")
    return codes.astype(np.int64)


def _entropy(counts: npt.NDArray[np.float64]) -> float:
    """In bits, of what was counted."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0
