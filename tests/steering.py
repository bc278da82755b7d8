"""A run in the browser: how far it is, how it stands, and its buttons."""

import re
import time

from patience import patience
from playwright.sync_api import expect


def steps_done(lab):
    """The step that the line of state tells."""
    line = lab.page.get_by_text(re.compile(r"step [\d,]+ of")).first
    expect(line).to_be_visible()
    return int(re.search(r"step ([\d,]+) of", line.inner_text())[1].replace(",", ""))


def goes_on(lab, after):
    """Wait until more steps are done than ``after``; gives how many."""
    end = time.monotonic() + patience(60)
    while (now := steps_done(lab)) <= after:
        assert time.monotonic() < end, "it doesn't go on"
        lab.page.wait_for_timeout(100)
    return now


def press(lab, name):
    lab.page.get_by_role("button", name=name, exact=True).click()


def stands(lab, state):
    expect(lab.page.locator(".stMarkdownBadge", has_text=state).first).to_be_visible()
