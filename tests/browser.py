"""The browser for tests and benchmarks: one that is installed, else the one Playwright brings, else Debian's by apt;
and how to know that a page of the lab is finished."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)

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


class Scripts:
    """Counts the scripts that have finished in a browser tab: the one reliable sign of a rerun's end."""

    def __init__(self, page: Page) -> None:
        self.page, self.finished = page, 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._frame))

    def wait(self, before: int, seconds: float) -> None:
        """Wait until a rerun that began after ``before`` scripts had finished is through, and painted."""
        begun = time.monotonic()
        while self.finished <= before:
            waited = time.monotonic() - begun
            assert waited < seconds, f"the script didn't finish within {seconds:.0f} s"
            self.page.wait_for_timeout(20 + min(180, 40 * waited))  # events of the page arrive meanwhile
        self.page.wait_for_selector("[data-test-script-state=notRunning]")
        self.page.wait_for_function("!document.querySelector('[data-stale=true]')")

    def _frame(self, payload: str | bytes) -> None:
        if isinstance(payload, bytes) and len(payload) < 120 and _is_script_finished(payload):
            self.finished += 1


def _is_script_finished(payload: bytes) -> bool:
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # not needed where a browser is only looked for

    message = ForwardMsg()
    try:
        message.ParseFromString(payload)
    except Exception:
        return False
    return message.WhichOneof("type") == "script_finished"


def find_browser() -> str | None:
    """The path of a chromium or chrome on this machine, or None."""
    for name in INSTALLED:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return next((path for path in (own, *PLACES) if Path(path).exists()), None)


def install_browser() -> str:
    """A browser's path, installing one if there is none. Exits with a sentence if that fails."""
    if path := find_browser():
        return path
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        attempts.append(["sh", "-c", "apt-get update && apt-get install -y --no-install-recommends chromium"])
    for command in attempts:
        subprocess.run(command, check=False)
        if path := find_browser():
            return path
    sys.exit("The browser tests need chromium or chrome, and none could be installed. Install one and run again.")


if __name__ == "__main__":
    print(f"browser: {install_browser()}")
