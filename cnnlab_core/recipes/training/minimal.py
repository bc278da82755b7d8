"""The trainer in sixty lines, as the tab New run shows it."""

from pathlib import Path

from cnnlab_core import training


def code() -> str:
    """The whole of ``cnnlab_core/training/minimal.py``."""
    return Path(training.__file__).with_name("minimal.py").read_text(encoding="utf-8")
