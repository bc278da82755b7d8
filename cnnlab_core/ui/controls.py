"""The one way to draw a control that a link remembers.

A control's key is its page's prefix and its own name, as ``adversarial_eps``. It is bound to the address under that
key, so that a link opens what it says; and it keeps its value while it isn't drawn, because another tab is open, until
the page is left. (Streamlit puts an option into the address as it is shown: texts of options must not change.)
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from cnnlab_core.ui.address import asked, check, in_address, refuse, says

Option = TypeVar("Option")
Number = TypeVar("Number", int, float)

_FORGOTTEN, _HELD = "controls forgotten", "controls held"


def forget_controls(keys: Iterable[str]) -> None:
    """Forget the controls that share a page's prefix with one of the ``keys``: they are then as the address says, or
    else as at first. What is ``held`` stays.

    A browser shows what it had of a control that is drawn again, and would send it: :func:`begin_anew` tells it better.
    """
    prefixes = tuple({key.partition("_")[0] + "_" for key in keys})
    held = st.session_state.get(_HELD, ())
    gone = {key for key in map(str, st.session_state) if key.startswith(prefixes) and key not in held}
    for key in gone:
        del st.session_state[key]
    st.session_state[_FORGOTTEN] = gone


def begin_anew(key: str, first: Any, spoken: Callable[[Any], str] = str) -> None:
    """Give a control that was forgotten its ``first`` value, unless the address says another: before it is drawn."""
    forgotten = st.session_state.get(_FORGOTTEN, ())
    if key in forgotten:
        forgotten.discard(key)
        if says(st.query_params.get_all(key), first, spoken):
            st.session_state[key] = first


def held(key: str) -> str:
    """The ``key`` of something that a visitor has typed or brought and that no address holds: it isn't forgotten."""
    st.session_state.setdefault(_HELD, set()).add(key)
    return key


def lasting(key: str) -> dict[str, Any]:
    """The arguments of a field whose words are kept until the browser's tab is closed, whatever is opened meanwhile."""
    return {"key": held(key), "persist_state": "session"}


