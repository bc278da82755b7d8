"""How long to wait for what should come at once: a limit is there for what hangs, not for how busy the machine is."""

import os
import time


def patience(seconds: float) -> float:
    """The limit for what takes less than ``seconds`` on a machine that does nothing else.

    It grows with the number of programs that want a core at this moment.
    """
    wanting = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return seconds * max(3.0, 1 + wanting / (os.cpu_count() or 1))


def until(what, seconds: float = 60.0) -> None:
    """Wait for a condition; fail if it doesn't come."""
    end = time.monotonic() + patience(seconds)
    while not what():
        assert time.monotonic() < end, f"it didn't happen within {patience(seconds):.0f} s"
        time.sleep(0.05)
