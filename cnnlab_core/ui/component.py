"""Components of our own: a script is a file that the browser keeps, while Streamlit would send it with each change."""

from typing import Any

import streamlit as st

from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.show import served

_CALL = """export default async function (given) {
  const { script, ...data } = given.data;
  return (await import(new URL(script, document.baseURI).href)).default({ ...given, data });
}"""


class Component:
    """A component called ``name``: its page, its style, and its script, a module that exports one function.

    ``apart``: in a root of its own, where the page's style doesn't reach it, nor its style the page.
    """

    def __init__(self, name: str, *, html: str, css: str, js: str, apart: bool = True) -> None:
        self._mount = st.components.v2.component(name, html=html, css=css, js=_CALL, isolate_styles=apart)
        self._name, self._script = name, f"{read_asset('component', 'mounted.js')}\n{js}".encode()

    def __call__(self, *, data: dict[str, Any], **more: Any) -> Any:
        """Draw it. ``data`` is what its function gets; the rest is as the components of Streamlit take it."""
        address = served(self._script, "text/javascript", self._name, always=True)
        return self._mount(data={"script": address, **data} if address else data, **more)
