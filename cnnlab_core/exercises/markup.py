"""An exercise's words, Markdown with LaTeX between dollar signs, as HTML that is XML too."""

from collections.abc import Mapping
from functools import cache, lru_cache
from html import escape
from typing import Any, Literal

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

Formulas = Literal["mathml", "mathjax"]
"""What draws formulas: the browser itself, or MathJax, which finds them between ``\\(`` and ``\\)``."""
_SAME = {r"\allowbreak": "", r"{aligned}": r"{align*}"}
"""LaTeX that KaTeX knows and the converter to MathML doesn't, and what is the same to it."""


def block(text: str, formulas: Formulas = "mathml") -> str:
    """Paragraphs, tables and formulas."""
    return _reader(formulas).render(text)


def inline(text: str, formulas: Formulas = "mathml") -> str:
    """A line of text, with no paragraph around it."""
    return _reader(formulas).renderInline(text)


@cache
def _reader(formulas: Formulas) -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "xhtmlOut": True}).enable("table")
    renderer = _for_browser if formulas == "mathml" else _for_mathjax
    return reader.use(dollarmath_plugin, double_inline=True, renderer=renderer)


def _for_browser(content: str, how: Mapping[str, Any]) -> str:
    return _mathml(content, "block" if how["display_mode"] else "inline")


def _for_mathjax(content: str, how: Mapping[str, Any]) -> str:
    formula = escape(content.replace(r"\allowbreak", ""), quote=False)
    return rf"\[{formula}\]" if how["display_mode"] else rf"\({formula}\)"


@lru_cache(2048)
def _mathml(content: str, display: str) -> str:
    for ours, theirs in _SAME.items():
        content = content.replace(ours, theirs)
    return convert(content, display=display)
