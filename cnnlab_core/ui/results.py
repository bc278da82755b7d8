"""Finished results, kept so that an unrelated control, a tab or a theme change never computes them again."""

import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TypeVar, cast

import streamlit as st
from PIL import Image

Kept = TypeVar("Kept")


class Results:
    """The latest results by key, as many as fit into ``limit`` bytes; the least recently used go first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._claims: set[str] = set()
        self._entries: OrderedDict[str, tuple[object, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> object | None:
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def claim(self, key: str) -> bool:
        """Reserve the computation of a result; False if it is reserved already. ``release`` it afterwards."""
        with self._lock:
            mine = key not in self._claims
            self._claims.add(key)
            return mine

    def release(self, key: str) -> None:
        """Give a reservation back, whether there is a result or not."""
        with self._lock:
            self._claims.discard(key)

    def put(self, key: str, value: object) -> None:
        """Keep a result; the newest is kept however large it is."""
        with self._lock:
            self._entries[key] = value, _bytes_in(value)
            self._entries.move_to_end(key)
            while len(self._entries) > 1 and sum(size for _, size in self._entries.values()) > self._limit:
                self._entries.popitem(last=False)


def _bytes_in(value: object, seen: set[int] | None = None) -> int:
    """About how much memory a result takes: all arrays, pictures and bytes in it, each counted once."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, dict):
        return sum(_bytes_in(part, seen) for part in value.values())
    if isinstance(value, list | tuple):
        return 64 + sum(_bytes_in(part, seen) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return sum(_bytes_in(getattr(value, part.name), seen) for part in fields(value))
    if isinstance(value, Image.Image):
        return value.width * value.height * len(value.getbands())
    return int(getattr(value, "nbytes", 0)) or sys.getsizeof(value)


def session_results() -> Results:
    """This session's results."""
    if "results" not in st.session_state:
        st.session_state["results"] = Results(limit=48_000_000)
    return st.session_state["results"]


@cache
def everybodys_results() -> Results:
    """Results that are the same for everybody, such as those for sample pictures."""
    return Results(limit=160_000_000)


def kept(key: str, make: Callable[[], Kept]) -> Kept:
    """What ``make`` gives, kept with this session's results: for small things that are slow to make."""
    found = session_results().get(key)
    if found is None:
        found = make()
        session_results().put(key, found)
    return cast(Kept, found)


def digest(*parts: object) -> str:
    """A key for results: the sha256 of the parts (bytes as they are, anything else by its repr)."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        hashed.update(len(data).to_bytes(8, "big") + data)
    return hashed.hexdigest()
