"""The one way to draw a control that a link remembers.

A control's key is its page's prefix and its own name, as ``adversarial_eps``. It is bound to the address under that
key, so that a link opens what it says; and it keeps its value while it isn't drawn, because another tab is open, until
the page is left. (Streamlit puts an option into the address as it is shown: texts of options must not change.)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from cnnlab_core.ui.show import plain

Option = TypeVar("Option")
Number = TypeVar("Number", int, float)


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
        shown = place.slider(label, low, high, start, step, **self._bound(name), **more)
        return min(max(shown, low), high)

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
        return place.number_input(label, low, high, start, step, **self._bound(name), **more)

    def stops(
        self, name: str, label: str, options: Sequence[Option], start: Option, *, place: Any = st, **more: Any
    ) -> Option:
        """A slider that stops at the ``options`` only."""
        return place.select_slider(label, options, start, **self._bound(name), **more)

    def scale(
        self, name: str, label: str, stops: Sequence[float], start: float, *, place: Any = st, **more: Any
    ) -> float:
        """A slider over the ``stops``, unevenly spaced numbers; one that a link has between them becomes a stop too."""
        written: dict[float, str] = st.session_state.setdefault(f"{self.key(name)} from links", {})
        text = st.query_params.get(self.key(name), "")
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
        chosen = place.segmented_control(label, options, default=start, required=True, **self._bound(name), **more)
        return start if chosen is None else chosen

    def one_of_named(
        self, name: str, label: str, names: Mapping[str, str], start: str, *, place: Any = st, **more: Any
    ) -> str:
        """The same for options that are called one thing in the address and another on the screen: ``names``."""
        chosen, unbound = self._named(name, list(names), start, names.__getitem__, place)
        place.segmented_control(label, list(names), required=True, **unbound, **more)
        return chosen

    def some_of(
        self, name: str, label: str, options: Sequence[Option], start: Sequence[Option], *, place: Any = st, **more: Any
    ) -> list[Option]:
        """Options of which any number is chosen."""
        return place.pills(label, options, selection_mode="multi", default=list(start), **self._bound(name), **more)

    def select(
        self, name: str, label: str, options: Sequence[Option], start: Option, *, place: Any = st, **more: Any
    ) -> Option:
        """A box of options to search."""
        return place.selectbox(label, options, index=options.index(start), **self._bound(name), **more)

    def several(
        self, name: str, label: str, options: Sequence[Option], start: Sequence[Option], *, place: Any = st, **more: Any
    ) -> list[Option]:
        """A box from which any number of options is taken, none too."""
        return place.multiselect(label, options, default=start, **self._bound(name), **more)

    def search(
        self, name: str, label: str, options: Sequence[Option], placeholder: str, *, place: Any = st, **more: Any
    ) -> Option | None:
        """A box of many options to search, none of which is chosen at first."""
        return place.selectbox(label, options, index=None, placeholder=placeholder, **self._bound(name), **more)

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
        chosen, unbound = self._named(name, options, start, shown, place)
        place.selectbox(label, options, help=tooltip(chosen) if tooltip else None, **unbound, **more)
        return chosen

    def _named(
        self, name: str, options: Sequence[str], start: str, shown: Callable[[str], str], place: Any
    ) -> tuple[str, dict[str, Any]]:
        """The chosen one of options that have another name on the screen than in the address; its control's arguments.

        Streamlit would put what is shown into the address, so such a control isn't bound: it is read and written here.
        """
        key = self.key(name)
        chosen = st.query_params.get(key, start)
        if chosen not in options:
            place.caption(f"There is no “{plain(chosen[:60])}” here, so {plain(shown(start))} was chosen.")
            chosen = start
        st.session_state[key] = chosen

        def taken() -> None:
            self.write(**{name: st.session_state[key] or start})

        return chosen, {"format_func": shown, "key": key, "on_change": taken}

    def toggle(self, name: str, label: str, start: bool = False, *, place: Any = st, **more: Any) -> bool:
        """On or off."""
        return place.toggle(label, start, **self._bound(name), **more)

    def text(self, name: str, label: str, start: str = "", *, place: Any = st, **more: Any) -> str:
        """A line of text to type."""
        return place.text_input(label, start, **self._bound(name), **more)

    # Whole numbers that more than one control moves: a picker, a box to type into, a link.

    def index(self, name: str, highest: int, start: int) -> int:
        """The number called ``name`` in the address, kept within 0 to ``highest``; ``start`` if there is none."""
        text = st.query_params.get(self.key(name), "")
        return min(int(text), highest) if text.isdecimal() and len(text) < 10 else min(start, highest)

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

    def _bound(self, name: str) -> dict[str, Any]:
        return {"key": self.key(name), "bind": "query-params", "persist_state": "page"}
