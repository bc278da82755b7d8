"""How much memory a result takes."""

import sys
from dataclasses import fields, is_dataclass

from PIL import Image


def bytes_in(value: object, seen: set[int] | None = None) -> int:
    """About how many bytes a value takes: all arrays, tensors, pictures and bytes in it, each counted once."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, dict):
        return sum(bytes_in(part, seen) for part in value.values())
    if isinstance(value, list | tuple):
        return 64 + sum(bytes_in(part, seen) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return sum(bytes_in(getattr(value, part.name), seen) for part in fields(value))
    if isinstance(value, Image.Image):
        return value.width * value.height * len(value.getbands())
    return int(getattr(value, "nbytes", 0)) or sys.getsizeof(value)
