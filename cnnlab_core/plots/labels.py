"""Names and numbers as figures write them."""

from html import escape


def as_text(label: str) -> str:
    """A label as it is: plotly reads some HTML in texts, links too, and ``%{…}`` in templates; a class can be called
    anything."""
    return escape(label, quote=False).replace("%{", "%&#123;")


def shortened(label: str, longest: int = 24) -> str:
    """A label as text, cut to ``longest`` characters."""
    return as_text(label if len(label) <= longest else f"{label[: longest - 1]}…")


def short_number(value: float, decimals: int = 2) -> str:
    """A number in few characters: 3, −0.25, 1e−16; a true minus, and no minus before a zero."""
    if 0 < abs(value) < 10.0**-decimals / 2:
        text = f"{value:.0e}".replace("e-0", "e-")
    else:
        text = f"{value:.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else "0"
