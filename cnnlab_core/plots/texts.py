"""Texts of others in figures."""

from html import escape


def as_text(label: str) -> str:
    """A label as it is: plotly reads some HTML in texts, links too, and a class can be called anything."""
    return escape(label, quote=False)
