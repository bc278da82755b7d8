"""The Python of the view Rate test."""


def code(run: str, low: float, high: float, steps: int) -> str:
    """The test of a run's settings, and the rates that are read off."""
    return f"""\
from cnnlab_core.training import find_run
from cnnlab_core.training.rate_test import rate_test

config = find_run("{run}").config
found = rate_test(config, low={low!r}, high={high!r}, steps={steps})  # a fresh network, thrown away
print("lowest smoothed loss at", found.best, "; falls fastest at", found.steepest)
print("suggested learning rate", found.suggested)
"""
