"""The end of a view, folded away: its pictures and numbers as files, the link to it, and its code."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import streamlit as st

from cnnlab_core.plots.paper import MIME, Format
from cnnlab_core.recipes.notebook import notebook
from cnnlab_core.ui.address import view_title
from cnnlab_core.ui.lesson import offer_lesson
from cnnlab_core.ui.mine import my_code
from cnnlab_core.ui.show import folded


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


def show_code(code: str, *, about: str = "The same numbers in a notebook") -> None:
    """The Python that reproduces what is on the page, to read and as a notebook; ``about`` tells several apart."""
    title, code = view_title(), my_code(code)
    name = "_".join(["cnnlab", *re.findall(r"\w+", title.lower())]) + ".ipynb"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{about}**", width="content")
        made = partial(notebook, title, code, _link())
        file = File("As a notebook (.ipynb)", made, name, "application/x-ipynb+json")
        offer(file, place=f"notebook {about}", icon=":material/download:")
    st.code(code, language="python")


def show_link() -> None:
    """The address of exactly this view, to copy."""
    st.markdown("**A link to this view**")
    st.code(_link(), language=None)


def _link() -> str:
    values = [(key, value) for key in sorted(st.query_params) for value in st.query_params.get_all(key)]
    query = "&".join(f"{quote(key)}={quote(value, safe='')}" for key, value in values)
    address = (st.context.url or "").split("?")[0]
    return f"{address}?{query}" if query else address
