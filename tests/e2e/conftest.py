"""The real lab in a real browser: one server for all tests, a fresh browser session for each."""

import io
import os
import re
import time
from contextlib import suppress
from pathlib import Path

import axe_playwright_python
import numpy as np
import pytest
from browser import FLAGS, Scripts, find_browser
from patience import patience
from PIL import Image
from places import ROOT
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect, sync_playwright
from steering import TEACHERS_KEY

from benchmarks.measure import lab_server
from cnnlab_core.data.dataset import Dataset, write_dataset
from cnnlab_core.data.shapes import CLASSES, draw

SCREENS = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1920, "height": 1080}, "color_scheme": "dark"},  # a projector
    "phone": {"viewport": {"width": 390, "height": 800}, "color_scheme": "light"},
}

FAILED = pytest.StashKey[bool]()
"""Of a test: whether it has failed."""

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
# In frames rather than times: a busy machine draws fewer. What is live never settles, so there is an end.
SETTLE = """() => new Promise((settled) => {
  let still = 0, begun = performance.now();
  const watch = new MutationObserver(() => still = 0);
  const observe = (root) => {
    watch.observe(root, {subtree: true, childList: true, attributes: true, characterData: true});
    root.querySelectorAll("*").forEach((element) => element.shadowRoot && observe(element.shadowRoot));
  };
  const fits = (figure) => {
    const drawn = figure.querySelector(".main-svg")?.getBoundingClientRect();
    return drawn && drawn.width <= figure.parentElement.getBoundingClientRect().width + 1;
  };
  const look = () => {
    const drawn = [...document.images].every((image) => image.complete)
      && [...document.querySelectorAll(".js-plotly-plot")].every(fits);
    still = drawn ? still + 1 : 0;
    if (still > 15 || performance.now() - begun > 5000) settled(watch.disconnect());
    else requestAnimationFrame(look);
  };
  observe(document);
  requestAnimationFrame(look);
})"""
# Streamlit fades what is computed anew and turns a wheel meanwhile: drawn in software, that is a third of all the time
# that the browser takes. Components have roots of their own: their animations are tested as they are.
STILL = """addEventListener("DOMContentLoaded", () => {
  const style = document.createElement("style");
  style.textContent = `*, ::before, ::after { animation: none !important; transition: none !important; }
    [data-testid=stStatusWidget] { display: none !important; }`;
  document.head.append(style);
})"""
# What fades in has the colours of its end, in the roots of components too.
FINISH_FADES = """() => {
  const within = (root) => [...root.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
  const roots = (root) => [root, ...within(root).flatMap(roots)];
  for (const change of roots(document).flatMap((root) => root.getAnimations()))
    if (change.effect.getComputedTiming().endTime < Infinity) change.finish();
}"""

# On a phone the picture may be below the first screen; elsewhere enough of it is on it to see what changes.
BELOW = """(card) => {
  const [told, seen] = [`.st-key-${card}`, ".st-key-main_picture"]
    .map((key) => document.querySelector(key)?.getBoundingClientRect());
  if (document.documentElement.scrollWidth > innerWidth) return "the page scrolls sideways";
  if (!seen?.height) return "";
  if (told.bottom > seen.top) return "the card lies over the picture";
  const shown = Math.min(innerHeight, seen.bottom) - seen.top;
  return innerWidth < 640 || shown >= Math.min(240, seen.height) ? "" : `${shown} of ${seen.height} px are shown`;
}"""

