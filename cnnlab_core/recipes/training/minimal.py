"""The trainer in sixty lines, as the tab New run shows it."""

from pathlib import Path

import cnnlab_core


def code() -> str:
    """The whole of ``cnnlab_core/training/minimal.py``."""
    return Path(cnnlab_core.__file__).with_name("training").joinpath("minimal.py").read_text(encoding="utf-8")
