"""Where the lab's own files are: front ends, icons, trained networks, the atlas.

They lie in ``assets/`` at the top of the repository; the build puts that folder into the package, as
``cnnlab_core/assets``.
"""

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
"""The folder ``cnnlab_core``, in the repository or where it is installed."""


@cache
def assets() -> Path:
    """The folder: the package's own if it is installed, else the repository's."""
    installed = PACKAGE / "assets"
    return installed if installed.is_dir() else PACKAGE.parent / "assets"


def asset(*parts: str) -> Path:
    """A file or folder in it, by its ``parts``: ``asset("icons", "cnnlab.png")``."""
    return assets().joinpath(*parts)


def read_asset(*parts: str) -> str:
    """A text file in it, read as UTF-8 whatever the machine's own encoding is."""
    return asset(*parts).read_text(encoding="utf-8")
