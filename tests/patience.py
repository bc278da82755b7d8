"""How long to wait for what should come at once: a limit is there for what hangs, not for how busy the machine is."""

import os


def patience(seconds: float) -> float:
    """The limit for what takes less than ``seconds`` on a machine that does nothing else.

    It grows with the number of programs that want a core at this moment.
    """
    wanting = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return seconds * max(3.0, 1 + wanting / (os.cpu_count() or 1))
