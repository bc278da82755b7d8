"""The home page's time to first paint in a browser, before and after torch is in the process."""

import statistics
import time

from playwright.sync_api import Browser

from benchmarks.measure import Row, count, lab_server, open_browser, visit

ROUNDS = count(9)


def paint_ms(browser: Browser, address: str) -> float:
    """Milliseconds from asking for the page to its title being on the screen."""
    page = browser.new_page()
    begun = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("h1")
    taken = 1000 * (time.perf_counter() - begun)
    page.close()
    return taken


def measure() -> list[Row]:
    with open_browser() as browser, lab_server() as (address, _):
        first = paint_ms(browser, address)  # the server's very first page, and the browser's
        without = statistics.median(paint_ms(browser, address) for _ in range(ROUNDS))
        page = browser.new_page()
        visit(page, f"{address}/classifier")
        page.close()
        with_torch = statistics.median(paint_ms(browser, address) for _ in range(ROUNDS))
    return [
        Row("home page painted, torch in the process", with_torch, "the same without torch", without, "ms"),
        Row("home page painted, very first visit", first, "later visits", without, "ms"),
    ]
