"""What Streamlit keeps of the files that come in, whatever sent them."""

import pytest
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from cnnlab_core.ui.uploads import Uploads


@pytest.fixture
def kept(monkeypatch):
    """A manager of files of half a megabyte, of which a session may have four, and all sessions together."""
    monkeypatch.setenv("CNNLAB_SESSION_UPLOADS_MB", "2")
    monkeypatch.setenv("CNNLAB_UPLOADS_MB", "2")
    manager = MemoryUploadedFileManager("/upload")
    Uploads(manager)
    return manager


def put(manager, session, file, size=2**19):
    manager.add_file(session, UploadedFileRec(file, file, "image/png", bytes(size)))


def names(manager):
    return {session: list(files) for session, files in manager.file_storage.items() if files}


@pytest.mark.fault("Files are sent that no control has asked for", "The server refuses what is too much for a session")
def test_a_session_keeps_so_many_bytes(kept):
    for number in range(4):
        put(kept, "me", f"{number}")
    with pytest.raises(HTTPException) as refused:
        put(kept, "me", "one more", 1)
    assert refused.value.status_code == 413
    kept.remove_file("me", "0")
    put(kept, "me", "one more", 1)
    assert names(kept) == {"me": ["1", "2", "3", "one more"]}


def test_where_all_keep_too_much_whoever_has_most_loses_the_oldest(kept):
    for session, files in (("greedy", "abc"), ("me", "d"), ("you", "e"), ("me", "f")):
        for file in files:
            put(kept, session, file)
    assert names(kept) == {"greedy": ["c"], "me": ["d", "f"], "you": ["e"]}
