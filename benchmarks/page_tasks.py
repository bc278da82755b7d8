"""How long a page keeps a browser busy in one go, on a first visit, beside the goal and a bare Streamlit page.

Nobody watches this browser: Playwright, and a developer's tools, ask it for where each error was made, and for that it
reads all of Plotly again for each of the errors that Plotly makes and catches while it is loaded. With them the same
task takes twice as long.
"""

import json
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from websockets.sync.client import ClientConnection, connect

from benchmarks.measure import FLAGS, TINY, Row, bare_server, find_browser, lab_server

GOAL = 300
WATCH = """
window.longest = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => {
  window.longest = Math.max(window.longest, one.duration);
})).observe({type: "longtask", buffered: true});
"""
AT_REST = """document.querySelector("[data-test-script-state=notRunning]")
  && !document.querySelector("[data-stale=true], [data-testid=stSkeleton]") && performance.now()"""
BARE = """
import plotly.graph_objects as go
import streamlit as st
at = st.slider("Slider", 0, 10)
if st.button("Chart"):
    st.plotly_chart(go.Figure(go.Scatter(x=[0, 1], y=[0, at])))
"""


def _press(what: str, role: str = "button") -> "Act":
    """A click on the first control whose text begins so."""
    script = f"""[...document.querySelectorAll("{role}")].find((one) => one.innerText.startsWith("{what}")).click()"""
    return lambda tab: tab.run(script)


def _notch(name: str) -> "Act":
    """An arrow key on a slider."""
    script = f"""[...document.querySelectorAll("[data-testid=stSlider]")]
      .find((one) => one.innerText.startsWith("{name}")).querySelector("[role=slider], input[type=range]").focus()"""

    def act(tab: "Tab") -> None:
        tab.run(script)
        for event in ("keyDown", "keyUp"):
            key = {"key": "ArrowRight", "code": "ArrowRight", "windowsVirtualKeyCode": 39}
            tab.call("Input.dispatchKeyEvent", type=event, **key)

    return act


@dataclass(frozen=True)
class Case:
    """What a visitor does on the page at ``address``; without an act, the opening itself counts."""

    what: str
    address: str
    act: "Act | None" = None


CASES = (
    Case("opening a page without a chart", "/convolution"),
    Case("opening Inside a network", "/network"),
    Case("opening a page with a chart", "/classifier"),
    Case("a stride of two", "/convolution", _notch("Stride")),
    Case("one notch of epsilon", "/adversarial", _notch("Epsilon")),
    Case("an attack of 20 steps", "/adversarial?adversarial_eps=3", _press("Attack (")),
    Case("opening One neuron", "/adversarial", _press("On paper", "[role=tab]")),
    Case("Watch to Compare", "/training", _press("Compare", "[role=tab]")),
    Case("opening the atlas", "/deepdream", _press("Atlas", "[role=tab]")),
)


class Tab:
    """A browser's one tab, through as little of its protocol as will do."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection, self._calls = connection, 0

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Ask for something, and wait for the answer."""
        self._calls += 1
        self._connection.send(json.dumps({"id": self._calls, "method": method, "params": given}))
        while (answer := json.loads(self._connection.recv(60))).get("id") != self._calls:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        found: dict[str, Any] = answer["result"]
        return found

    def run(self, script: str) -> Any:
        """The value of a script."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"{found['exceptionDetails']['exception']['description']}\n{script}")
        return found["result"].get("value")

    def settle(self, seconds: float = 240) -> None:
        """Wait until the page has been at rest for three seconds."""
        end, since = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() - since < 3:
            assert time.monotonic() < end, f"the page isn't at rest after {seconds:g} s"
            time.sleep(0.25)
            if not self.run(AT_REST):
                since = time.monotonic()

    def open(self, address: str) -> None:
        """Go to an address and wait until all is there."""
        self.call("Page.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        self.call("Page.navigate", url=address)
        self.settle()

    def longest(self, act: "Act") -> float:
        """Milliseconds of the longest task while ``act`` is done and what it asked for comes; at least 1."""
        self.run("window.longest = 0")
        act(self)
        self.settle()
        return self.so_far()

    def so_far(self) -> float:
        """Milliseconds of the longest task since the page was opened; at least 1."""
        return max(1.0, float(self.run("window.longest")))


Act = Callable[[Tab], object]


@contextmanager
def unwatched_tab() -> Iterator[Tab]:
    """A new browser that knows no page yet."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = [
            "--headless=new",
            "--remote-debugging-port=0",
            "--window-size=1366,768",
            f"--user-data-dir={profile}",
        ]
        browser = subprocess.Popen(
            [find_browser() or "chromium", *FLAGS, *options, "about:blank"], stderr=subprocess.PIPE, encoding="utf-8"
        )
        try:
            assert browser.stderr
            host = next(found[1] for line in browser.stderr if (found := re.search(r"ws://([^/]+)/", line)))
            with urllib.request.urlopen(f"http://{host}/json") as answer:
                target = next(one for one in json.load(answer) if one["type"] == "page")
            with connect(target["webSocketDebuggerUrl"], max_size=None) as connection:
                yield Tab(connection)
        finally:
            browser.kill()
            browser.wait()


def measure() -> list[Row]:
    rows = []
    with bare_server(BARE) as address, unwatched_tab() as tab:
        tab.open(address)
        opened = tab.so_far()
        chart = tab.longest(_press("Chart"))
    rows.append(Row("a bare Streamlit page's first chart: longest task", chart, "goal", GOAL, "ms"))
    with lab_server() as (address, _):
        for case in CASES[:1] if TINY else CASES:
            with unwatched_tab() as tab:
                tab.open(address + case.address)
                longest = tab.longest(case.act) if case.act else tab.so_far()
            rows.append(Row(f"{case.what}: longest task", longest, "goal", GOAL, "ms"))
            if not case.act:
                peer = chart if "with a chart" in case.what else opened
                rows.append(Row(f"{case.what}: longest task", longest, "a bare Streamlit page's", peer, "ms"))
    return rows
