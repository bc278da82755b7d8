"""What the lab's commands share: errors as sentences, fractions as people write them, progress."""

import argparse
import sys
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from cnnlab_core.errors import LabError

Result = TypeVar("Result")


def run_command(work: Callable[[argparse.Namespace], int | None], options: argparse.Namespace) -> int:
    """Do what was asked for; the exit status, which is 2 after a sentence on what was wrong."""
    try:
        return work(options) or 0
    except LabError as error:
        print(error, file=sys.stderr)
        return 2


def fraction(text: str) -> float:
    """A number, or a fraction such as 8/255."""
    above, _, below = text.partition("/")
    try:
        return float(above) / float(below or 1)
    except ZeroDivisionError:
        raise ValueError from None


class Report:
    """Shows a line of progress ``every`` so many seconds."""

    def __init__(self, every: float = 1.0) -> None:
        self._shown, self._every = 0.0, every

    def __call__(self, line: str) -> None:
        if time.monotonic() - self._shown >= self._every:
            self._shown = time.monotonic()
            print(line, flush=True)


def watch(job: Generator[Any, None, Result]) -> Result:
    """Run a job of steps to its end, showing them."""
    report = Report()
    while True:
        try:
            step = next(job)
        except StopIteration as stop:
            return stop.value
        report(str(step))
