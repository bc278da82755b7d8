"""Keys and codes that are entered: one at a time, with a pause after a wrong one, and few wrong ones."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from cnnlab_core.errors import InputError

Found = TypeVar("Found")

MOST_WRONG_HERE, MOST_WRONG, WITHIN_SECONDS = 5, 30, 600.0
"""Wrong ones of a session, and of all sessions within so long, before none is looked at any more."""
PAUSE_SECONDS = 1.0


class Tries:
    """The tries at one kind of secret, in all sessions."""

    def __init__(self, name: str) -> None:
        self._here = f"tries {name}"
        self._one_at_a_time = threading.Lock()
        self.wrong: deque[float] = deque(maxlen=MOST_WRONG)

    def look(self, find: Callable[[], Found | None], otherwise: str) -> Found:
        """What ``find`` gives. Raises ``InputError(otherwise)`` for None, after a pause; for too many, at once."""
        with self._one_at_a_time:
            recent = sum(time.monotonic() - when < WITHIN_SECONDS for when in self.wrong)
            if st.session_state.get(self._here, 0) >= MOST_WRONG_HERE or recent >= MOST_WRONG:
                raise InputError(f"Too many wrong ones. Open the page again in {WITHIN_SECONDS / 60:.0f} minutes.")
            if (found := find()) is None:
                self.wrong.append(time.monotonic())
                st.session_state[self._here] = st.session_state.get(self._here, 0) + 1
                time.sleep(PAUSE_SECONDS)
                raise InputError(otherwise)
            return found
