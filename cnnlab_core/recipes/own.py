"""What comes before a recipe that is about a network of one's own: its file is read."""

import ast
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from cnnlab_core.models.own.kept import Asked

CLASSES = "classes.txt"
"""The file with the names of the classes, where they didn't come with the network."""


def with_own(code: str, files: Mapping[str, tuple[str, Asked]]) -> str:
    """The code, where each of these networks that it names is first read from its file, and then called a variable.

    ``files`` are, by the networks' names, their titles and files.
    """
    found = [name for name in files if f'"{name}"' in code]
    if not found:
        return code
    reading = []
    for number, name in enumerate(found, 1):
        variable = "mine" if len(found) == 1 else f"mine_{number}"
        reading.append(_reading(variable, *files[name]))
        code = code.replace(f'"{name}"', f"{variable}.spec.name")
    lines, end = code.splitlines(), 0
    for statement in ast.parse(code).body:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            break
        end = statement.end_lineno or 0
    names = "Pixels, own_from_file" if any(files[name][1].pixels for name in found) else "own_from_file"
    imports = ["from pathlib import Path", "", *lines[:end], f"from cnnlab_core.models.own import {names}"]
    return "\n".join([*imports, "", *reading, *lines[end:], ""])


def _reading(variable: str, title: str, asked: Asked) -> str:
    settings = dict(asked.settings)
    lines = [f"Path({_text(asked.file)}).read_bytes()", f"title={_text(title)}"]
    if settings.pop("names", ""):
        lines.append(f'names=Path("{CLASSES}").read_text(encoding="utf-8")')
    lines += [f"{name}={_value(value)}" for name, value in settings.items()]
    inside = "".join(f"    {line},\n" for line in lines)
    return f"{variable} = own_from_file(\n{inside})  # load_model finds it by its name for as long as it is there"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    named = {one.name: getattr(value, one.name) for one in fields(value) if getattr(value, one.name) != one.default}
    inside = (f"{name}={_text(one) if isinstance(one, str) else one}" for name, one in named.items())
    return f"Pixels({', '.join(inside)})"


def _text(text: str) -> str:
    return json.dumps(text)
