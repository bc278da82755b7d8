"""The end of a view, folded away: its pictures and numbers as files, the link to it, and its code."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from cnnlab_core.plots.paper import MIME, Format
from cnnlab_core.ui.lesson import offer_lesson
from cnnlab_core.ui.show import folded, show_code, show_link


@dataclass(frozen=True)
class File:
    """A file to download: its ``content``, or a function that makes it at the click."""

    label: str
    content: str | bytes | Callable[[], str | bytes]
    name: str
    mime: str


def offer(*files: File, place: str = "download", **more: Any) -> None:
    """A button for each file; ``place`` tells those of one name on a page apart."""
    for file in files:
        st.download_button(
            file.label, file.content, file.name, file.mime, key=f"{place} {file.name}", on_click="ignore", **more
        )


def paper_files(make: Callable[[Format], bytes], name: str, label: str = "Figure ({})") -> list[File]:
    """A figure as PNG, SVG and PDF, made at the click; ``label`` with the kind in it is what the buttons say."""
    return [
        File(label.format(kind.upper()), partial(make, kind), f"cnnlab_{name}.{kind}", mime)
        for kind, mime in MIME.items()
    ]


def take_away(code: str, *files: File) -> None:
    """What stands folded at the end of a view."""
    with folded("Take it away: files, link, code", ":material/download:"):
        with st.container(horizontal=True):
            offer(*files, icon=":material/download:")
        show_link()
        offer_lesson()
        show_code(code)
