"""The settings of a run as controls, drawn from their descriptions."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import streamlit as st

from cnnlab_core.training import Config
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.settings import Group, Kind, Setting
from cnnlab_core.ui.training.area import AREAS

_COLUMNS: dict[Group, tuple[float, ...]] = {
    "data": (1, 1),
    "network": (1,),
    "learning": (1.2, 1, 1, 1),
    "attack": (1.2, 1, 1, 1),
    "finer": (1, 1, 1, 1),
}
"""How wide the columns of a group are."""
_MOST_SEGMENTS = 3
"""More options than this are a box, not a row of buttons."""


def draw(group: Group, values: dict[str, Any], kind: Kind, own: Mapping[str, Callable[[], Any]] | None = None) -> None:
    """Draw the settings of a group for a kind of data, row by row, and put what they say into ``values``.

    Those in ``own`` have a control of their own, which is drawn only where it counts. Every other control is always
    there, so that nothing jumps and a link keeps it; where it doesn't count it is disabled, and its default is taken.
    """
    free: list[Any] = []
    for about in SETTINGS.values():
        if about.group != group:
            continue
        if about.of not in (None, kind):  # nothing to choose with these data
            values[about.key] = about.default
            continue
        if about.wide:
            place, free = st.container(), []
        else:
            free = free or st.columns(_COLUMNS[group], gap="medium")
            place = free.pop(0)
        counts = about.counts(values)
        with place:
            if own and about.key in own:
                values[about.key] = own[about.key]() if counts else about.default
            else:
                value = _control(about, kind, disabled=not counts)
                values[about.key] = value if counts else about.default


def take(config: Config) -> None:
    """Turn every control of the form to a preset's settings, but for those that a preset leaves as they are."""
    for name, about in SETTINGS.items():
        if about.preset and about.of in (None, config.kind):
            st.session_state[AREAS[config.kind].controls.key(about.address)] = about.shown(getattr(config, name))


def _control(about: Setting, kind: Kind, *, disabled: bool) -> Any:
    """The control that suits the setting, and what the chosen option means; gives the setting's value."""
    controls = AREAS[kind].controls
    key = controls.key(about.address)
    more: dict[str, Any] = {"help": about.help, "disabled": disabled}
    shown: Any
    if about.options:
        choose = controls.one_of if len(about.options_for(kind)) <= _MOST_SEGMENTS else controls.select
        options = about.options_for(kind)
        start = about.default if about.default in options else options[-1]
        shown = choose(about.address, about.label, options, start, format_func=about.text, **more)
        if about.options[shown].about:
            st.caption(about.options[shown].about)
    elif about.kind is bool:
        shown = controls.toggle(about.address, about.label, about.default, **more)
    elif about.stops:
        shown = controls.stops(about.address, about.label, _stops(about, key), about.default, **more)
    else:
        low, high, usual = (about.kind(about.shown(value)) for value in (about.low, about.high, about.default))
        if about.typed:
            more["format"] = "%g" if about.kind is float else "%d"
        control = controls.number if about.typed else controls.slider
        shown = control(about.address, about.label, low, high, usual, about.kind(about.step), **more)
    return about.taken(shown)


def _stops(about: Setting, key: str) -> list[float]:
    """The stops of a slider; a number between them that a link or a preset asks for is one, too."""
    stops = set(about.stops)
    with suppress(ValueError):
        number = float(st.session_state.get(key, st.query_params.get(key, about.default)))
        if about.low <= number <= about.high:
            stops.add(number)
    return sorted(stops)
