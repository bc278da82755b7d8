"""A file with a network, and how it is to be read: to be read again, in a recipe, or kept on disk. Needs no torch."""

import hashlib
import json
from collections.abc import Generator
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
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
    """A ``file``'s name and ``content``, and what ``own_from_file`` gets beside it.

    ``table`` is what ``table_steps`` says of the content, once it has been read: other settings read no file again.
    """

    file: str
    content: bytes = field(repr=False)
    table: bytes = field(default=b"", repr=False)
    architecture: str = ""
    part: str = ""
    names: str = field(default="", repr=False)
    side: int | None = None
    pixels: "Pixels | None" = None

    @property
    def settings(self) -> dict[str, Any]:
        """What isn't left to the file."""
        named = {one.name: getattr(self, one.name) for one in fields(self)[3:]}
        return {name: value for name, value in named.items() if value}

    @property
    def size(self) -> int:
        """What it takes in memory, in bytes."""
        return len(self.content) + len(self.table)

    @cached_property
    def key(self) -> str:
        """The digest of file and settings."""
        return hashlib.sha256(repr(self.settings).encode() + hashlib.sha256(self.content).digest()).hexdigest()

    def read_steps(self) -> Generator[Any, None, "Asked"]:
        """The same with its table. Raises as ``table_steps``."""
        from cnnlab_core.models.own.network import table_steps

        return self if self.table else replace(self, table=(yield from table_steps(self.content)))

    def own(self, title: str) -> "Own":
        """The network, of a file that has been read. Raises as ``own_from_file``."""
        from cnnlab_core.models.own.network import own_from_table

        return own_from_table(self.content, self.table, title=title, **self.settings)


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
