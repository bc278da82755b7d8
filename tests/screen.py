"""What is on a page, as Streamlit's test driver sees it, and pressing its buttons."""

import base64
import json
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np


def texts(app):
    """All sentences on the page, as they are read."""
    kinds = (app.markdown, app.caption, app.success, app.info, app.warning, app.error)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


FIGURE_FILES = ("PNG", "SVG", "PDF")
"""What stands beside every figure."""
NOTEBOOK = "As a notebook (.ipynb)"
"""What stands beside every code."""


def markdown(app):
    """All markdown, as it was written."""
    return "\n".join(element.value for element in app.markdown)


def captions(app):
    """All captions, without the backslashes that keep names from being markdown."""
    return "\n".join(element.value for element in app.caption).replace("\\", "")


def metrics(app):
    """The numbers by their labels."""
    return {element.label: element.value for element in app.metric}


def problems(app):
    """The errors, as sentences."""
    return [element.value.replace("\\", "") for element in app.error]


def refused(app):
    """What the page says of what its address asks for in vain."""
    return [info.value.replace("\\", "") for info in app.info if "The address asks for" in info.value]


def figures(app):
    """The charts, as plotly's JSON."""
    return [data["figure"] for data in charts(app)]


def charts(app):
    """The charts, with what is said of them."""
    return [data for data in _given(app) if "figure" in data]


def components(app):
    """What the components of our own are given, without the charts."""
    return [data for data in _given(app) if "figure" not in data]


def _given(app):
    return [json.loads(element.proto.json or "{}") for element in app.get("bidi_component")]


def values(array):
    """The numbers of a trace, flat: plotly packs arrays."""
    if isinstance(array, dict):
        return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])
    return np.array(array, dtype=float).ravel()


def code(app):
    """The Python at the end of the view."""
    return app.code[-1].value.strip()


def run_code(app, **beside):
    """Run it as a notebook would in a folder of its own, where it leaves its files, and give its names.

    ``beside`` are files that lie there, by their names with a low line for the dot.
    """
    names: dict = {}
    with TemporaryDirectory() as folder, chdir(folder):
        for name, content in beside.items():
            Path(name.replace("_", ".")).write_bytes(content)
        exec(next(code.value for code in app.code if code.language == "python"), names)
    return names


def press(app, label):
    """Press the button whose label begins so."""
    next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception
    return app


def guess_at(app, name):
    """Take the first answer to a guess; gives the right one, and what is told."""
    pills = next(one for one in app.button_group if one.key == f"guess {name}")
    first = pills.options[0]
    pills.set_value(first).run()
    assert not app.exception
    (said,) = (words.value for words in app.markdown if words.value.startswith(("**Right.** ", "**It is: ")))
    verdict, _, told = said.replace("\\", "").partition(".** ")
    return verdict.removeprefix("**It is: ").replace("**Right", first), told


def files(app):
    """What the buttons that save a file say, without those of the figures and of the notebook."""
    labels = [button.proto.label for button in app.get("download_button")]
    return [label for label in labels if label not in (*FIGURE_FILES, NOTEBOOK)]
