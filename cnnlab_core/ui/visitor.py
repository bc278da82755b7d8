"""Who a visitor is: a random number in a cookie, so that a run still belongs to its visitor after a refresh.

The cookie is read from the connection's headers. A browser without one makes one (``assets/visitor``) and reports it;
where cookies are refused, a visitor is known for as long as the session lasts.
"""

import hashlib
import re

import streamlit as st

from cnnlab_core.runtime.assets import read_asset

_COOKIE = "cnnlab_visitor"
_NUMBER = re.compile(r"[0-9a-f]{32}")
_KEY = "visitor"

_component = st.components.v2.component("cnnlab_visitor", js=read_asset("visitor", "visitor.js"))


def visitor() -> str:
    """This browser's name: a digest, so that nobody who reads a run's files can pass for its owner."""
    context = st.runtime.scriptrunner.get_script_run_ctx()
    number = _from_cookie() or _from_component() or (context.session_id if context else "")
    return hashlib.sha256(f"cnnlab {number}".encode()).hexdigest()[:32] if number else ""


def introduce() -> None:
    """Ask a browser without a number to make one. Draws nothing."""
    if not _from_cookie():
        _component(key=_KEY, on_number_change=lambda: None)


def _from_cookie() -> str:
    return _checked(st.context.cookies.get(_COOKIE))


def _from_component() -> str:
    return _checked((st.session_state.get(_KEY) or {}).get("number"))


def _checked(number: object) -> str:
    return number if isinstance(number, str) and _NUMBER.fullmatch(number) else ""
