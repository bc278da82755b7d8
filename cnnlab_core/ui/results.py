"""Finished results, kept so that an unrelated control, a tab or a theme change never computes them again."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast
from weakref import WeakValueDictionary

import numpy as np
import streamlit as st

from cnnlab_core.runtime.background import Background
from cnnlab_core.runtime.limits import RESULTS_MB
from cnnlab_core.runtime.sizes import bytes_in
from cnnlab_core.ui.visitor import visitor

Kept = TypeVar("Kept")


class Results:
    """The latest results by key, as many as fit into ``limit`` bytes; the least recently used go first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._jobs: dict[str, Background[Any]] = {}
        self._entries: OrderedDict[str, tuple[object, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> object | None:
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def work(self, key: str, who: Hashable, begin: Callable[[], Background[Any]]) -> Background[Any] | None:
        """The job that computes this result, joined by ``who``: the one at work already, else what ``begin`` gives.

        None if the result is there by now.
        """
        with self._lock:
            if key in self._entries:
                return None
            job = self._jobs.get(key)
            if job is None or not job.join(who):
                self._jobs = {key: job for key, job in self._jobs.items() if not job.forgotten}
                self._jobs[key] = job = begin()
                job.join(who)
            return job

    def at_work(self, key: str) -> Background[Any] | None:
        """The job that computes this result, if there is one."""
        with self._lock:
            return self._jobs.get(key)

    def forget_work(self, key: str) -> None:
        """Forget a job that is over."""
        with self._lock:
            self._jobs.pop(key, None)

    def leave(self, key: str, who: Hashable) -> None:
        """``who`` doesn't want the result any more."""
        if job := self.at_work(key):
            job.leave(who)

    def put(self, key: str, value: object) -> None:
        """Keep a result; the newest is kept however large it is."""
        with self._lock:
            self._entries[key] = value, bytes_in(value)
            self._entries.move_to_end(key)
            while len(self._entries) > 1 and sum(size for _, size in self._entries.values()) > self._limit:
                self._entries.popitem(last=False)


_of_visitors: WeakValueDictionary[str, Results] = WeakValueDictionary()
"""As long as a session of theirs lives, which holds them."""


def session_results() -> Results:
    """This session's results: those of the visitor, who has them in all tabs of a browser."""
    if "results" not in st.session_state:
        own = Results(limit=RESULTS_MB.now() * 10**6)
        st.session_state["results"] = _of_visitors.setdefault(visitor(), own)
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
    """A key for results: the sha256 of the parts (bytes as they are, anything else by all that it holds)."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else repr(_whole(part)).encode()
        hashed.update(len(data).to_bytes(8, "big") + data)
    return hashed.hexdigest()


def _whole(part: object) -> object:
    """Records and arrays as plain values: their own repr leaves out much."""
    if is_dataclass(part) and not isinstance(part, type):
        return type(part).__name__, [_whole(getattr(part, field.name)) for field in fields(part)]
    if isinstance(part, Mapping):
        return [(_whole(key), _whole(value)) for key, value in part.items()]
    if isinstance(part, tuple | list):
        return [_whole(entry) for entry in part]
    return (part.dtype.str, part.shape, part.tobytes()) if isinstance(part, np.ndarray) else part
