"""What a run is to do, as data: everything that decides its result, checked before anything starts."""

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from cnnlab_core.errors import InputError

Net = Literal["homework", "homework_bn", "deeper", "stack"]
Init = Literal["he", "xavier", "orthogonal", "small", "zeros"]
Optimizer = Literal["adamw", "sgd", "muon"]
Schedule = Literal["one-cycle", "constant"]
Attack = Literal["none", "fgsm", "pgd"]
Precision = Literal["auto", "float32", "bfloat16"]

MOST_EPOCHS = 1000
MOST_BATCH = 8192


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one run. Two runs with equal configs on one machine end with the same bytes.

    ``stack`` is the text of one's own rows of layers (see ``models.stack``), used with ``net="stack"``.
    ``validation`` is the share of the training pictures that is held out; ``limit`` trains on that many pictures
    only (0: on all). ``crop`` shifts each picture by up to that many pixels, ``flip`` mirrors every other one.
    With an ``attack`` each batch is replaced by adversarial pictures at most ``epsilon`` away, in pixels of [0, 1]
    (8/255 is usual), after ``attack_steps`` steps of ``attack_step`` (0: 1.25 epsilon for fgsm, 2.5 epsilon /
    steps for pgd). ``batch`` counts the pictures of all processes together.
    """

    data: str = "cifar10"
    net: Net = "homework_bn"
    stack: str = ""
    init: Init = "he"
    optimizer: Optimizer = "adamw"
    schedule: Schedule = "one-cycle"
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.01
    batch: int = 128
    epochs: int = 10
    label_smoothing: float = 0.1
    crop: int = 4
    flip: bool = True
    attack: Attack = "none"
    epsilon: float = 8 / 255
    attack_steps: int = 7
    attack_step: float = 0.0
    validation: float = 0.1
    limit: int = 0
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ``InputError`` for the first setting that can't be."""
        hints = get_type_hints(type(self))
        for field in fields(self):
            _check_type(field.name, getattr(self, field.name), hints[field.name])
        for name, low, high in _RANGES:
            if not low <= getattr(self, name) <= high:
                raise InputError(f"{_NAMES.get(name, name)} is {low:g} to {high:g}, not {getattr(self, name):g}.")
        if self.net == "stack" and not self.stack.strip():
            raise InputError("The stack has no rows. Add a convolution, or choose one of the lab's networks.")
        if self.net != "stack" and self.stack:
            raise InputError("Rows of layers only count with the network “stack”. Choose it, or leave the rows out.")

    @property
    def step_size(self) -> float:
        """The size of one attack step in pixels of [0, 1]."""
        if self.attack_step:
            return self.attack_step
        return 1.25 * self.epsilon if self.attack == "fgsm" else 2.5 * self.epsilon / self.attack_steps

    def to_json(self) -> str:
        """The settings as JSON, in a fixed order."""
        return json.dumps(asdict(self), indent=1)

    def differences(self, other: "Config") -> dict[str, tuple[Any, Any]]:
        """The settings in which two runs differ: name -> (this one's, the other's)."""
        mine, theirs = asdict(self), asdict(other)
        return {name: (mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]}


def config_from(values: object) -> Config:
    """A config from what a JSON file held. Raises ``InputError`` for unknown names and values that can't be."""
    if not isinstance(values, dict):
        raise InputError("A run's settings are a table of names and values.")
    known = {field.name: field for field in fields(Config)}
    if strange := sorted(set(values) - set(known)):
        raise InputError(f"There is no setting “{str(strange[0])[:40]}”. The settings are: {', '.join(known)}.")
    hints = get_type_hints(Config)
    settings: dict[str, Any] = {k: float(v) if hints[k] is float and type(v) is int else v for k, v in values.items()}
    return Config(**settings)


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("learning_rate", 1e-7, 100),
    ("momentum", 0, 0.9999),
    ("weight_decay", 0, 10),
    ("batch", 1, MOST_BATCH),
    ("epochs", 1, MOST_EPOCHS),
    ("label_smoothing", 0, 0.9),
    ("crop", 0, 16),
    ("epsilon", 0, 1),
    ("attack_steps", 1, 100),
    ("attack_step", 0, 2),
    ("validation", 0.01, 0.5),
    ("limit", 0, 10_000_000),
    ("seed", 0, 2**31 - 1),
)
_NAMES = {
    "learning_rate": "The learning rate",
    "momentum": "Momentum",
    "weight_decay": "Weight decay",
    "batch": "The batch size",
    "epochs": "The number of epochs",
    "label_smoothing": "Label smoothing",
    "crop": "The crop's shift in pixels",
    "epsilon": "Epsilon (in pixels of 0 to 1; 8/255 is 0.0314)",
    "attack_steps": "The number of attack steps",
    "attack_step": "The size of an attack step",
    "validation": "The share held out for validation",
    "limit": "The limit of training pictures",
    "seed": "The seed",
}


def _check_type(name: str, value: object, hint: Any) -> None:
    choices = get_args(hint)
    if choices:
        if value not in choices:
            raise InputError(f"{name} is one of {', '.join(choices)}, not “{str(value)[:40]}”.")
    elif type(value) is not hint:
        raise InputError(f"{_NAMES.get(name, name)} is given as {_KINDS[hint]}, not {str(value)[:40]!r}.")
    elif hint is float and not math.isfinite(value):  # type: ignore[arg-type]
        raise InputError(f"{_NAMES.get(name, name)} is a finite number, not {value}.")


_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
