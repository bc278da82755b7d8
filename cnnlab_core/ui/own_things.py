"""What this browser's visitor has made and may delete, and the room for something new."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import streamlit as st

from cnnlab_core.errors import DataError
from cnnlab_core.runtime.files import sign
from cnnlab_core.runtime.limits import VISITOR_MB
from cnnlab_core.training.codes import redeem
from cnnlab_core.training.storage import Kind, in_words, make_room, things
from cnnlab_core.ui.show import plain, sentences
from cnnlab_core.ui.tries import Tries
from cnnlab_core.ui.visitor import own_code, visitor

_tries = Tries("code")


def list_own(kind: Kind) -> None:
    """One's own things of a kind, each with a button that deletes it; nothing for who has none."""
    mine = [thing for thing in things() if thing.kind == kind and thing.owner == visitor()]
    if mine:
        st.markdown("**Yours**")
    for thing in mine:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{plain(thing.title)}, {thing.bytes / 1e6:.1f} MB")
            key = f"own_delete_{kind}_{thing.name}"
            if st.button("Delete", key=key, icon=":material/delete:", type="tertiary", disabled=thing.busy):
                with sentences():
                    thing.delete()
                    st.rerun()


def enter_code(name: str, what: str, button: str) -> None:
    """This browser's own code, and the box for one from another; ``name`` tells several boxes apart."""
    st.markdown(f"The code of this browser: **{own_code()}**. With it, another browser gets {what}.")
    with st.form(f"{name}_code_form", border=False, clear_on_submit=True):
        code = st.text_input("Code", key=f"{name}_code", max_chars=20, placeholder="ABCDE-FGHIJ")
        pressed = st.form_submit_button(button)
    if pressed:
        with sentences():
            count = _tries.look(lambda: redeem(code, visitor()), "No runs are kept under this code, nor anything else.")
            st.success(f"{count} things are yours again: runs, networks, data sets and texts.")


def imported(importing: Generator[Any, None, Any], main: Path, owner: str) -> Generator[Any, None, str]:
    """An import as a job that makes room, before and for what came, and keeps whose ``main`` is.

    Gives what is to be said of it. Raises ``DataError`` for more than a visitor may keep.
    """
    gone = make_room(owner)
    made = yield from importing
    sign(main, owner)
    gone += make_room(owner)
    if not main.exists():
        raise DataError(
            f"“{made.title}” is larger than what a visitor may keep here ({VISITOR_MB.now():,} MB), so it isn't kept. "
            "Bring a part of it."
        )
    return " ".join(filter(None, [made.summary, in_words(gone)]))
