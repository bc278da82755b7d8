"""What whoever runs the lab has set for everybody, by environment or ``.streamlit/secrets.toml``.

Streamlit puts the secrets at the top of that file into the environment when the server starts, so only the environment
is read here.
"""

import os
from dataclasses import dataclass
from typing import Literal, cast, get_args

from cnnlab_core.errors import InputError
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.models.zoo import DEFAULT_MODEL, ZOO, all_specs

Training = Literal["own", "shared", "off"]

MOST_UPLOAD = 200
"""Megabytes of a file to upload that can be allowed, at most."""
_FOR_PEOPLE = {
    "own": "everybody sees and controls the runs of their own browser",
    "shared": "everybody sees and controls all runs",
    "off": "nobody can start runs; finished ones can be viewed",
}


@dataclass(frozen=True)
class Classroom:
    """``training`` says whose runs a browser sees, ``upload_mb`` how large a file may be, ``models`` which networks are
    offered (all where it is empty), ``queue`` how many jobs may wait for the device before others are asked to try
    again, ``training_queue`` how many runs may."""

    training: Training = "own"
    upload_mb: int = 20
    models: tuple[str, ...] = ()
    queue: int = 100
    training_queue: int = 30

    def offers(self, spec: ModelSpec) -> bool:
        """Whether the lab's pages offer this network. The default model and what is trained here always are."""
        return not self.models or spec.name in (DEFAULT_MODEL, *self.models) or spec not in ZOO


def classroom() -> Classroom:
    """The current settings. Raises ``InputError``, with the allowed values, for one that isn't allowed."""
    training = os.environ.get("CNNLAB_TRAINING", "").strip().lower() or Classroom.training
    if training not in get_args(Training):
        raise InputError(f"CNNLAB_TRAINING is {', '.join(get_args(Training))}, not “{training[:40]}”.")
    known = [spec.name for spec in ZOO]
    models = tuple(filter(None, (name.strip() for name in os.environ.get("CNNLAB_MODELS", "").split(","))))
    if strange := sorted(set(models) - set(known)):
        raise InputError(f"CNNLAB_MODELS has “{strange[0][:40]}”. The networks are: {', '.join(known)}.")
    return Classroom(
        training=cast(Training, training),
        upload_mb=_number("CNNLAB_UPLOAD_MB", Classroom.upload_mb, 1, MOST_UPLOAD),
        models=models,
        queue=_number("CNNLAB_QUEUE", Classroom.queue, 1, 100_000),
        training_queue=_number("CNNLAB_TRAINING_QUEUE", Classroom.training_queue, 0, 1000),
    )


def offered_specs() -> tuple[ModelSpec, ...]:
    """The networks that the pages offer."""
    settings = classroom()
    return tuple(spec for spec in all_specs() if settings.offers(spec))


def settings_in_words() -> list[dict[str, str]]:
    """The settings as a table for people: what is set, its current value, and how to set it."""
    now = classroom()
    return [
        {"what": what, "now": value, "setting": setting}
        for what, value, setting in (
            ("Training", _FOR_PEOPLE[now.training], "CNNLAB_TRAINING = own, shared or off"),
            ("Files to upload", f"up to {now.upload_mb} MB", "CNNLAB_UPLOAD_MB = 1 to 200"),
            (
                "Networks",
                ", ".join(now.models) if now.models else "all",
                "CNNLAB_MODELS = names separated by commas",
            ),
            ("Jobs that may wait", str(now.queue), "CNNLAB_QUEUE"),
            ("Runs that may wait", str(now.training_queue), "CNNLAB_TRAINING_QUEUE"),
        )
    ]


def _number(name: str, usual: int, low: int, high: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return usual
    if not (text.isdecimal() and text.isascii() and low <= int(text[:9]) <= high):
        raise InputError(f"{name} is a whole number from {low} to {high}, not “{text[:40]}”.")
    return int(text)
