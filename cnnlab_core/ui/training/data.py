"""The data set of a new run: chosen, fetched, imported from a zip; or a text, chosen or brought along."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from cnnlab_core.data import find_data, import_pictures_steps, import_text, list_data, list_texts, open_data_steps
from cnnlab_core.data.own import SIDES, own_path
from cnnlab_core.data.text import FEWEST_CHARACTERS, text_path
from cnnlab_core.runtime.files import can_write, data_folder
from cnnlab_core.runtime.limits import TEXT_MB
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.settings import Kind
from cnnlab_core.ui.address import in_address, refuse
from cnnlab_core.ui.controls import lasting
from cnnlab_core.ui.own_things import imported, list_own
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.training.choice import box_in_address
from cnnlab_core.ui.uploads import READ_ONLY, bring_file
from cnnlab_core.ui.visitor import visitor

_IMPORTED = "training imported"
MOST_PASTED = 200_000
"""Characters of a text that is pasted; a file can be longer."""


def choose_data(kind: Kind) -> str:
    """The box of data sets, and what turns another one into one of them; gives the chosen one's name."""
    names = [source.name for source in (list_texts() if kind == "text" else list_data())]
    usual = "names" if kind == "text" else "shapes" if find_data("cifar10").megabytes else "cifar10"
    name = in_address("data", usual)
    if name not in names:
        refuse("data_choice", SETTINGS["data"].label, name, _title(usual), kept=usual)
        name = usual
    box_in_address(SETTINGS["data"].label, "data", names, name, _title)
    words, icon, bring = _OWN[kind]
    with st.popover(words, icon=icon, key="training_own"):
        if can_write(data_folder()):
            bring()
        else:
            st.info(READ_ONLY, icon=":material/lock:")
    if summary := st.session_state.pop(_IMPORTED, ""):
        st.success(plain(summary), icon=":material/check_circle:")
    if name == "digits":
        st.caption("A mirrored digit is seldom a digit, so leave mirroring off.")
    _offer_to_fetch(name)
    return name


def _title(name: str) -> str:
    source = find_data(name)
    more = f" ({source.megabytes:.0f} MB to fetch)" if source.megabytes else ""
    own = " (your own)" if name.startswith(("own:", "text:")) else ""
    return f"{source.title}{own}{more}"


def _offer_to_fetch(name: str) -> None:
    source = find_data(name)
    if not source.megabytes:
        return
    size = f"{source.megabytes:.0f} MB"
    st.caption(f"Not on this machine yet. The run fetches {size} before it begins, or you fetch it now:")
    outcome = run(
        "fetch data",
        name,
        lambda: _fetched(name),
        label=f"Fetching {source.title}",
        start=f"Fetch {size}",
        computes=False,
        keep=False,
    )
    if outcome.state == "done":
        st.rerun()


def _fetched(name: str) -> Any:
    """Fetch a data set and let go of it again."""
    yield from open_data_steps(name)
    return True


def _bring_pictures() -> None:
    """A zip of class folders becomes a data set that everybody in the lab can use."""
    st.markdown(
        "A zip in which each class is a folder of pictures: `cats/…`, `dogs/…`. A sixth is kept for the test, unless "
        "there are folders `train` and `test`. Oxford-IIIT Pet can stay as it is downloaded: `images/Breed_12.jpg` and "
        "the lists in `annotations`. Everybody who uses this lab will see the data set."
    )
    file = bring_file("Zip file", key="training_zip")
    name = st.text_input("Name of the data set", **lasting("training_zip_name"), max_chars=40, placeholder="leaves")
    side = st.slider(
        "Pixels wide and high",
        *SIDES,
        32,
        8,
        **lasting("training_zip_side"),
        help="Small pictures train fast. For transfer learning, bring the zip on that page, which keeps their size.",
    )
    if file and name:
        content = file.getvalue()
        importing = lambda: import_pictures_steps(content, name, side=side)  # noqa: E731
        _import(f"own:{name}", (content, side), importing, own_path, "the pictures")
    list_own("pictures")


def _bring_text() -> None:
    """A file or a pasted text becomes a text that everybody in the lab can learn from."""
    st.markdown(
        f"Any script, {FEWEST_CHARACTERS} characters or more, up to {TEXT_MB.now()} MB: poems, recipes, "
        "names of towns, code. The last tenth is kept for the test. Everybody who uses this lab will see the text."
    )
    file = bring_file("Text file", key="text_file")
    pasted = st.text_area("Or paste it here", **lasting("text_pasted"), max_chars=MOST_PASTED, height=120)
    name = st.text_input("Name of the text", **lasting("text_file_name"), max_chars=40, placeholder="poems")
    source = file.getvalue() if file else pasted
    if source and name:
        _import(f"text:{name}", (source,), lambda: once(lambda: import_text(source, name)), text_path, "the text")
    list_own("text")


def _import(
    data: str, key: tuple[object, ...], make: Callable[[], Any], path: Callable[[str], Path], what: str
) -> None:
    """Import data as ``data`` when the button is pressed, and choose them."""
    owner = visitor()
    outcome = run(
        "import data",
        digest("import", data, *key),
        lambda: imported(make(), path(data.partition(":")[2]), owner),
        label=f"Reading {what}",
        start="Import",
        keep=False,
    )
    if outcome.state == "done":
        st.session_state[_IMPORTED] = outcome.result
        st.query_params["data"] = data
        st.rerun()


_OWN: dict[Kind, tuple[str, str, Callable[[], None]]] = {
    "pictures": ("Use your own pictures", ":material/folder_zip:", _bring_pictures),
    "text": ("Use your own text", ":material/upload_file:", _bring_text),
}
