"""Small pieces that every page uses: safe text, errors as sentences, pictures as addresses."""

import base64
import html
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.thread_safe_set import ThreadSafeSet

from cnnlab_core.errors import LabError

# What markdown turns into a link, even if it is escaped.
_LINK = re.compile(r"https?://|www\.|[-.\w+]@[-\w]+\.", re.IGNORECASE)
_FOLDERS = ("CNNLAB_RUNS", "CNNLAB_DATA", "CNNLAB_CACHE", "CNNLAB_WEIGHTS")
_PATH = re.compile(r"(?<![\w:/.])(?:/|[A-Za-z]:\\)(?:[^\s/\\“”]+[/\\])+(?=[^\s/\\“”])")
"""A file's absolute path as far as its name, and no address of the web."""


def plain(text: str) -> str:
    """Text for markdown that is shown as it is: names and labels must not become links, formulas or pictures.

    Addresses are set as code, so that they can be copied and can't be clicked.
    """
    return " ".join(_code(word) if _LINK.search(word) else _escaped(word) for word in text.split())


def _escaped(word: str) -> str:
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", word)


def _code(word: str) -> str:
    fence = "`" * (1 + max(map(len, re.findall("`+", word)), default=0))
    return f"{fence} {word} {fence}" if "`" in word else f"{fence}{word}{fence}"


@contextmanager
def sentences() -> Iterator[None]:
    """Show a ``LabError`` raised in the body as its sentence, in the body's place; the rest of the page goes on."""
    try:
        yield
    except LabError as error:
        show_problem(error)


def show_problem(error: LabError | str) -> None:
    """A problem, as text."""
    st.error(plain(without_paths(str(error))), icon=":material/error:")


def without_paths(text: str) -> str:
    """A sentence for everybody: of the server's folders only the setting that names them, of others' files the name."""
    for name in _FOLDERS:
        if folder := os.environ.get(name):
            text = text.replace(str(Path(folder).expanduser().absolute()), name)
    return _PATH.sub("", text)


def main_picture() -> DeltaGenerator:
    """The place of what a page is looked at for: whole on the first screen, and filled at every moment."""
    return st.container(key="main_picture")


def later(where: Any = st) -> DeltaGenerator:
    """A place that a job paints into, as an ``st.empty``, which keeps what it showed before until then.

    An ``st.empty`` itself clears its place at once, and the browser may draw that even if it is filled in the next
    line. It can't be had without that message, so this is what it gives, made by hand: a place in its container.
    """
    slot = where.container(gap=None)
    return DeltaGenerator(root_container=slot._root_container, cursor=slot._cursor.lock_element(), parent=slot)


@contextmanager
def repainted() -> Iterator[None]:
    """What a job paints in here may be painted again in the same run of the page, under the same key.

    Streamlit would refuse the key, and under another the browser would take the old one away before it has the new.
    """
    context = get_script_run_ctx()
    if context is None:
        yield
        return
    shared = context.shared
    known = shared.widget_ids_this_run, shared.widget_user_keys_this_run
    shared.widget_ids_this_run, shared.widget_user_keys_this_run = ThreadSafeSet(), ThreadSafeSet()
    try:
        yield
    finally:
        shared.widget_ids_this_run, shared.widget_user_keys_this_run = known


def form(name: str = "", **layout: Any) -> DeltaGenerator:
    """The place of controls that stand above the main picture; on a phone they come after it.

    ``name`` tells several of one view apart.
    """
    return st.container(key=f"form_{name}", **layout)


def reserve(key: str, height: str) -> None:
    """Keep the place of the container ``key`` on a wide screen until it is drawn: what stands below doesn't jump."""
    st.html(f"<style>@media (width >= 768px) {{ .st-key-{key} {{ min-height: {height}; }} }}</style>")


def main_answer() -> DeltaGenerator:
    """The place of the answer to a page's question: on the first screen, beside the main picture or below it."""
    return st.container(key="main_answer")


def is_dark() -> bool:
    """Whether the page is shown in the dark."""
    return st.context.theme.type == "dark"


def ink() -> str:
    """The theme's text colour, for text on a coloured ground."""
    return "#e8edee" if is_dark() else "#11181b"


def figure_colours() -> tuple[str, str]:
    """Ink and paper of a figure that is drawn for the page."""
    return ink(), "#14191c" if is_dark() else "white"


def data_address(image: bytes, kind: str = "png") -> str:
    """A PNG (or another ``kind``, such as jpeg) as an address that holds the picture itself.

    For pictures that are soon painted over: Streamlit would drop its copy before the browser asks for it.
    """
    return f"data:image/{kind};base64," + base64.b64encode(image).decode()


def picture_address(image: bytes, kind: str, place: str) -> str:
    """An address at which the browser finds a PNG (or another ``kind``) and keeps it: one address for one picture.

    It holds for as long as each run of the page asks for it again; ``place`` tells the pictures of a page apart.
    Where there is no server, the address holds the picture itself.
    """
    return served(image, f"image/{kind}", place) or data_address(image, kind)


def served(content: bytes, mime: str, place: str, *, always: bool = False) -> str:
    """The same for a file of any kind; empty where there is no server.

    ``always``: for as long as the server runs, for what all visitors get. Else a browser that asks late, after a run
    that was cut off before it drew this place again, finds nothing there.
    """
    server = runtime.get_instance() if runtime.exists() else None
    if type(server) is not runtime.Runtime:  # none, or that of Streamlit's test driver
        return ""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    add = _add_for_all if always else MediaFileManager.add
    return (f"/{base}" if base else "") + add(server.media_file_mgr, content, mime, place)


@lru_cache(maxsize=64)
def _add_for_all(files: MediaFileManager, content: bytes, mime: str, place: str) -> str:
    """Its path: in a thread of its own Streamlit knows no session whose end would end it."""
    with ThreadPoolExecutor(1) as nobodys:
        return nobodys.submit(files.add, content, mime, place).result()


def show_by_width(wide: bytes, narrow: bytes, alt: str, place: str) -> None:
    """One PNG where there is room for it and another on a phone, so that what is written in them can be read.

    ``place`` tells the pictures of a page apart.
    """
    at, on_phone = (picture_address(png, "png", f"{place} {name}") for png, name in ((wide, "wide"), (narrow, "phone")))
    st.html(
        f'<picture><source media="(max-width: 639.9px)" srcset="{on_phone}">'
        f'<img src="{at}" alt="{html.escape(alt)}" style="width: 100%"></picture>'
    )


def show_words(rows: Sequence[Mapping[str, str]]) -> None:
    """A table to read, which needs no library in the browser as one to sort and search does."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([plain(cell) for cell in row.values()] for row in rows)]
    st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def folded(label: str, icon: str | None = None) -> DeltaGenerator:
    """The place of what few look at, behind a button as wide as the page.

    In the browser there is nothing of it until it is opened: colours for code, formulas, charts and tables each come
    with a library, which would hold up the page.
    """
    return st.popover(label, icon=icon, width="stretch")
