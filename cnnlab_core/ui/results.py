"""Finished results, kept so that an unrelated control, a tab or a theme change never computes them again."""

import hashlib
import threading
from collections import OrderedDict
from functools import cache

import streamlit as st


class Results:
    """The latest ``limit`` results by key; the least recently used goes first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[str, object] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> object | None:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: str, value: object) -> None:
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            while len(self._entries) > self._limit:
                self._entries.popitem(last=False)


def session_results() -> Results:
    """This session's results."""
    if "results" not in st.session_state:
        st.session_state["results"] = Results(limit=24)
    return st.session_state["results"]


@cache
def everybodys_results() -> Results:
    """Results on sample pictures, the same for everybody."""
    return Results(limit=256)


def digest(*parts: object) -> str:
    """A key for results: the sha256 of the parts (bytes as they are, everything else by its repr)."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        hashed.update(len(data).to_bytes(8, "big") + data)
    return hashed.hexdigest()
