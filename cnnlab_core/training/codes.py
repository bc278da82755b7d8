"""A short code for whoever starts a run: with it another browser, or this one without its cookie, gets all back.

The code follows from the visitor's number, which nobody else has. The lab keeps a digest of the code, and beside it
whose runs it stands for.
"""

import base64
import hashlib
import re
from pathlib import Path

from cnnlab_core.models.exports import runs_folder
from cnnlab_core.runtime.files import write_atomically
from cnnlab_core.training.storage import give

_LETTERS = 10
"""Of 5 bits each."""


def code_of(number: str) -> str:
    """The code of the visitor who has this number: ten letters and digits, with a hyphen in the middle."""
    letters = base64.b32encode(hashlib.sha256(f"cnnlab code {number}".encode()).digest()).decode()[:_LETTERS]
    return f"{letters[: _LETTERS // 2]}-{letters[_LETTERS // 2 :]}"


def remember(code: str, owner: str) -> None:
    """Keep whose runs a code stands for. Raises ``OSError``."""
    write_atomically(_place(code), owner.encode())


def redeem(code: str, owner: str) -> int | None:
    """Make all that a code stands for belong to ``owner``; how many things that were, None for no such code."""
    place = _place(code)
    try:
        former = place.read_text(encoding="utf-8")
        count = give(former, owner) if former != owner else 0
        write_atomically(place, owner.encode())
    except OSError:
        return None
    return count


def _place(code: str) -> Path:
    letters = re.sub(r"[^A-Z2-7]", "", code.upper()[:40])
    return runs_folder() / "codes" / hashlib.sha256(letters.encode()).hexdigest()[:32]
