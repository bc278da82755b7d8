"""Who a visitor is: a random number in a cookie, so that a run still belongs to its visitor after a refresh.

The cookie is read from the connection's headers. A browser without one makes one (``assets/visitor``) on whatever page
is opened first, and reports it where runs are; where cookies are refused, a visitor is known for as long as the session
lasts.
"""

import hashlib
import re

import streamlit as st

from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.training.codes import code_of

_COOKIE = "cnnlab_visitor"
_NUMBER = re.compile(r"[0-9a-f]{32}")
_KEY = "visitor"

_number = read_asset("visitor", "number.js")
_component = st.components.v2.component("cnnlab_visitor", js=_number + read_asset("visitor", "visitor.js"))


def visitor() -> str:
    """This browser's name: a digest, so that nobody who reads a run's files can pass for its owner."""
    return _digest(_own_number())


def own_code() -> str:
    """The short code that stands for this browser's visitor."""
    return code_of(_own_number())


def browser() -> str:
    """The same by the cookie alone: "" in a browser that came without one."""
    return _digest(_from_cookie())


def begin_cookie() -> str:
    """The script with which a browser that came without a cookie makes one, for all connections after this."""
    return "" if _from_cookie() else f"<script>{{ {_number} visitorsNumber(); }}</script>"


def introduce() -> None:
    """Ask a browser without a number to make one. Draws nothing."""
    if not _from_cookie():
        _component(key=_KEY, on_number_change=lambda: None)


def _from_cookie() -> str:
    return _checked(st.context.cookies.get(_COOKIE))


def _from_component() -> str:
    return _checked((st.session_state.get(_KEY) or {}).get("number"))


def _own_number() -> str:
    context = st.runtime.scriptrunner.get_script_run_ctx()
    return _from_cookie() or _from_component() or (context.session_id if context else "")


def _digest(number: str) -> str:
    return hashlib.sha256(f"cnnlab {number}".encode()).hexdigest()[:32] if number else ""


def _checked(number: object) -> str:
    return number if isinstance(number, str) and _NUMBER.fullmatch(number) else ""
