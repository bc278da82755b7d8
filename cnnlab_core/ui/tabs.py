"""The tabs of a page, with views inside: which one is open, and the settings that they share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnnlab_core.ui.address import asked, check, name_view, whole_address
from cnnlab_core.ui.contents import find_page
from cnnlab_core.ui.controls import Controls, begin_anew
from cnnlab_core.ui.show import sentences

SUBJECT = ("part_picture", "part_network")
"""The keys of the sidebar's choosers."""


@dataclass(frozen=True)
class Tab:
    """A tab, or a view inside one: its ``title``, which is also what the address says, and what draws it, ``show``.

    ``show`` gets what the page's choosers gave; one that ``stands_alone`` needs nothing of it and gets nothing.
    ``without`` are the keys of those shared controls that it makes no use of: they aren't seen beside it.
    ``formerly`` are titles that it had: old links still open it.
    """

    title: str
    show: Callable[..., None]
    stands_alone: bool = False
    without: tuple[str, ...] = ()
    formerly: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """A tab with several ``views``, one of which is open: the ``first``, or else the first of them.

    The key of the row to choose from ends with ``name``. A link that has a view's title for the tab opens that view.
    """

    title: str
    name: str
    views: tuple[Tab, ...]
    first: str = ""

    def choose(self, key: str) -> Tab:
        """The row of views; gives the open one."""
        views = {view.title: view for view in self.views}
        first = self.first or self.views[0].title
        with st.container(key=f"views_{self.name}"):
            return views[
                Controls(key).one_of(
                    self.name, self.title, list(views), first, label_visibility="collapsed", width="content"
                )
            ]


def show_tabs(
    key: str,
    tabs: Sequence[Tab | Chapter],
    choose: Callable[[], Any] | None = None,
    *,
    moved: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Draw the open one of the ``tabs`` below what they share; ``key`` is that of the row of tabs, in the address too.

    ``choose`` draws the shared settings and gives what the tabs look at; None, with its reason on the page, if there is
    nothing to look at. What a tab doesn't use of them is drawn unseen, since a control that isn't drawn leaves the
    address. Without ``choose`` every tab stands alone. ``moved`` are titles of tabs that are on other pages now, by the
    page: old links lead there.
    """
    _follow_old_link(key, tabs, moved or {})
    settings = st.container(key="settings")
    titles, texts = [tab.title for tab in tabs], asked(key)
    begin_anew(key, titles[0])
    for place, tab in zip(st.tabs(titles, key=key, bind="query-params"), tabs, strict=True):
        if place.open:
            check(key, "the tab", texts, tab.title)
            with place, sentences():
                view = tab.choose(key) if isinstance(tab, Chapter) else tab
                name_view(view.title)
                _show(view, settings, choose)


def _show(view: Tab, settings: Any, choose: Callable[[], Any] | None) -> None:
    if choose is None:
        view.show()
        return
    unseen = ("settings", *SUBJECT) if view.stands_alone else view.without
    if unseen:
        st.html(f"<style>{', '.join(map(_selector, unseen))} {{ display: none; }}</style>")
    if view.stands_alone:
        view.show()
        with settings, sentences():
            choose()
        return
    chosen = None
    with settings, sentences():
        chosen = choose()
    if chosen is not None:
        view.show(chosen)


def _selector(key: str) -> str:
    """What has the key, and the column that it stands in alone."""
    own = f".st-key-{key}"
    return f"{own}, [data-testid=stColumn]:has(> * > {own}:only-child, > * > :only-child > {own})"


def todays(key: str, title: str, tabs: Sequence[Tab | Chapter]) -> dict[str, str]:
    """What the address says today for a tab that was called ``title``; nothing if it says so still, or never did."""
    if any(tab.title == title for tab in tabs):
        return {}
    for tab in tabs:
        for view in tab.views if isinstance(tab, Chapter) else (tab,):
            if title in (view.title, *view.formerly):
                inside = {f"{key}_{tab.name}": view.title} if isinstance(tab, Chapter) else {}
                return {key: tab.title, **inside}
    return {}


def _follow_old_link(key: str, tabs: Sequence[Tab | Chapter], moved: Mapping[str, Sequence[str]]) -> None:
    """Run again with what the address says today: Streamlit opens the tab that it said when the run began.

    Once the tabs are drawn, the address is theirs and can't be set.
    """
    wanted = st.query_params.get(key)
    if key in st.session_state:
        return
    if wanted is None:
        named = [tab for tab in tabs if isinstance(tab, Chapter) and f"{key}_{tab.name}" in st.query_params]
        if named and named[0] != tabs[0]:  # a view, without the chapter that it stands in
            st.query_params[key] = named[0].title
            st.rerun()
        return
    for page, titles in moved.items():
        if wanted in titles:
            st.switch_page(find_page(page).file, query_params=whole_address())
    if now := todays(key, wanted, tabs):
        st.query_params.update(now)
        st.rerun()
