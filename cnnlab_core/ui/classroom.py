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
from cnnlab_core.runtime.limits import LIMITS, TEACHER_KEY, check_limits
from cnnlab_core.ui.mine import my_specs

Training = Literal["own", "shared", "off"]

_FOR_PEOPLE = {
    "own": "everybody sees and controls the runs of their own browser",
    "shared": "everybody sees and controls all runs",
    "off": "nobody can start runs; finished ones can be viewed",
}


@dataclass(frozen=True)
class Classroom:
    """``training`` says whose runs a browser sees, ``models`` which networks are offered (all where it is empty).

    How much of anything there can be stands in ``runtime/limits``.
    """

    training: Training = "own"
    models: tuple[str, ...] = ()

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
    check_limits()
    return Classroom(training=cast(Training, training), models=models)


def offered_specs() -> tuple[ModelSpec, ...]:
    """The networks that the pages offer: those that the session has brought, and what all are offered."""
    settings = classroom()
    return (*my_specs(), *(spec for spec in all_specs() if settings.offers(spec)))


def settings_in_words() -> list[dict[str, str]]:
    """The settings as a table for people: what is set, its current value, and how to set it."""
    now = classroom()
    networks = ", ".join(now.models) if now.models else "all"
    return [
        {"what": "Training", "now": _FOR_PEOPLE[now.training], "setting": "CNNLAB_TRAINING = own, shared or off"},
        {
            "what": "Teacher's key",
            "now": "set" if os.environ.get(TEACHER_KEY) else "not set: nobody is a teacher",
            "setting": f"{TEACHER_KEY} = 12 letters or more",
        },
        {"what": "Networks", "now": networks, "setting": "CNNLAB_MODELS = names separated by commas"},
        *(
            {
                "what": f"At most: {limit.bounds}",
                "now": f"{limit.now():,} {limit.unit}",
                "setting": f"{limit.setting} = {limit.least} to {limit.most}",
            }
            for limit in LIMITS
        ),
    ]
