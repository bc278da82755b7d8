"""What the address asks for and a page can't take: it is said at the top of the page, and never replaced in silence."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.ui.show import plain

OWN = "Your own: "
"""How the titles of the session's own pictures begin where they are chosen among others."""
_ENTRY = "address"
_NOT_KEPT = object()
_LONGEST = 60
"""How many letters of a value are repeated."""


@dataclass(frozen=True)
class _Refused:
    """A sentence, which holds as long as the control has the value that it has instead."""

    sentence: str
    instead: Any


@dataclass
class _Opened:
    """What is known of the address with which a page was opened, by the keys of its controls."""

    page: str
    view: str = ""
    place: DeltaGenerator | None = None
    infinite: dict[str, list[str]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    refused: dict[str, _Refused] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)


def open_address(page: str) -> None:
    """Begin a page: what comes from an address is now asked for anew.

    Infinite numbers are taken out of it: Streamlit falls over one for a whole number.
    """
    if _opened().page == page:
        return
    st.session_state[_ENTRY] = opened = _Opened(page)
    for name in [*st.query_params]:
        if any(map(_is_infinite, texts := st.query_params.get_all(name))):
            opened.infinite[name] = texts
            del st.query_params[name]
    if opened.infinite:
        st.rerun()


def name_view(title: str) -> None:
    """The view of the page that is open now."""
    _opened().view = title


def view_title() -> str:
    """What is looked at, in words: the page, and its open view if it has several."""
    opened = _opened()
    return ": ".join(filter(None, (opened.page, opened.view)))


def whole_address() -> dict[str, list[str]]:
    """All that the address says, with what was taken out of it."""
    return {name: st.query_params.get_all(name) for name in st.query_params} | _opened().infinite


def in_address(key: str, default: str | None = None) -> Any:
    """What the address says under ``key``, for what no bound control reads; an infinite number that was taken out too.

    ``default`` if it says nothing.
    """
    infinite = _opened().infinite.get(key)
    return st.query_params.get(key, infinite[-1] if infinite else default)


def show_refused() -> None:
    """The place for what is refused in this run, with what was refused earlier and isn't settled yet."""
    opened = _opened()
    opened.place, opened.said = st.container(), set()
    opened.refused = {
        key: refused
        for key, refused in opened.refused.items()
        if key in st.session_state and st.session_state[key] == refused.instead
    }
    for refused in opened.refused.values():
        _say(refused.sentence)


def asked(key: str) -> list[str]:
    """What the address asks of the control ``key``, if it is drawn for the first time since the page was opened."""
    opened = _opened()
    if key in opened.seen:
        return []
    opened.seen.add(key)
    asked = opened.infinite.get(key) or st.query_params.get_all(key)
    return [] if key in st.session_state else asked  # else a button has set it since


def check(
    key: str, label: str, texts: Sequence[str], value: Any, spoken: Callable[[Any], str] = str, possible: str = ""
) -> None:
    """Say it if the control ``key`` has another ``value`` than the ``texts`` of the address ask for.

    ``spoken`` gives a value's (or an option's) text in the address, ``possible`` what can be asked for.
    """
    if not says(texts, value, spoken):
        values = value if isinstance(value, list) else [] if value is None else [value]
        refuse(key, label, ", ".join(texts), ", ".join(map(spoken, values)) or "nothing", possible, kept=value)


def says(texts: Sequence[str], value: Any, spoken: Callable[[Any], str] = str) -> bool:
    """Whether the ``texts`` of an address ask for this ``value``, whose own text is ``spoken``; or for nothing."""
    if not any(texts):
        return True
    if isinstance(value, list):
        return set(texts) == {spoken(one) for one in value}
    text = texts[-1]
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, int | float):
        with suppress(ValueError):
            return math.isclose(float(text), value, rel_tol=1e-9)
        return False
    return value is not None and text == spoken(value)


def refuse(key: str, label: str, asked: str, instead: str, possible: str = "", kept: Any = _NOT_KEPT) -> None:
    """Say that the address asks for what the control called ``label`` can't be, and what it is ``instead``.

    With ``kept`` it is said again in the next runs for as long as the session has that value under ``key``.
    """
    sentence = f"The address asks for “{plain(asked[:_LONGEST])}” as **{label}**, which isn't possible"
    sentence += f" ({possible})" if possible else ""
    sentence += f". It is {plain(instead[:_LONGEST])} instead."
    if OWN in asked:
        sentence += " Your own pictures are forgotten when a page is reloaded: choose them again under “Use your own”."
    _say(sentence)
    if kept is not _NOT_KEPT:
        _opened().refused[key] = _Refused(sentence, kept)


def _opened() -> _Opened:
    return st.session_state.setdefault(_ENTRY, _Opened(""))


def _say(sentence: str) -> None:
    opened = _opened()
    if sentence not in opened.said:
        opened.said.add(sentence)
        (opened.place or st).info(sentence, icon=":material/link_off:")


def _is_infinite(text: str) -> bool:
    with suppress(ValueError):
        return math.isinf(float(text))
    return False
