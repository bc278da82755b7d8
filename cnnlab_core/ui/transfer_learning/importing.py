"""Importing a collection: a zip with a folder of pictures for each class."""

import re
from pathlib import PurePath

import streamlit as st

from cnnlab_core.data import import_pictures_steps
from cnnlab_core.data.own import own_path
from cnnlab_core.runtime.files import can_write, data_folder
from cnnlab_core.ui.controls import held
from cnnlab_core.ui.own_things import imported, list_own
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.uploads import READ_ONLY, bring_file
from cnnlab_core.ui.visitor import visitor

_IMPORTED = "transfer imported"


def import_own() -> None:
    """The popover with the upload. An imported collection is there for everybody on this server."""
    if summary := st.session_state.pop(_IMPORTED, ""):
        st.toast(plain(summary), icon=":material/check_circle:", duration="long")
    with st.popover("Use your own", icon=":material/folder_zip:", width="stretch", key="transfer_own"):
        if not can_write(data_folder()):
            st.info(READ_ONLY, icon=":material/lock:")
            return
        file = bring_file("A zip with a folder for each class", type="zip", key="transfer_zip")
        st.caption(
            "At least two classes with six pictures each. Oxford-IIIT Pet can stay as it is downloaded: "
            "`images/Breed_12.jpg` and the lists in `annotations`. Everybody on this server can then use your pictures."
        )
        list_own("pictures")
        if file is None:
            return
        name = st.text_input("Name", _name_from(file.name), max_chars=40, key=held("transfer_name"))
        content, owner = file.getvalue(), visitor()
        outcome = run(
            "transfer import",
            digest("transfer import", content, name),
            lambda: imported(import_pictures_steps(content, name), own_path(name), owner),
            label="Reading the pictures",
            start="Import",
            keep=False,
        )
        if outcome.result:
            st.session_state[_IMPORTED] = outcome.result
            st.rerun()


def _name_from(file: str) -> str:
    """A collection's name, made from that of the file."""
    return re.sub(r"[^a-z0-9_-]+", "-", PurePath(file).stem.lower()).strip("-_")[:40] or "pictures"
