"""Checkpoints: written whole, verified by the digest in their name, the last two and the best one kept."""

import hashlib
import io
import pickle
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from cnnlab_core.runtime.files import write_atomically

Role = Literal["last", "best"]
_NAME = re.compile(r"(last|best)-(\d{9})-([0-9a-f]{32})\.pt")
_KEPT: dict[Role, int] = {"last": 2, "best": 1}


@dataclass(frozen=True)
class _File:
    role: str
    step: int
    digest: str
    path: Path


def save_checkpoint(folder: Path, role: Role, step: int, state: dict[str, Any]) -> None:
    """Write a checkpoint, then clear away older ones of its role. Raises ``OSError`` when the disk is full."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()[:32]
    path = folder / f"{role}-{step:09d}-{digest}.pt"
    write_atomically(path, content)
    others = sorted((file for file in _files(folder, role) if file.path != path), key=lambda file: file.step)
    # A newer step than this one was written before a kill that this run has gone back behind.
    stale = [file for file in others if file.step >= step]
    older = [file for file in others if file.step < step]
    for file in stale + older[: len(older) - (_KEPT[role] - 1)]:
        with suppress(OSError):
            file.path.unlink()


def load_checkpoint(folder: Path, role: Role = "last") -> dict[str, Any] | None:
    """The newest checkpoint that is whole; damaged ones, and those that hold code, are passed over. None if none is."""
    for file in sorted(_files(folder, role), key=lambda file: -file.step):
        try:
            content = file.path.read_bytes()
        except OSError:
            continue
        if hashlib.sha256(content).hexdigest().startswith(file.digest):
            with suppress(pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError):
                return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return None


def _files(folder: Path, role: Role) -> list[_File]:
    found = [(_NAME.fullmatch(path.name), path) for path in folder.glob("*.pt")] if folder.is_dir() else []
    return [
        _File(match[1], int(match[2]), match[3], path)
        for match, path in found
        if match is not None and match[1] == role
    ]