@dataclass(frozen=True)
class Controls:
    """The controls whose keys begin with ``prefix``.

    Each is drawn where ``place`` says (``st``, or one of its containers). What else the Streamlit control takes
    (``help``, ``on_change``, ``format_func``, ``label_visibility``, ...) goes along by name.
    """

    prefix: str

    def key(self, name: str) -> str:
        """The key of the control called ``name``: in the session, and in the address."""
        return f"{self.prefix}_{name}"

    def slider(
        self,
        name: str,
        label: str,
        low: Number,
        high: Number,
        start: Number,
        step: Number,
        *,
        place: Any = st,
        **more: Any,
    ) -> Number:
        """A number on a line. A link's number beyond the ends is moved to the nearer one."""

        def within(*arguments: Any, **bound: Any) -> Number:
            return min(max(place.slider(*arguments, **bound), low), high)

        return self._drawn(
            name, label, within, low, high, start, step, first=start, possible=f"{low:g} to {high:g}", **more
        )

    def number(
        self,
        name: str,
        label: str,
        low: Number,
        high: Number,
        start: Number,
        step: Number,
        *,
        place: Any = st,
        **more: Any,
    ) -> Number:
        """A number to type."""
        possible = f"{low:g} to {high:g}"
        return self._drawn(
            name, label, place.number_input, low, high, start, step, first=start, possible=possible, **more
        )

    def stops(
        self, name: str, label: str, options: Sequence[Option], start: Option, *, place: Any = st, **more: Any
    ) -> Option:
        """A slider that stops at the ``options`` only."""
        return self._drawn(name, label, place.select_slider, options, start, first=start, **more)

    def scale(
        self, name: str, label: str, stops: Sequence[float], start: float, *, place: Any = st, **more: Any
    ) -> float:
        """A slider over the ``stops``, unevenly spaced numbers; one that a link has between them becomes a stop too."""
        written: dict[float, str] = st.session_state.setdefault(f"{self.key(name)} from links", {})
        text = in_address(self.key(name), "")
        try:
            if min(stops) <= float(text) <= max(stops):
                written.setdefault(float(text), text)
        except ValueError:
            pass
        options = sorted({*stops, *written})
        return self.stops(
            name, label, options, start, place=place, format_func=lambda stop: written.get(stop, str(stop)), **more
        )

    def one_of(
        self, name: str, label: str, options: Sequence[Option], start: Option, *, place: Any = st, **more: Any
    ) -> Option:
        """A row of options of which exactly one is chosen.

        Streamlit's own ``required`` binds people, not links: an empty value in the address (``?key=``) would choose
        none.
        """

        def chosen(*arguments: Any, **bound: Any) -> Option:
            taken = place.segmented_control(*arguments, **bound)
            return start if taken is None else taken

        return self._drawn(name, label, chosen, options, first=start, default=start, required=True, **more)

    def one_of_named(
        self, name: str, label: str, names: Mapping[str, str], start: str, *, place: Any = st, **more: Any
    ) -> str:
        """The same for options that are called one thing in the address and another on the screen: ``names``."""
        chosen, unbound = self._named(name, label, list(names), start, names.__getitem__)
        place.segmented_control(label, list(names), required=True, **unbound, **more)
        return chosen

    def some_of(
        self, name: str, label: str, options: Sequence[Option], start: Sequence[Option], *, place: Any = st, **more: Any
    ) -> list[Option]:
        """Options of which any number is chosen."""
        first = list(start)
        return self._drawn(
            name, label, place.pills, options, first=first, selection_mode="multi", default=first, **more
        )

    def select(
        self, name: str, label: str, options: Sequence[Option], start: Option, *, place: Any = st, **more: Any
    ) -> Option:
        """A box of options to search."""
        return self._drawn(name, label, place.selectbox, options, first=start, index=options.index(start), **more)

    def several(
        self, name: str, label: str, options: Sequence[Option], start: Sequence[Option], *, place: Any = st, **more: Any
    ) -> list[Option]:
        """A box from which any number of options is taken, none too."""
        return self._drawn(name, label, place.multiselect, options, first=list(start), default=start, **more)

    def search(
        self, name: str, label: str, options: Sequence[Option], placeholder: str, *, place: Any = st, **more: Any
    ) -> Option | None:
        """A box of many options to search, none of which is chosen at first."""
        return self._drawn(
            name, label, place.selectbox, options, first=None, index=None, placeholder=placeholder, **more
        )

    def named(
        self,
        name: str,
        label: str,
        options: Sequence[str],
        start: str,
        shown: Callable[[str], str],
        *,
        tooltip: Callable[[str], str] | None = None,
        place: Any = st,
        **more: Any,
    ) -> str:
        """A box of options that people read as ``shown`` says, while the address keeps the option itself.

        Words may then change, and old links go on working. ``tooltip`` says more about the chosen option.
        """
        chosen, unbound = self._named(name, label, options, start, shown)
        place.selectbox(label, options, help=tooltip(chosen) if tooltip else None, **unbound, **more)
        return chosen

    def _named(
        self, name: str, label: str, options: Sequence[str], start: str, shown: Callable[[str], str]
    ) -> tuple[str, dict[str, Any]]:
        """The chosen one of options that have another name on the screen than in the address; its control's arguments.

        Streamlit would put what is shown into the address, so such a control isn't bound: it is read and written here.
        """
        key = self.key(name)
        chosen = in_address(key, start)
        if chosen not in options:
            refuse(key, label, chosen, shown(start))
            chosen = start
        st.session_state[key] = chosen

        def taken() -> None:
            self.write(**{name: st.session_state[key] or start})

        return chosen, {"format_func": shown, "key": key, "on_change": taken}

    def toggle(self, name: str, label: str, start: bool = False, *, place: Any = st, **more: Any) -> bool:
        """On or off."""
        return self._drawn(
            name,
            label,
            place.toggle,
            start,
            first=start,
            possible="true or false",
            spoken=lambda on: str(on).lower(),
            **more,
        )

    def text(self, name: str, label: str, start: str = "", *, place: Any = st, **more: Any) -> str:
        """A line of text to type."""
        return self._drawn(name, label, place.text_input, start, first=start, **more)

    # Whole numbers that more than one control moves: a picker, a box to type into, a link.

    def index(self, name: str, highest: int, start: int, lowest: int = 0) -> int:
        """The number called ``name`` in the address, kept within the two; ``start`` if there is none."""
        text = in_address(self.key(name), "")
        wanted = int(text) if text.isdecimal() and len(text) < 10 else start
        value = min(max(wanted, lowest), highest)
        if text and text != str(value):
            refuse(self.key(name), name.capitalize(), text, str(value), f"{lowest} to {highest}")
        return value

    def write(self, **values: object) -> None:
        """Write values into the address."""
        for name, value in values.items():
            st.query_params[self.key(name)] = str(value)

    def typed(
        self,
        name: str,
        label: str,
        low: int,
        high: int,
        value: int,
        take: Callable[[int], None] | None = None,
        *,
        place: Any = st,
    ) -> None:
        """A box to type such a number into: shows ``value`` and writes what is typed into the address.

        ``take`` gets it instead, where what is shown isn't what the address holds.
        """
        key = f"{self.key(name)}_typed"
        st.session_state[key] = value
        take = take or (lambda typed: self.write(**{name: typed}))
        place.number_input(label, low, high, key=key, on_change=lambda: take(int(st.session_state[key])))

    def _drawn(
        self,
        name: str,
        label: str,
        control: Callable[..., Any],
        *arguments: Any,
        first: Any,
        possible: str = "",
        spoken: Callable[[Any], str] | None = None,
        **more: Any,
    ) -> Any:
        """A control that is bound to the address. If it can't be what the address asks for, that is said.

        ``first`` is what it begins with.
        """
        key = self.key(name)
        texts = asked(key)
        spoken = spoken or more.get("format_func", str)
        begin_anew(key, first, spoken)
        value = control(label, *arguments, key=key, bind="query-params", persist_state="page", **more)
        check(key, label, texts, value, spoken, possible)
        return value
