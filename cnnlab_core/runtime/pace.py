"""How often small works may come again and again, such as live pictures: together they take a share of the device."""

import threading
import time
from collections.abc import Callable


class Pace:
    """Books time on a device for works that come again and again, from many visitors.

    Each is told how long to stay away until its next turn, so that all together compute for at most ``share`` seconds
    in a second, and everybody gets slower alike (the leaky bucket of networks). Nobody waits in a queue.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share, self._clock = share, clock
        self._free = clock()
        self._lock = threading.Lock()

    def book(self, seconds: float) -> float:
        """Book a turn that computes for so many seconds; gives after how many seconds from now it begins."""
        with self._lock:
            now = self._clock()
            begins = max(now, self._free)
            self._free = begins + seconds / self._share
            return begins - now
