"""What pages send to a browser, and how far anything on them moves, beside the goals.

A bare Streamlit page with a slider and a picture stands beside them: what it costs is Streamlit's own.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from benchmarks.measure import TINY, Row, Scripts, bare_server, lab_server, open_browser

LAPTOP = {"width": 1366, "height": 768}

# Every shift counts, also one in the half second after a click, which the web vital leaves out: to an eye it jumps.
WATCH = """
window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => window.shift += one.value))
  .observe({type: "layout-shift", buffered: true});
"""

BARE = """
import numpy as np
import streamlit as st
st.title("Bare")
at = st.slider("Slider", 0, 10)
st.image(np.full((224, 224, 3), 20 * at, np.uint8))
st.bar_chart([at, 1, 2])
"""


@dataclass(frozen=True)
class Case:
    """What a visitor does on the page at ``address``, and the goals for it: kB sent, shift."""

    what: str
    address: str
    act: Callable[[Page], object] | None
    kilobytes: float
    shift: float = 0.05


def press(name: str) -> Callable[[Page], object]:
    return lambda page: page.get_by_role("button", name=re.compile(name)).first.click()


def tab(name: str) -> Callable[[Page], object]:
    return lambda page: page.get_by_role("tab", name=name).click()


def click_a_tile(page: Page) -> None:
    mosaic = page.get_by_role("application", name=re.compile("Mosaic"))
    mosaic.click(position={"x": 300, "y": 50})


def notch(name: str) -> Callable[[Page], object]:
    def moved(page: Page) -> None:
        slider = page.get_by_role("slider", name=re.compile(name)).first
        slider.focus()
        slider.press("ArrowRight")

    return moved


CASES = (
    Case("an attack of 20 steps", "/adversarial?adversarial_eps=3", press(r"^Attack \("), 1000),
    Case("one notch of epsilon", "/adversarial", notch("Epsilon"), 15),
    Case("the epsilon explorer at rest", "/adversarial?adversarial_tab_attack=Epsilon", None, 15),
    Case("opening the atlas", "/deepdream", tab("Atlas"), 600),
    Case("opening One neuron", "/adversarial", tab("On paper"), 600),
    Case("Watch to Compare", "/training", tab("Compare"), 600),
    Case("a stride of two", "/convolution", notch("Stride"), 100),
    Case("a map clicked", "/feature_maps", click_a_tile, 15),
    Case("a map of a CIFAR network clicked", "/feature_maps?model=cifar10_standard", click_a_tile, 15),
)


class Line(ThreadingTCPServer):
    """Stands between a browser and the server at ``address``, and counts the bytes that come over its web sockets.

    They come packed, and a browser tells only how large they were before.
    """

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__(("localhost", 0), _Call)
        self.port, self.streamed = urlsplit(address).port, 0
        self.address = f"http://localhost:{self.server_address[1]}"


class _Call(BaseRequestHandler):
    server: Line

    def handle(self) -> None:
        browser: socket.socket = self.request
        with suppress(OSError), socket.create_connection(("localhost", self.server.port)) as lab:
            asked = browser.recv(1 << 16)
            lab.sendall(asked)
            threading.Thread(target=_pass_on, args=(browser, lab), daemon=True).start()
            is_stream = b"/_stcore/stream" in asked
            while data := lab.recv(1 << 16):
                browser.sendall(data)
                self.server.streamed += is_stream * len(data)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def counted(address: str) -> Iterator[Line]:
    """A line to the server at ``address``."""
    with Line(address) as line:
        threading.Thread(target=line.serve_forever, daemon=True).start()
        yield line
        line.shutdown()


def _is_code(response: dict[str, Any]) -> bool:
    return "/static/" in response["url"] or "javascript" in response["mimeType"]


class Watched:
    """A browser tab at the end of a line that counts what it is sent: over the socket, and by HTTP, as it comes.

    Code, which a browser keeps, is counted apart: Streamlit's own libraries, plotly, and our components.
    """

    def __init__(self, browser: Browser, line: Line) -> None:
        self.page = browser.new_page(viewport=LAPTOP)  # type: ignore[arg-type]
        self.page.add_init_script(WATCH)
        self.scripts = Scripts(self.page)
        self.line, self.before = line, line.streamed
        self.fetched = self.libraries = self.unpacked = 0
        code: set[str] = set()
        client = self.page.context.new_cdp_session(self.page)
        client.send("Network.enable")
        client.on("Network.webSocketFrameReceived", self._frame)
        client.on(
            "Network.responseReceived", lambda event: code.update([event["requestId"]] * _is_code(event["response"]))
        )
        client.on(
            "Network.loadingFinished", lambda event: self._add(event["encodedDataLength"], event["requestId"] in code)
        )

    @property
    def bytes(self) -> int:
        """What came since it was opened, without the libraries."""
        return self.fetched + self.line.streamed - self.before

    def _frame(self, event: dict[str, Any]) -> None:
        self.unpacked += len(event["response"]["payloadData"]) * 3 // 4  # base64

    def _add(self, more: float, library: bool = False) -> None:
        self.fetched += 0 if library else int(more)
        self.libraries += int(more) if library else 0

    def so_far(self) -> list[tuple[str, float, str]]:
        """What came and happened since it was opened: names, figures and units."""
        sizes = ("sent", self.bytes / 1000, "kB"), ("libraries", self.libraries / 1000, "kB")
        return [*sizes, ("shift", 1000 * self.page.evaluate("window.shift"), "thousandths")]

    def open(self, address: str) -> None:
        before = self.scripts.finished
        self.page.goto(self.line.address + address)
        self.scripts.wait(before, seconds=300)
        had = -1
        while had < self.bytes:  # on a busy machine pictures come late: what is opened isn't part of what is done there
            had = self.bytes
            self.page.wait_for_timeout(1500)

    def during(self, act: Callable[[Page], object] | None) -> tuple[float, float, float]:
        """Kilobytes as they come, kilobytes of the socket's messages unpacked, and shift, while ``act`` is done and
        what it asked for comes."""
        self.page.evaluate("window.shift = 0")
        before, messages, done = self.bytes, self.unpacked, self.scripts.finished
        if act is None:
            self.page.wait_for_timeout(3000)
        else:
            act(self.page)
            self.scripts.wait(done, seconds=300)
            self.page.wait_for_timeout(1500)
        shift = self.page.evaluate("window.shift")
        return (self.bytes - before) / 1000, (self.unpacked - messages) / 1000, shift


def tabs_to_the_picture(page: Page) -> int:
    """How often Tab is pressed from the page's beginning until the keyboard is in the main picture or its answer."""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # "Skip to the page"
    for presses in range(2, 100):
        page.keyboard.press("Tab")
        if page.evaluate("!!document.activeElement.closest('.st-key-main_picture, .st-key-main_answer')"):
            return presses
    return 100


