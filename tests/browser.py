"""The browser for the tests: one that is installed, else the one Playwright brings, else Debian's by apt."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)


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
