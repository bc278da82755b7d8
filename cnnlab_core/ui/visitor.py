"""Who a browser is: a random number in a cookie, so that a run stays its visitor's after a refresh.

The cookie is read from the connection's headers. A browser that has none yet makes one (``assets/visitor``) and says
which; where cookies are refused, a visitor is known for as long as the session lasts.
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
    """What this browser is called: a digest, so that whoever reads a run's files can't pass for its owner."""
    context = st.runtime.scriptrunner.get_script_run_ctx()
    number = _from_cookie() or _from_component() or (context.session_id if context else "")
    return hashlib.sha256(f"cnnlab {number}".encode()).hexdigest()[:32] if number else ""


def introduce() -> None:
    """Ask a browser without a number to make one. Draws nothing that is seen."""
    if not _from_cookie():
        _component(key=_KEY, on_number_change=lambda: None)


def _from_cookie() -> str:
    return _checked(st.context.cookies.get(_COOKIE))


def _from_component() -> str:
    return _checked((st.session_state.get(_KEY) or {}).get("number"))


def _checked(number: object) -> str:
    return number if isinstance(number, str) and _NUMBER.fullmatch(number) else ""
