"""What is known about a setting of a run: one description feeds its checks, the form, the tables, the presets and the
command line. Needs no torch."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_type_hints

from cnnlab_core.checks import shown
from cnnlab_core.errors import InputError
from cnnlab_core.images.levels import LEVELS, levels

Group = Literal["data", "network", "learning", "attack", "finer"]
Kind = Literal["pictures", "text"]
"""What is learned from."""
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class Option:
    """One of the values of a setting: its title (links hold it, so it must not change), and what it means."""

    title: str
    about: str = ""
    of: Kind | None = None
    """What it can be chosen for, if not for both."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """All about one field of the config besides what the dataclass says.

    ``low`` and ``high`` both count. ``name`` is how people read it, in the middle of a sentence.
    """

    name: str
    help: str
    group: Group
    low: float = 0
    high: float = 0
    step: float = 1
    """Of the control in the form."""
    stops: tuple[float, ...] = ()
    """A slider that stops only here, for numbers that span orders of magnitude."""
    typed: bool = False
    """A number to type instead of a slider."""
    wide: bool = False
    """A row of the form for itself."""
    in_levels: bool = False
    """In pixels of [0, 1], which people read as 8/255."""
    zero: str = ""
    """What 0 stands for, if it isn't just a number."""
    options: Mapping[str, Option] = field(default_factory=dict)
    of: Kind | None = None
    """What it plays a part for, if not for both."""
    needs: Mapping[str, tuple[str | bool, ...]] = field(default_factory=dict)
    """It counts only where other settings (named before it) have one of these values."""
    preset: bool = True
    """Whether a preset sets it."""
    paces: bool = False
    """Whether it changes how long a step takes."""
    address: str = ""
    """What links call it, if not by the field's name."""

    key: str = ""
    kind: type = str
    default: Any = None
    """What ``describe`` reads off the dataclass: the field's name, type and default."""

    @property
    def label(self) -> str:
        """The name as a title, with its unit."""
        notes = [*(["k/255"] if self.in_levels else []), *([f"0: {self.zero}"] if self.zero else [])]
        return self.name[0].upper() + self.name[1:] + (f" ({', '.join(notes)})" if notes else "")

    def check(self, value: object) -> None:
        """Raise ``InputError`` for a value that the setting can't have."""
        name = f"“{self.name[0].upper()}{self.name[1:]}”"
        if self.options:
            if not isinstance(value, str) or value not in self.options:
                raise InputError(f"{name} must be one of {', '.join(self.options)}, not “{shown(value)}”.")
            return
        if type(value) is not self.kind:
            raise InputError(f"{name} must be {_KINDS[self.kind]}, not {shown(value)}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{name} must be a finite number, not {value}.")
        if self.has_range and not self.low <= value <= self.high:  # type: ignore[operator]
            low, high, given = (self.number(number) for number in (self.low, self.high, value))
            note = " As a number, 8/255 is 0.0314." if self.in_levels else ""
            raise InputError(f"{name} must be from {low} to {high}, not {given}.{note}")

    @property
    def has_range(self) -> bool:
        """Whether it is a number."""
        return self.kind in (int, float)

    def counts(self, values: Mapping[str, Any]) -> bool:
        """Whether the setting plays a part, the others being as ``values`` say."""
        suits = self.of is None or self.of == kind_of(values["data"])
        return suits and all(values[name] in wanted for name, wanted in self.needs.items())

    def options_for(self, kind: Kind) -> list[str]:
        """The options that can be chosen for a kind of data."""
        return [name for name, option in self.options.items() if option.of in (None, kind)]

    def text(self, value: Any) -> str:
        """A value in words."""
        if self.options:
            return self.options[value].title
        if isinstance(value, bool):
            return "yes" if value else "no"
        return self.zero if self.zero and value == 0 else self.number(value)

    def code(self, value: Any) -> str:
        """A value as Python."""
        number = f"{value * LEVELS:g}" if self.in_levels else ""
        return f"{number} / {LEVELS}" if number and float(number) / LEVELS == value else repr(value)

    def shown(self, value: Any) -> Any:
        """A value as its control has it: a length in grey levels."""
        return round(value * LEVELS, 4) if self.in_levels else value

    def taken(self, shown: Any) -> Any:
        """The value of what its control has."""
        return shown / LEVELS if self.in_levels else shown

    def number(self, value: Any) -> str:
        """A value as it is typed: 8/255, 0.01, homework."""
        if self.in_levels:
            return levels(value)
        return f"{value:g}" if isinstance(value, float) else str(value)


def kind_of(data: str) -> Kind:
    """What a data set is made of, by its name alone."""
    return "text" if data == "names" or data.startswith("text:") else "pictures"


def setting(default: Any, name: str, help: str, **more: Any) -> Any:
    """A field of a dataclass of settings."""
    return field(default=default, metadata={"setting": Setting(name=name, help=help, **more)})


def describe(table: type) -> dict[str, Setting]:
    """The settings of such a dataclass, by field. Raises ``TypeError`` if a description is missing or contradicts."""
    hints = get_type_hints(table)
    found: dict[str, Setting] = {}
    for entry in fields(table):
        about = entry.metadata.get("setting")
        if about is None or entry.default is MISSING:
            raise TypeError(f"the setting {entry.name} isn't described")
        choices = get_args(hints[entry.name])
        kind = str if choices else hints[entry.name]
        made = replace(about, key=entry.name, kind=kind, default=entry.default, address=about.address or entry.name)
        if tuple(made.options) != choices:
            raise TypeError(f"the options of {entry.name} aren't those of its type")
        if made.has_range and not made.low < made.high:
            raise TypeError(f"the setting {entry.name} has no range")
        for other, values in made.needs.items():
            if other not in found or not set(values) <= set(found[other].options or (True, False)):
                raise TypeError(f"what the setting {entry.name} needs isn't there before it")
        made.check(made.default)
        found[entry.name] = made
    if len({made.address for made in found.values()}) < len(found):
        raise TypeError("two settings have one address")
    return found
