"""The tabs of a page: which one is open, and the settings that they share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnnlab_core.ui.address import asked, check
from cnnlab_core.ui.show import sentences


@dataclass(frozen=True)
class Tab:
    """A tab: its ``title``, which is also what the address says, and what draws it, ``show``.

    ``show`` gets what the page's choosers gave; a tab that ``stands_alone`` needs nothing of it and gets nothing.
    ``formerly`` are titles that the tab had: old links still open it.
    """

    title: str
    show: Callable[..., None]
    stands_alone: bool = False
    formerly: tuple[str, ...] = ()


def show_tabs(
    key: str,
    tabs: Sequence[Tab],
    choose: Callable[[], Any] | None = None,
    *,
    aside: str = "",
    first: str | None = None,
) -> None:
    """Draw the open one of the ``tabs`` below what they share; ``key`` is that of the row of tabs, in the address too.

    ``choose`` draws the shared settings and gives what the tabs look at; None, with its reason on the page, if there is
    nothing to look at. Above a tab that stands alone they are folded away under ``aside``: a control that isn't drawn
    at all would leave the address. Without ``aside`` they are left out there; without ``choose`` every tab stands
    alone. ``first`` is the title of the tab that the page opens with, if that isn't the first of them.
    """
    _follow_old_link(key, tabs)
    settings = st.container()
    titles, texts = [tab.title for tab in tabs], asked(key)
    for place, tab in zip(st.tabs(titles, default=first, key=key, bind="query-params"), tabs, strict=True):
        if not place.open:
            continue
        check(key, "the tab", texts, tab.title)
        if choose is None or tab.stands_alone:
            with place, sentences():
                tab.show()
            if choose and aside:
                with settings.expander(aside), sentences():
                    choose()
        else:
            with settings, sentences():
                chosen = choose()
                if chosen is not None:
                    with place, sentences():
                        tab.show(chosen)


def _follow_old_link(key: str, tabs: Sequence[Tab]) -> None:
    """Run again with the present title in the address: Streamlit opens the tab that it said when the run began.

    Once the tabs are drawn, the address is theirs and can't be set.
    """
    wanted = st.query_params.get(key)
    for tab in tabs:
        if wanted in tab.formerly and key not in st.session_state:
            st.query_params[key] = tab.title
            st.rerun()
