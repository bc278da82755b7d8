"""What can be taken away from a tab: its pictures and numbers, a link to it, and the Python behind it."""

from collections.abc import Callable, Mapping

import streamlit as st

from cnnlab_core.ui.show import show_code, show_link

File = tuple[str, str, str]
"""What the button says, the file's name, its type."""


def take_away(code: str, files: Mapping[File, Callable[[], bytes]]) -> None:
    """The last thing in a tab. The files are made when somebody asks for them."""
    with st.expander("Take it away"):
        with st.container(horizontal=True):
            for (label, name, kind), make in files.items():
                st.download_button(
                    label, make, name, kind, key=f"download {name}", icon=":material/download:", on_click="ignore"
                )
        show_link()
        show_code(code)
