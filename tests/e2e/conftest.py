"""The real lab in a real browser: one server for all tests, a fresh browser session for each."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import axe_playwright_python
import pytest
from browser import find_browser
from PIL import Image
from places import ROOT
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect, sync_playwright

from cnnlab_core.data.dataset import Dataset, write_dataset
from cnnlab_core.data.shapes import CLASSES, draw

expect.set_options(timeout=20_000)  # five seconds are short on a busy machine

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]

ARTIFACTS = ROOT / "test-artifacts"
README = ROOT / "README.md"

# On a deep link, Streamlit's front end first looks for its server below the page's own address. The browser logs
# the two 404s that tell it to look at the root instead.
PROBES = re.compile(r"/_stcore/(health|host-config)$")

# A rerun may replace a picture before a busy browser has asked for it: Streamlit has then forgotten the old one. What
# is on the page at the end must be whole (see ``Lab.check``).
GONE = re.compile(r"/media/\w+\.(png|jpg)$")

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()

AT_REST = """!document.querySelector("[data-stale=true]")
    && !!document.querySelector("[data-test-script-state=notRunning]")"""
FINISH_TRANSITIONS = "document.getAnimations().forEach((one) => one instanceof CSSTransition && one.finish())"

# What axe finds in elements that Streamlit makes and we can't change, by rule and selector.
STREAMLITS_OWN = {
    # Code, formulas and cells of tables that are too wide scroll sideways. Browsers stop at such a region with Tab by
    # themselves (Chrome since 130, Firefox); axe asks for a tabindex for those that don't.
    "scrollable-region-focusable": ".stCode pre, .katex-display, .stTable [data-testid=stMarkdownContainer]",
}


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The lab's address. Its log must be free of tracebacks at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    weights = tmp_path_factory.mktemp("weights")
    data = tmp_path_factory.mktemp("data")
    few = Dataset("own:few", "few", CLASSES, draw(600, [1]), lambda: draw(100, [2]))
    write_dataset(data / "own" / "few.safetensors", few)
    environment = {
        **os.environ,
        "CNNLAB_DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
        "CNNLAB_RUNS": str(tmp_path_factory.mktemp("runs")),
        "CNNLAB_DATA": str(data),
        "CNNLAB_CACHE": str(tmp_path_factory.mktemp("cache")),
        "CNNLAB_WEIGHTS": str(weights),
        "TORCH_HOME": str(weights),
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "127.0.0.1,localhost",
    }
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment)
    address = f"http://localhost:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="session")
def browser():
    path = find_browser()
    assert path, "No chromium or chrome was found: run `make test`, which installs one."
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


class Lab:
    """A browser tab with the lab in it, which listens for everything that mustn't happen."""

    def __init__(self, page: Page, server: str):
        self.page, self.server = page, server
        self.finished = 0
        self.complaints: list[str] = []
        page.on("websocket", lambda socket: socket.on("framereceived", self._frame))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("request", self._request)

    def open(self, path: str) -> Page:
        """Open an address of the lab and wait until its script has finished."""
        before = self.finished
        self.page.goto(f"{self.server}{path}")
        self.wait(before)
        return self.page

    def wait(self, before: int, seconds: float = 60) -> None:
        """Wait until a rerun that began after ``before`` scripts had finished is through, and painted."""
        end = time.monotonic() + seconds
        while self.finished <= before:
            assert time.monotonic() < end, "the script didn't finish"
            self.page.wait_for_timeout(20)
        self.page.wait_for_selector("[data-test-script-state=notRunning]")
        self.page.wait_for_function("!document.querySelector('[data-stale=true]')")

    def during(self, action) -> None:
        """Do something that makes the page run again, and wait for it."""
        before = self.finished
        action()
        self.wait(before)

    def press_stop(self) -> None:
        """Press Stop until it is heard: while a job paints, the page above may move the button from under a click."""
        before = self.finished
        button = self.page.get_by_role("button", name="Stop", exact=True)
        for _ in range(8):
            with suppress(PlaywrightError):  # gone already: an earlier press is being heard
                button.click(timeout=3000)
            with suppress(AssertionError):
                return self.wait(before, seconds=5)
        raise AssertionError("Stop was pressed eight times and never heard")

    def shot(self, name: str) -> None:
        """Keep a picture of the page as it is; with CNNLAB_SCREENSHOTS set, also for the README if it shows it."""
        ARTIFACTS.mkdir(exist_ok=True)
        height = self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": size["width"], "height": min(max(height, 600), 3000)})
        self.page.wait_for_timeout(1200)  # figures are drawn after the page
        if self.page.evaluate(AT_REST):  # what is being computed anew is faded until then
            self.accessible()
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")
        place = f"docs/screenshots/{name}.png"
        if os.environ.get("CNNLAB_SCREENSHOTS") and place in README.read_text():
            (ROOT / place).parent.mkdir(parents=True, exist_ok=True)
            Image.open(ARTIFACTS / f"{name}.png").convert("RGB").quantize(256).save(ROOT / place, optimize=True)
        self.page.set_viewport_size(size)

    def accessible(self) -> None:
        """No serious or critical finding of axe on the page as it is (https://github.com/dequelabs/axe-core)."""
        self.page.evaluate(FINISH_TRANSITIONS)
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE)
        found = self.page.evaluate(
            """async (known) => (await axe.run({resultTypes: ["violations"], elementRef: true})).violations
                .filter(({impact}) => ["serious", "critical"].includes(impact))
                .flatMap(({id, help, nodes}) => nodes
                    .filter(({element}) => !(known[id] && element?.matches(known[id])))
                    .map(({html, failureSummary}) => `${id}: ${help}: ${html.slice(0, 300)} ${failureSummary}`))""",
            STREAMLITS_OWN,
        )
        assert not found, "\n".join(found)

    def check(self) -> None:
        """Nothing on the console, no request to another host, no traceback, error or broken picture on the page."""
        assert not self.complaints, "\n".join(self.complaints)
        assert self.page.get_by_test_id("stException").count() == 0
        broken = self.page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
        assert not broken, broken

    def _frame(self, payload: str | bytes) -> None:
        # The forward message whose only content is script_finished is a few bytes; Streamlit's protobuf field 6.
        if isinstance(payload, bytes) and len(payload) < 120 and _is_script_finished(payload):
            self.finished += 1

    def _console(self, message) -> None:
        where = message.location.get("url", "")
        if message.type in ("error", "warning") and not PROBES.search(where) and not GONE.search(where):
            self.complaints.append(f"console {message.type}: {message.text} ({where})")

    def _request(self, request) -> None:
        if not request.url.startswith((self.server, self.server.replace("http", "ws"), "data:", "blob:")):
            self.complaints.append(f"request to another host: {request.url}")


def _is_script_finished(payload: bytes) -> bool:
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = ForwardMsg()
    try:
        message.ParseFromString(payload)
    except Exception:
        return False
    return message.WhichOneof("type") == "script_finished"


@pytest.fixture
def lab(browser, server):
    """A fresh browser session; at the end, nothing may have gone wrong in it."""
    yield from _lab(browser, server)


@pytest.fixture
def dark_lab(browser, server):
    """The same in the dark, as wide as a projector."""
    yield from _lab(browser, server, color_scheme="dark", viewport={"width": 1920, "height": 1080})


@pytest.fixture
def phone_lab(browser, server):
    """The same on a phone."""
    yield from _lab(browser, server, viewport={"width": 390, "height": 800})


def _lab(browser, server, **options):
    options.setdefault("viewport", {"width": 1440, "height": 900})
    context = browser.new_context(**options)
    opened = Lab(context.new_page(), server)
    yield opened
    opened.check()
    context.close()