def measure() -> list[Row]:
    rows = []
    with open_browser() as browser:
        with bare_server(BARE) as address, counted(address) as line:
            bare = Watched(browser, line)
            bare.open("")
            beside = bare.so_far()
            sent, unpacked, shift = bare.during(notch("Slider"))
            rows.append(Row("a bare Streamlit page, one notch of a slider", sent, "goal for a notch", 15, "kB"))
            rows.append(Row("its layout shift", 1000 * shift, "goal", 50, "thousandths"))
        with lab_server() as (address, _), counted(address) as line:
            for case in CASES[:1] if TINY else CASES:
                watched = Watched(browser, line)
                watched.open(case.address)
                sent, messages, shift = watched.during(case.act)
                rows.append(Row(f"{case.what}: sent", sent, "goal", case.kilobytes, "kB"))
                rows.append(Row(f"{case.what}: messages, unpacked", messages, "a bare page's notch", unpacked, "kB"))
                rows.append(Row(f"{case.what}: shift", 1000 * shift, "goal", 1000 * case.shift, "thousandths"))
                watched.page.close()
            for name in ("network",) if TINY else ("network", "", "classifier", "convolution", "adversarial"):
                watched = Watched(browser, line)
                watched.open(f"/{name}")
                for (what, value, unit), (_, peer, _) in zip(watched.so_far(), beside, strict=True):
                    rows.append(Row(f"opening {name or 'home'}: {what}", value, "a bare page", peer, unit))
                watched.page.close()
            watched = Watched(browser, line)
            for name in ("convolution", "training", "adversarial"):
                watched.open(f"/{name}")
                rows.append(Row(f"Tab presses to {name}'s picture", tabs_to_the_picture(watched.page), "goal", 15, ""))
            watched.open("")
            watched.page.get_by_role("link", name="Naming photos").first.click()
            watched.page.wait_for_url("**/classifier*")
            watched.page.wait_for_timeout(8000)
            presses = 0
            while presses < 9 and "/classifier" in watched.page.url:
                watched.page.go_back()
                watched.page.wait_for_timeout(500)
                presses += 1
            rows.append(Row("Back presses that leave a page", presses, "goal", 1, ""))
    return rows
