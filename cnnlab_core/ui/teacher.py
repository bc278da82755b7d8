"""Who is a teacher here: whoever has entered the key that the administrator has set (``CNNLAB_TEACHER_KEY``).

The key is entered once, on the page Teaching; a signed cookie keeps it for some hours. The lab holds no key that is
entered, and without the setting nobody is a teacher.
"""

import hashlib
import hmac
import os
import re
import time
from functools import cache

import streamlit as st

from cnnlab_core.errors import InputError
from cnnlab_core.runtime.limits import TEACHER_KEY
from cnnlab_core.ui.tries import Tries

SHORTEST = 12
"""Letters of a key, at least."""
HOURS = 12
"""How long a browser is a teacher's."""
_COOKIE = "cnnlab_teacher"
_TOKEN = re.compile(r"(\d{10,12})\.([0-9a-f]{64})", re.ASCII)
_STATE = "teacher"
_LEFT = "left"

tries = Tries("key")


def teachers_key() -> str:
    """The key that is set, or "". Raises ``InputError`` for one that could be guessed."""
    key = os.environ.get(TEACHER_KEY, "").strip()
    if key and len(key) < SHORTEST:
        raise InputError(f"{TEACHER_KEY} has {len(key)} letters, too few to be safe. Set one of at least {SHORTEST}.")
    return key


def is_teacher() -> bool:
    """Whether this browser has entered the key that holds now, in the last hours."""
    entered = st.session_state.get(_STATE) or st.context.cookies.get(_COOKIE) or ""
    try:
        return bool(key := teachers_key()) and holds(entered, key, time.time())
    except InputError:
        return False


def signed_token(key: str, now: float) -> str:
    """What a teacher's browser keeps: until when, and a digest of that which only somebody with the key can make."""
    until = f"{int(now + 3600 * HOURS)}"
    return f"{until}.{hmac.new(secret(key), until.encode(), 'sha256').hexdigest()}"


def holds(token: object, key: str, now: float) -> bool:
    """Whether a token was made with this key, and isn't too old."""
    found = _TOKEN.fullmatch(token) if isinstance(token, str) else None
    if found is None:
        return False
    wanted = hmac.new(secret(key), found[1].encode(), "sha256").hexdigest()
    return hmac.compare_digest(wanted, found[2]) and now < int(found[1])


@cache
def secret(key: str) -> bytes:
    """What is signed with. Slow to make, so that a stolen cookie or a code doesn't give a short key away."""
    return hashlib.scrypt(key.encode(), salt=b"cnnlab teacher", n=2**14, r=8, p=1)


def enter(text: str) -> None:
    """Be a teacher from now on. Raises ``InputError`` for another key, and for too many of them."""
    key = teachers_key()
    right = lambda: bool(key) and hmac.compare_digest(key.encode(), text.strip().encode())  # noqa: E731
    tries.look(lambda: right() or None, "This isn't the teacher's key.")
    st.session_state[_STATE] = signed_token(key, time.time())


def leave() -> None:
    """Be a teacher no more, in this browser."""
    st.session_state[_STATE] = _LEFT


def keep_in_browser() -> None:
    """Let the browser keep, or forget, what was entered or left in this session. Draws nothing."""
    token = st.session_state.get(_STATE)
    if token is None:
        return
    value = f"{token}; max-age={3600 * HOURS}" if _TOKEN.fullmatch(token) else "; max-age=0"
    secure = '(location.protocol === "https:" ? "; Secure" : "")'
    script = f'document.cookie = "{_COOKIE}={value}; path=/; SameSite=Strict" + {secure};'
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
