"""The end of a view, folded away: its pictures and numbers as files, the link to it, and its code."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from cnnlab_core.ui.lesson import offer_lesson
from cnnlab_core.ui.show import show_code, show_link


@dataclass(frozen=True)
class File:
    """A file to download: its ``content``, or a function that makes it at the click."""

    label: str
    content: str | bytes | Callable[[], str | bytes]
    name: str
    mime: str


def take_away(code: str, *files: File) -> None:
    """The expander at the end of a view."""
    with st.expander("Take it away: files, link, code", icon=":material/download:"):
        with st.container(horizontal=True):
            for file in files:
                st.download_button(
                    file.label,
                    file.content,
                    file.name,
                    file.mime,
                    key=f"download {file.name}",
                    icon=":material/download:",
                    on_click="ignore",
                )
        show_link()
        offer_lesson()
        show_code(code)
