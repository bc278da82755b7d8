"""A file with a network, and how it is to be read: to be read again, in a recipe, or kept on disk. Needs no torch."""

import hashlib
import json
from collections.abc import Generator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab_core.errors import WeightsError
from cnnlab_core.models.exports import read_description, runs_folder
from cnnlab_core.runtime.files import sign, write_atomically

if TYPE_CHECKING:
    from cnnlab_core.models.own.network import Own
    from cnnlab_core.models.own.pixels import Pixels

FORM = "cnnlab-own-1"
SUFFIX = ".network"
"""Of the file beside its description."""
_MOST_BYTES = 9_000_000
"""Of a description, with the names of its classes."""


@dataclass(frozen=True)
class Asked:
    """A ``file``'s name and ``content``, and what ``own_from_file`` gets beside it."""

    file: str
    content: bytes = field(repr=False)
    architecture: str = ""
    part: str = ""
    names: str = field(default="", repr=False)
    side: int | None = None
    pixels: "Pixels | None" = None

    @property
    def settings(self) -> dict[str, Any]:
        """What isn't left to the file."""
        named = {one.name: getattr(self, one.name) for one in fields(self)[2:]}
        return {name: value for name, value in named.items() if value}

    def steps(self, title: str) -> Generator[Any, None, "Own"]:
        """Read it: as ``own_from_file_steps``."""
        from cnnlab_core.models.own.network import own_from_file_steps

        return own_from_file_steps(self.content, title=title, **self.settings)


def kept_folder() -> Path:
    """Where networks are kept whose owners have asked for it."""
    return runs_folder() / "own"


def keep(asked: Asked, owner: str) -> Path:
    """Keep a network for its owner: the file as it came, and beside it how it is read. Raises ``OSError``."""
    settings = asked.settings
    if asked.pixels:
        settings["pixels"] = asdict(asked.pixels)
    about = {"form": FORM, "file": asked.file, "settings": settings}
    content = json.dumps(about, ensure_ascii=False, indent=1).encode()
    name = hashlib.sha256(owner.encode() + content + asked.content).hexdigest()[:16]
    main = kept_folder() / f"{name}.json"
    write_atomically(main.with_suffix(SUFFIX), asked.content)
    write_atomically(main, content)
    sign(main, owner)
    return main


def kept_title(main: Path) -> str:
    """What the kept file was called. Raises ``WeightsError`` for one that isn't there."""
    return str(read_description(main, FORM, _MOST_BYTES).get("file", main.stem))[:100]


def read_kept(main: Path) -> Asked:
    """A network that was kept. Raises ``WeightsError`` for one that is gone or damaged."""
    from cnnlab_core.models.own.pixels import Pixels

    about = read_description(main, FORM, _MOST_BYTES)
    try:
        settings = {**about["settings"]}
        if pixels := settings.pop("pixels", None):
            settings["pixels"] = Pixels(pixels["range"], tuple(pixels["mean"]), tuple(pixels["std"]), pixels["order"])
        return Asked(str(about["file"]), main.with_suffix(SUFFIX).read_bytes(), **settings)
    except (OSError, KeyError, TypeError):
        raise WeightsError("This network can't be read any more. Delete it, and bring its file again.") from None
