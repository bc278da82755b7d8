"""Records as plain Python: what a page sends to the browser and a notebook saves."""

from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

import numpy as np

from cnnlab_core.checks import Array, by_annotation
from cnnlab_core.runtime.csv_tables import csv_table


def to_plain(value: Any) -> Any:
    """A record, array, list, tuple or dict of such as dicts, lists, numbers and text that ``json.dumps`` accepts.

    Infinity, the value of padding in max pooling, has no place in JSON and becomes None.
    """
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (np.ndarray, np.generic)):
        return to_plain(value.tolist())
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return to_plain(value._asdict())
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value


@by_annotation
def to_csv(arrays: dict[str, Array]) -> str:
    """One line for each cell: array, index, value."""
    cells = ((name, index, cell) for name, array in arrays.items() for index, cell in np.ndenumerate(array))
    rows = ((name, " ".join(map(str, index)), repr(float(cell))) for name, index, cell in cells)
    return csv_table(("array", "index", "value"), rows)
