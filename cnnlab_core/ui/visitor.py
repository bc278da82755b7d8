"""Who a visitor is: a random number in a cookie, so that a run still belongs to its visitor after a refresh.

The cookie is read from the connection's headers. To a browser that comes without one the lab gives a number, by which
it is known from then on, and which it keeps as its cookie (``assets/visitor``) from the first page on. One that has had
a cookie meanwhile, from another tab, reports that where runs are; where cookies are refused, a visitor is known for as
long as the session lasts.
"""

import hashlib
import re
import secrets

import streamlit as st

from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.training.codes import code_of

_COOKIE = "cnnlab_visitor"
_NUMBER = re.compile(r"[0-9a-f]{32}")
_KEY = "visitor"
_GIVEN = "visitors number"

_number = read_asset("visitor", "number.js")
_component = st.components.v2.component("cnnlab_visitor", js=_number + read_asset("visitor", "visitor.js"))


def visitor() -> str:
    """This browser's name: a digest, so that nobody who reads a run's files can pass for its owner."""
    return hashlib.sha256(f"cnnlab {_own_number()}".encode()).hexdigest()[:32]


def own_code() -> str:
    """The short code that stands for this browser's visitor."""
    return code_of(_own_number())


def begin_cookie() -> str:
    """The script with which a browser that came without a cookie keeps its number, for all connections after this."""
    return "" if _from_cookie() else f'<script>{{ {_number} visitorsNumber("{_given()}"); }}</script>'


def introduce() -> None:
    """Ask a browser that came without a cookie for its number. Draws nothing."""
    if not _from_cookie():
        _component(key=_KEY, data=_given(), on_number_change=lambda: None)


def _from_cookie() -> str:
    return _checked(st.context.cookies.get(_COOKIE))


def _from_component() -> str:
    return _checked((st.session_state.get(_KEY) or {}).get("number"))


def _given() -> str:
    """The number that the lab has given to a browser that came without one."""
    return st.session_state.setdefault(_GIVEN, secrets.token_hex(16))


def _own_number() -> str:
    return _from_cookie() or _from_component() or _given()


def _checked(number: object) -> str:
    return number if isinstance(number, str) and _NUMBER.fullmatch(number) else ""
