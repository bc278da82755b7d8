"""How the lab's records look in a notebook: a line or two, and their pictures if they have any."""

import base64
import io
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any, TypeVar

from PIL import Image

Record = TypeVar("Record")

_MOST = 3
"""Entries of a list that are told."""
_LONGEST = 60
"""Letters of a value."""
_SIDE = 224
"""Pixels of a picture's longer side, at most."""


def short_repr(record: type[Record]) -> type[Record]:
    """Make the repr of a dataclass short: arrays by their kind and shape, other long values by how they begin.

    If it has a method ``_pictures``, which gives PIL pictures, a notebook shows them above that line.
    """
    setattr(record, "__repr__", lambda self: _line(self))  # noqa: B010  a type has no such attribute to mypy
    if hasattr(record, "_pictures"):
        setattr(record, "_repr_html_", lambda self: in_notebook(self))  # noqa: B010
    return record


def _line(record: Any) -> str:
    told = (f"{field.name}={_short(getattr(record, field.name))}" for field in fields(record) if field.repr)
    return f"{type(record).__name__}({', '.join(told)})"


def _short(value: Any) -> str:
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        if value.shape == ():
            return f"{number:.6g}" if isinstance(number := value.item(), float) else repr(number)
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}(…)"
    if isinstance(value, Mapping):
        return "{" + _few([f"{key!r}: {_short(entry)}" for key, entry in list(value.items())[:_MOST]], len(value)) + "}"
    if isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        return "(" + _few([_short(entry) for entry in list(value)[:_MOST]], len(value)) + ")"
    text = repr(value[:_LONGEST] if isinstance(value, str | bytes) else value)
    if len(text) <= _LONGEST + 3 and "\n" not in text and " at 0x" not in text:
        return text if not isinstance(value, str | bytes) or len(value) <= _LONGEST else f"{text}…"
    return type(value).__name__


def _few(told: list[str], count: int) -> str:
    return ", ".join(told) + (f", … {count} in all" if count > _MOST else "")


def in_notebook(record: Any) -> str:
    """The line, under the record's pictures."""
    shown = []
    for picture in record._pictures():
        small, file = picture.copy(), io.BytesIO()
        small.thumbnail((_SIDE, _SIDE))
        small.save(file, "PNG")
        data = base64.b64encode(file.getvalue()).decode()
        side = f"height:{min(_SIDE, max(small.height, _SIDE // 2))}px;image-rendering:pixelated"
        shown.append(f'<img alt="" style="{side};margin-right:8px" src="data:image/png;base64,{data}">')
    return f"<div>{''.join(shown)}</div><code>{escape(repr(record))}</code>"


def grey_picture(values: Any, *, signed: bool) -> Image.Image:
    """Numbers (h, w) as grey levels: 0 is black, or the middle grey if they are ``signed``; the largest is white."""
    import numpy as np

    largest = float(np.abs(values).max()) or 1.0
    shares = np.asarray(values) / largest
    return Image.fromarray(np.rint(255 * (0.5 + 0.5 * shares if signed else shares.clip(0))).astype(np.uint8))
