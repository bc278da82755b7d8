"""The one way to draw a control that a link remembers.

A control's key is its page's prefix and its own name, as ``adversarial_eps``. It is bound to the address under that
key, so that a link opens what it says; and it keeps its value while it isn't drawn, because another tab is open, until
the page is left. (Streamlit puts an option into the address as it is shown: texts of options must not change.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

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
        """The same for options that are called one thing in the address and another on the screen: ``names``.

        Streamlit would put what is shown into the address, so this one isn't bound: it is read and written here.
        """
        key = self.key(name)
        wanted = st.query_params.get(key, start)
        st.session_state[key] = chosen = wanted if wanted in names else start

        def taken() -> None:
            st.query_params[key] = st.session_state[key] or start

        place.segmented_control(
            label, list(names), format_func=lambda one: names[one], key=key, required=True, on_change=taken, **more
        )
        return chosen

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

    def toggle(self, name: str, label: str, start: bool = False, *, place: Any = st, **more: Any) -> bool:
        """On or off."""
        return place.toggle(label, start, **self._bound(name), **more)

    def text(self, name: str, label: str, start: str = "", *, place: Any = st, **more: Any) -> str:
        """A line of text to type."""
        return place.text_input(label, start, **self._bound(name), **more)

    def _bound(self, name: str) -> dict[str, Any]:
        return {"key": self.key(name), "bind": "query-params", "persist_state": "page"}
