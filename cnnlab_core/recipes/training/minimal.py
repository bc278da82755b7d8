"""The trainer in sixty lines, as the tab New run shows it."""

from importlib.resources import files


def code() -> str:
    """The whole of ``cnnlab_core/training/minimal.py``."""
    return files("cnnlab_core.training").joinpath("minimal.py").read_text(encoding="utf-8")
