"""The data set of a new run: chosen, fetched, or imported from a zip."""

from typing import Any

import streamlit as st

from cnnlab_core.data import find_data, import_pictures, list_data, open_data_steps
from cnnlab_core.data.own import SIDES
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.ui.address import refuse
from cnnlab_core.ui.classroom import classroom
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.training.choice import box_in_address

_IMPORTED = "training imported"


def choose_data() -> str:
    """The box of data sets, and what turns another one into one of them; gives the chosen one's name."""
    names = [source.name for source in list_data()]
    usual = "shapes" if find_data("cifar10").megabytes else "cifar10"
    name = st.query_params.get("data", usual)
    if name not in names:
        refuse("data_choice", SETTINGS["data"].label, name, _title(usual), kept=usual)
        name = usual
    box_in_address(SETTINGS["data"].label, "data", names, name, _title)
    with st.popover("Use your own pictures", icon=":material/folder_zip:", key="training_own"):
        _import()
    if imported := st.session_state.pop(_IMPORTED, ""):
        st.success(plain(imported), icon=":material/check_circle:")
    if name == "digits":
        st.caption("A mirrored digit is seldom a digit, so leave mirroring off.")
    _offer_to_fetch(name)
    return name


def _title(name: str) -> str:
    source = find_data(name)
    more = f" ({source.megabytes:.0f} MB to fetch)" if source.megabytes else ""
    own = " (your own)" if name.startswith("own:") else ""
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


def _import() -> None:
    """A zip of class folders becomes a data set that everybody in the lab can use."""
    st.markdown(
        "A zip in which each class is a folder of pictures: `cats/…`, `dogs/…`. A sixth is kept for the test, unless "
        "there are folders `train` and `test`. Oxford-IIIT Pet can stay as it is downloaded: `images/Breed_12.jpg` and "
        "the lists in `annotations`. Everybody who uses this lab will see the data set."
    )
    file = st.file_uploader("Zip file", key="training_zip", max_upload_size=classroom().upload_mb)
    name = st.text_input("Name of the data set", key="training_zip_name", max_chars=40, placeholder="leaves")
    side = st.slider(
        "Pixels wide and high",
        *SIDES,
        32,
        8,
        key="training_zip_side",
        help="Small pictures train fast. For transfer learning, bring the zip on that page, which keeps their size.",
    )
    if not (file and name):
        return
    content = file.getvalue()
    outcome = run(
        "import data",
        digest("import", content, name, side),
        lambda: _imported(content, name, side),
        label="Reading the pictures",
        start="Import",
        keep=False,
    )
    if outcome.state == "done":
        st.session_state[_IMPORTED] = outcome.result
        st.query_params["data"] = f"own:{name}"
        st.rerun()


def _imported(content: bytes, name: str, side: int) -> Any:
    return (yield from import_pictures(content, name, side=side)).summary
