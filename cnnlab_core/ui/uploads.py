"""Files that visitors bring: no larger, and no more, than the table of limits says, whatever a browser sends."""

import time
from collections.abc import Container, Iterator, Sequence
from functools import cache
from itertools import count
from typing import Any

import streamlit as st
from starlette.exceptions import HTTPException
from streamlit import config
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from cnnlab_core.runtime.limits import NETWORK_MB, SESSION_UPLOADS_MB, UPLOAD_MB, UPLOADS_MB
from cnnlab_core.ui.controls import held
from cnnlab_core.ui.show import show_problem

READ_ONLY = "Read-only: this lab's folder of data sets can't be written, so nothing can be brought here."
"""What stands in the place of a box for a data set then."""

_MB = 2**20


def bring_file(label: str, key: str, **more: Any) -> UploadedFile | None:
    """A box to bring a file to, as ``st.file_uploader``; one that is too large gets a sentence."""
    file = st.file_uploader(label, key=held(key), max_upload_size=UPLOAD_MB.now(), **more)
    return next(iter(_shown([file] if file else [])), None)


def bring_files(label: str, key: str, **more: Any) -> list[UploadedFile]:
    """The same for several files."""
    return _shown(
        st.file_uploader(label, key=held(key), accept_multiple_files=True, max_upload_size=UPLOAD_MB.now(), **more)
    )


def split(files: Sequence[UploadedFile]) -> tuple[list[UploadedFile], list[str]]:
    """The files that are small enough, and a sentence for each of the others."""
    most = UPLOAD_MB.now()
    good = [file for file in files if file.size <= most * _MB]
    large = [file for file in files if file.size > most * _MB]
    return good, [f"{file.name} has {file.size / _MB:.0f} MB, and the lab takes up to {most}." for file in large]


def unlike(title: str, others: Container[str]) -> str:
    """The title, with a number if another is called so."""
    return title if title not in others else next(one for n in count(2) if (one := f"{title} ({n})") not in others)


def _shown(files: Sequence[UploadedFile]) -> list[UploadedFile]:
    good, problems = split(files)
    for problem in problems:
        show_problem(problem)
    return good


@cache
def bound_uploads() -> "Uploads | None":
    """Once per process: let Streamlit's own door to files, which asks no control of the page, take no more than the
    largest that any control does.

    It keeps what comes in memory, for as long as the session lasts. A file too many for its session is refused; when
    all are too many, the session that keeps most loses its oldest. None where no server runs.
    """
    if not st.runtime.exists():
        return None
    config.set_option("server.maxUploadSize", max(UPLOAD_MB.now(), NETWORK_MB.now()))
    manager = st.runtime.get_instance().uploaded_file_mgr
    return Uploads(manager) if isinstance(manager, MemoryUploadedFileManager) else None


class Uploads:
    """Streamlit's manager of files, from now on bounded."""

    def __init__(self, manager: MemoryUploadedFileManager) -> None:
        self._kept, self._add = manager, manager.add_file
        self._came: dict[str, float] = {}
        manager.add_file = self.add_file  # type: ignore[method-assign]

    def files(self) -> Iterator[tuple[str, UploadedFileRec, float]]:
        """What is kept: its session, the file, and when it came, in seconds since 1970."""
        for session, files in list(self._kept.file_storage.items()):
            for file in list(files.values()):
                yield session, file, self._came.get(file.file_id, 0.0)

    def remove(self, session_id: str, file_id: str) -> None:
        """Forget a file, if it is there."""
        self._kept.remove_file(session_id, file_id)

    def add_file(self, session_id: str, file: UploadedFileRec) -> None:
        """Keep a file, as the manager does."""
        if self._bytes(session_id) + len(file.data) > SESSION_UPLOADS_MB.now() * _MB:
            raise HTTPException(413, "Too many files: remove some, or open the page anew.")
        self._add(session_id, file)
        self._came = {one.file_id: at or time.time() for _, one, at in self.files()}
        storage = self._kept.file_storage
        while sum((sizes := {one: self._bytes(one) for one in list(storage)}).values()) > UPLOADS_MB.now() * _MB:
            most = max(sizes, key=lambda one: sizes[one])
            self._kept.remove_file(most, next(iter(storage[most])))

    def _bytes(self, session_id: str) -> int:
        return sum(len(file.data) for file in list(self._kept.file_storage.get(session_id, {}).values()))
