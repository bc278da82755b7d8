"""The names in a zip that doesn't say how they are written: UTF-8 (macOS), or the code page of the sender's Windows."""

import functools
import math
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Sequence

_PAGES = {
    "shift_jis": "Shift-JIS",
    "gbk": "GBK",
    "cp949": "EUC-KR",
    "big5": "Big5",
    "cp1251": "Windows-1251",
    "cp866": "code page 866",
    "koi8_r": "KOI8-R",
}
_LOOKED_AT = 50_000
"""Letters by which a code page is told, at most."""
_MOST_ACCENTS = 1 / 3
"""The share of accented letters in a language of Latin letters, at most."""


def names_of(members: Sequence[zipfile.ZipInfo]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The name of each file by the one that Python reads, and a note if its writing had to be guessed.

    Python reads what has no flag for UTF-8 as code page 437, as the format asks.
    """
    names = {member.filename: member.filename for member in members}
    unsure = [m.filename for m in members if not m.flag_bits & 0x800 and not m.filename.isascii()]
    try:
        return names | {name: name.encode("cp437").decode("utf-8") for name in unsure}, ()
    except UnicodeEncodeError:  # a field of the zip's own says how they are written, and Python has read it
        return names, ()
    except UnicodeDecodeError:
        parts = {part.rpartition(".")[0] or part for name in unsure for part in name.split("/")}
    text = "/".join(sorted(part for part in parts if not part.isascii()))
    page = _page(text)
    if page == "cp437":
        return names, ()
    names |= {name: name.encode("cp437").decode(page) for name in unsure}
    return names, (
        f"the zip doesn't say how its names are written: they are read as {_PAGES[page]} (if that is wrong, "
        "make the zip anew with names in UTF-8, as macOS, Linux and 7-Zip do)",
    )


def _page(text: str) -> str:
    """The code page in which names, as code page 437 has them, are most like words."""
    strange = [letter for letter in text if not letter.isascii()]
    letters = sum(letter.isalpha() for letter in text)
    latin = all(unicodedata.name(letter, "").startswith("LATIN") for letter in set(strange))
    if latin and len(strange) <= _MOST_ACCENTS * letters:
        return "cp437"
    scores = {page: _likeness(text.encode("cp437"), page) for page in _PAGES}
    best = max(scores, key=lambda page: scores[page])
    if best == "gbk" and scores["cp949"] == 1.0 and _korean(text.encode("cp437").decode("cp949")):
        best = "cp949"
    return best if scores[best] >= (0.9 if latin else 0.5) else "cp437"


def _likeness(raw: bytes, page: str) -> float:
    """The share of letters that are usual ones of the languages that a code page is for; 0 if it can't be that page."""
    try:
        text = raw.decode(page)[:_LOOKED_AT]
    except UnicodeDecodeError:
        return 0.0
    good = [
        _usual(letter, before, page)
        for before, letter in zip(f"/{text}", text, strict=False)
        if not letter.isascii() and letter.isprintable()
    ]
    return sum(good) / len(good) if good else 0.0


def _usual(letter: str, before: str, page: str) -> float:
    raw = letter.encode(page)
    if page == "shift_jis":  # kana, and kanji of the first level
        return float("\u3040" <= letter <= "\u30ff" or (len(raw) == 2 and raw[0] < 0x98))
    if page == "gbk":  # the 3755 usual characters of GB 2312, and half for its other ones
        return (len(raw) == 2 and 0xB0 <= raw[0] <= 0xF7 and raw[1] >= 0xA1) * (1.0 if raw[0] <= 0xD7 else 0.5)
    if page == "cp949":  # the syllables of KS X 1001; the usual characters of GBK have the same bytes
        return float("가" <= letter <= "힣" and len(raw) == 2 and raw[1] >= 0xA1)
    if page == "big5":  # the 5401 usual characters, and half for its other ones
        return (len(raw) == 2 and raw[0] >= 0xA4) * (1.0 if raw[0] <= 0xC6 else 0.5)
    if not unicodedata.name(letter, "").startswith("CYRILLIC"):
        return 0.0
    return 1.0 if letter.islower() or not before.isalpha() else 0.5


_INITIALS = (13, 1.5, 7, 9, 1.5, 7, 6, 6, 1, 11, 1, 24, 10, 0.7, 3, 2, 3, 3, 9)
_VOWELS = (22, 4, 0.5, 0.2, 10, 4, 5, 0.5, 12, 1.5, 0.3, 1, 1.5, 9, 1, 0.2, 1, 2, 9, 1, 17)
_FINALS = {0: 52, 1: 6, 4: 13, 8: 9, 16: 4.5, 17: 2.5, 19: 1, 21: 11}
"""How often Korean syllables begin with, have, and end in each letter, in percent; other ends are rare."""


def _korean(text: str) -> bool:
    """Whether syllables look like Korean, rather than any of KS X 1001: more than half of Korean's end in a vowel.

    Chinese that is taken for Korean gives any of the 2350, most of which are rare ones that end in consonants.
    """
    usual = [dict(enumerate(_INITIALS)), dict(enumerate(_VOWELS)), _FINALS]
    odds = 0.0
    for letters in map(_letters, (letter for letter in text if "가" <= letter <= "힣")):
        for letter, often, among_all in zip(letters, usual, _all_letters(), strict=True):
            odds += math.log(often.get(letter, 0.1) / 100 / (among_all[letter] / among_all.total()))
    return odds > 0


def _letters(syllable: str) -> tuple[int, int, int]:
    """First consonant, vowel and last consonant, by their numbers in Unicode's arithmetic of Hangul."""
    number = ord(syllable) - ord("가")
    return number // 588, number % 588 // 28, number % 28


@functools.cache
def _all_letters() -> list[Counter[int]]:
    """How many of the 2350 syllables of KS X 1001 have each letter at each place."""
    syllables = [bytes((row, cell)).decode("cp949") for row in range(0xB0, 0xC9) for cell in range(0xA1, 0xFF)]
    return [Counter(letters) for letters in zip(*map(_letters, syllables), strict=True)]