# What axe finds in elements that Streamlit makes and we can't change, by rule and selector.
STREAMLITS_OWN = {
    # Code, formulas and cells of tables that are too wide scroll sideways. Browsers stop at such a region with Tab by
    # themselves (Chrome since 130, Firefox); axe asks for a tabindex for those that don't.
    "scrollable-region-focusable": ".stCode pre, .katex-display, .stTable [data-testid=stMarkdownContainer]",
}


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The lab's address. Its log must be free of tracebacks at the end."""

    def folder(name):
        return tmp_path_factory.mktemp(name)

    log, data, weights = folder("server") / "log.txt", folder("data"), folder("weights")
    few = Dataset("own:few", "few", CLASSES, draw(600, [1]), lambda: draw(100, [2]))
    write_dataset(data / "own" / "few.safetensors", few)
    environment = {
        "OMP_NUM_THREADS": "1",
        "CNNLAB_TEACHER_KEY": TEACHERS_KEY,
        "CNNLAB_RUNS": str(folder("runs")),
        "CNNLAB_DATA": str(data),
        "CNNLAB_WEIGHTS": str(weights),
        "TORCH_HOME": str(weights),
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "127.0.0.1,localhost",
    }
    with lab_server(environment=environment, log=log) as (address, _):
        yield address
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
        self.scripts = Scripts(page)
        page.add_init_script(STILL)
        self.complaints: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("request", self._request)

    def begin(self, screen: dict) -> None:
        """Look like a tab that was just opened."""
        self.complaints.clear()
        self.page.set_default_timeout(1000 * patience(60))
        self.page.set_viewport_size(screen["viewport"])
        self.page.emulate_media(color_scheme=screen["color_scheme"])

    def leave(self) -> None:
        """Leave the lab, and nothing behind in the browser: no other tab, no cookie, nothing stored."""
        for page in self.page.context.pages:
            if page != self.page:
                page.close()
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self.page.goto("about:blank")
        self.page.context.clear_cookies()

    def open(self, path: str) -> Page:
        """Open an address of the lab and wait until its script has finished."""
        self.during(lambda: self.page.goto(f"{self.server}{path}"))
        self.no_exception()
        return self.page

    def during(self, action) -> None:
        """Do something that makes the page run again, and wait for it."""
        before = self.scripts.finished
        action()
        self.scripts.wait(before, patience(60))

    def press_stop(self) -> None:
        """Press Stop until it is heard: while a job paints, the page above may move the button from under a click."""
        before, end = self.scripts.finished, time.monotonic() + patience(60)
        button = self.page.get_by_role("button", name="Stop", exact=True)
        while time.monotonic() < end:
            with suppress(PlaywrightError):  # gone already: an earlier press is being heard
                button.click(timeout=3000)
            with suppress(AssertionError):  # another run may have ended meanwhile
                self.scripts.wait(before, seconds=5)
                if not button.count():
                    return
        raise AssertionError("Stop was pressed again and again and never heard")

    def picture(self, alt: str) -> np.ndarray:
        """A picture on the page, (height, width, 3)."""
        source = self.page.get_by_role("img", name=alt).first.get_attribute("src") or ""
        content = self.page.request.get(source if source.startswith("http") else f"{self.server}{source}").body()
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=int)

    def settle(self) -> None:
        """Wait until everything is drawn: pictures are there, figures fit, and nothing has changed for some frames."""
        self.page.evaluate(SETTLE)

    def shot(self, name: str) -> None:
        """Look at all of the page at once. With CNNLAB_SCREENSHOTS set, keep a picture, also for the README."""
        height = self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": size["width"], "height": min(max(height, 600), 3000)})
        self.settle()
        if self.page.evaluate(AT_REST):  # what is being computed anew is faded until then
            self.accessible()
        if os.environ.get("CNNLAB_SCREENSHOTS"):
            self.keep(name)
        self.page.set_viewport_size(size)

    def keep(self, name: str) -> None:
        """A picture of the page as it is, for whoever looks; also for the README, if it shows it."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")
        place = f"docs/screenshots/{name}.png"
        if os.environ.get("CNNLAB_SCREENSHOTS") and place in README.read_text():
            (ROOT / place).parent.mkdir(parents=True, exist_ok=True)
            Image.open(ARTIFACTS / f"{name}.png").convert("RGB").quantize(256).save(ROOT / place, optimize=True)

    def accessible(self) -> None:
        """No serious or critical finding of axe on the page as it is (https://github.com/dequelabs/axe-core)."""
        self.page.wait_for_function(AT_REST)  # what is being computed anew is faded until then
        self.page.evaluate(FINISH_FADES)
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

    def picture_is_below(self, card: str) -> None:
        """What is told in the ``card`` stands above the main picture, which a laptop's first screen shows."""
        found = self.page.evaluate(BELOW, card)
        assert not found, f"{found}: {self.page.url}"

    def no_exception(self) -> None:
        """No traceback on the page: whatever else a test waits for wouldn't come."""
        shown = self.page.get_by_test_id("stException").all_inner_texts()
        assert not shown, "\n".join(shown)

    def check(self) -> None:
        """Nothing on the console, no request to another host, no traceback, error or broken picture on the page."""
        assert not self.complaints, "\n".join(self.complaints)
        self.no_exception()
        broken = self.page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
        assert not broken, broken

    def _console(self, message) -> None:
        where = message.location.get("url", "")
        gone = GONE.search(where) or GONE.search(message.text)  # the browser says so, and Streamlit's script once more
        if message.type in ("error", "warning") and not PROBES.search(where) and not gone:
            self.complaints.append(f"console {message.type}: {message.text} ({where})")

    def _request(self, request) -> None:
        if not request.url.startswith((self.server, self.server.replace("http", "ws"), "data:", "blob:")):
            self.complaints.append(f"request to another host: {request.url}")


@pytest.fixture(scope="session")
def tabs(browser, server):
    """A browser tab for each kind of screen, by its name, each with a profile of its own.

    Tests use them one after another: in a tab that was on the lab before, a page costs a third of what it costs in a
    new one, whose process has to compile all of the front end first.
    """

    class Tabs(dict):
        def __missing__(self, kind):
            self[kind] = Lab(browser.new_context(**SCREENS[kind]).new_page(), server)
            return self[kind]

    opened = Tabs()
    yield opened
    for lab in opened.values():
        lab.page.context.close()


@pytest.fixture
def lab(tabs, request):
    """A fresh browser session; at the end, nothing may have gone wrong in it."""
    yield from _lab(tabs, "light", request)


@pytest.fixture
def dark_lab(tabs, request):
    """The same in the dark, as wide as a projector."""
    yield from _lab(tabs, "dark", request)


@pytest.fixture
def phone_lab(tabs, request):
    """The same on a phone."""
    yield from _lab(tabs, "phone", request)


def _lab(tabs, kind, request):
    expect.set_options(timeout=1000 * patience(30))
    lab = tabs[kind]
    lab.begin(SCREENS[kind])
    try:
        yield lab
        if request.node.stash.get(FAILED, False):
            lab.keep(re.sub(r"\W+", "_", f"failed_{request.node.name}_{kind}"))
        lab.check()
        lab.leave()
    except BaseException:
        tabs.pop(kind).page.context.close()  # whatever state it is in
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report
