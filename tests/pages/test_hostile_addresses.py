"""Whatever an address says, the page shows sentences: no exception, no foreign markup, no file outside its folders."""

import re
import sys
import zlib
from contextlib import contextmanager

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from streamlit.runtime.state.query_params import QueryParams

from cnnlab_core.ui.contents import PAGES
from cnnlab_core.ui.frame import _HISTORY
from cnnlab_core.ui.lesson import hiding, put_away
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.visitor import begin_cookie

MARKUP = [
    "<script>alert('evil')</script>",
    "<img src=x onerror=alert(1)>",
    "![evil](http://evil.example/x.png)",
    "[evil](http://evil.example)",
    "[evil](javascript:alert(1))",
    "http://evil.example",
    "$\\input{/etc/passwd}$",
    ":red[evil] :material/bomb: **evil**",
    "`evil` | evil |\n---|---\n# evil",
]
PATHS = [
    "../../../../etc/passwd",
    "/etc/passwd",
    "%2e%2e%2fetc%2fpasswd",
    "..\\..\\evil",
    "evil\0.png",
    "file:///etc/passwd",
    "own:../../evil",
    "own:/etc/passwd",
    "run:../evil",
    "run:../../etc/passwd",
    "~/evil",
    "CON",
]
NUMBERS = [
    "1e308",
    "-1e308",
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    str(10**30),
    "-" + "9" * 5000,
    "1e400",
    "0x10",
    "1_0",
    "²",
    "١٢",
]
TEXTS = [" ", "x" * 100_000, "1," * 50_000, "(" * 5000, "\u202eevil\u2066", "\ufffd\ufeff", "a\r\nSet-Cookie: evil"]
HOSTILE = st.sampled_from(["", *MARKUP, *PATHS, *NUMBERS, *TEXTS]) | st.text(st.characters(codec="utf-8"), max_size=30)

FOREIGN = re.compile(r"(?<!\\)(\]\((http://evil|javascript)|<script|<img|\$\\input|:red\[evil)")
"""What of the above the browser would make something of: not where a backslash stands before it."""
OWN = re.compile(
    re.sub("[0-9a-f]{32}", "[0-9a-f]{32}", re.escape(begin_cookie() + _HISTORY))
    + r'|<picture><source media="\(max-width: 639\.9px\)" srcset="data:image/png;base64,[\w+/=]+">'
    r'<img src="data:image/png;base64,[\w+/=]+" alt="[^"<>]*" style="width: 100%"></picture>'
)
"""What a page has of its own: scripts, with a number that is each visitor's, and pictures with another for phones."""


@pytest.fixture
def asked(monkeypatch):
    """Every parameter that pages ask the address for, as they ask."""
    heard = set()

    def listening(method):
        def asking(params, *arguments, **named):
            heard.add(named["param_key"] if named else arguments[0])
            return method(params, *arguments, **named)

        return asking

    for name in ("__getitem__", "bind_widget"):
        monkeypatch.setattr(QueryParams, name, listening(getattr(QueryParams, name)))
    return heard


_OPENED: list[str] | None = None


def _hear(event, arguments):
    if event == "open" and _OPENED is not None:
        _OPENED.append(str(arguments[0]))


sys.addaudithook(_hear)  # there is no way to take it off again: it listens only while a list is there


@contextmanager
def opened_files():
    """The paths of all files that are opened in the body, by whatever way."""
    global _OPENED
    _OPENED = heard = []
    try:
        yield heard
    finally:
        _OPENED = None


def said(app):
    """Everything on a page that the browser takes as markdown: (element type, text)."""
    for element in [*app.main, *app.sidebar]:
        for name in ("body", "label", "help", "caption", "value"):
            text = getattr(element.proto, name, "")
            if isinstance(text, str) and element.type not in ("code", "text_input", "text_area", "selectbox"):
                yield element.type, text
        for option in getattr(element.proto, "options", []) if element.type in ("radio", "button_group") else []:
            yield element.type, getattr(option, "content", option)


def check(app):
    assert not app.exception
    for kind, text in said(app):
        assert not FOREIGN.search(OWN.sub("", text)), (kind, text[:300])
    assert not any(element.proto.allow_html for element in app.markdown)


SMALL = {"model": "cifar10_standard"}
"""With it a view opens soon, and asks for the same. The first of a page is opened with any network."""


@pytest.mark.usefixtures("short_jobs")
@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_an_address_can_hold_anything(open_page, addresses, asked, name):
    known = {tuple(opened.items()): set() for opened in addresses(name)}

    # The first example finds out what each view asks for, the next says something to all of it (more do no better).
    @settings(max_examples=2, phases=[Phase.generate])  # to make it smaller would open pages for an hour
    @given(st.lists(HOSTILE, min_size=5, max_size=12))
    def anything(values):
        for number, (opened, keys) in enumerate(known.items()):
            view = " ".join(title for _, title in opened)
            address = {key: values[zlib.crc32((view + key).encode()) % len(values)] for key in sorted(keys)}
            if number or not keys:
                address |= SMALL
            note(f"{view}: { {key: value[:80] for key, value in address.items()} }")
            asked.clear()
            with opened_files() as files:
                app = open_page(name, **address | dict(opened))
            check(app)
            assert not [file for file in files if "evil" in file or "etc/passwd" in file]
            keys |= asked - {key for key, _ in opened}

    anything()


NAMES = ["http://evil.example/x", "https://evil.example)](x", "www.evil.example", "WWW.evil.example.", "a@evil.example"]
NAMES += ["x`http://evil.example`y", "``http://a", "![x](http://evil.example)"]


@pytest.mark.parametrize("name", NAMES)
def test_an_address_in_a_name_is_shown_as_code_and_never_linked(name):
    shown = plain(f"before {name} after")
    fence = re.search("`+", shown)[0]
    inside = shown.removeprefix(f"before {fence}").removesuffix(f"{fence} after").strip()
    assert inside == name
    assert fence not in re.findall("`+", inside)


@given(st.text())
def test_other_names_are_escaped_letter_by_letter(name):
    if "`" not in plain(name):
        assert re.sub(r"\\(.)", r"\1", plain(name)) == " ".join(name.split())
        assert not re.search(r"(?<!\\)(\\\\)*[!-/:-@\[\]-`{-~]", plain(name).replace("\\\\", ""))


@given(st.lists(HOSTILE | st.from_regex(r"[a-z_]{1,9}[<{};\"'\\]?", fullmatch=True)).map(",".join))
def test_a_lesson_can_hide_controls_and_style_nothing_else(text):
    style = hiding(put_away(text))
    assert not style or re.fullmatch(r"[^{}<>;\\]*\{ display: none !important; \}", style)
