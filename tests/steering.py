"""A run in the browser: how far it is, how it stands, and its buttons."""

import re
import time

from patience import patience
from playwright.sync_api import expect

TEACHERS_KEY = "a key for the tests"
"""Whoever enters it is a teacher in the lab of the browser tests."""

STACK = "c8k3s2p1,norm,relu,c8k3p1,relu"
FORM = f"training_net=my own stack&training_stack={STACK}&training_batch=32&training_limit=480"


def form(lab, **more):
    """Open the form by link, as somebody would who was sent its settings."""
    query = "&".join([FORM, *(f"training_{name}={value}" for name, value in more.items())])
    lab.open(f"/training?training_tab=New run&data=own:few&{query}")


def start(lab, name, *, twice=False):
    box = lab.page.get_by_role("textbox", name="Name")
    box.fill(name)
    lab.during(lambda: box.press("Enter"))
    button = lab.page.get_by_role("button", name="Start", exact=True)
    button.dblclick() if twice else button.click()
    expect(lab.page.get_by_role("tab", name="Watch")).to_have_attribute("aria-selected", "true")


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
