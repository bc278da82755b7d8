"""Training in the browser: start, leave and come back, pause, go on, compare, take along, attack."""

import re

import pytest
from playwright.sync_api import expect
from steering import form, goes_on, press, stands, start, steps_done


@pytest.mark.wide
def test_a_run_from_its_start_to_its_network_under_attack(lab):
    form(lab, epochs=400)
    start(lab, "first *run*", twice=True)
    stands(lab, "training")
    first = steps_done(lab)
    lab.open(f"/training?{lab.page.url.split('?')[1]}")  # the browser leaves and comes back
    stands(lab, "training")
    expect(lab.page.get_by_text(re.compile("Loss")).first).to_be_visible()
    goes_on(lab, first)
    press(lab, "Pause")
    stands(lab, "paused")
    paused = steps_done(lab)
    assert paused > first
    lab.page.wait_for_timeout(1500)
    assert steps_done(lab) == paused  # nothing goes on behind one's back
    press(lab, "Resume")
    stands(lab, "training")
    goes_on(lab, paused)
    press(lab, "Stop")
    press(lab, "Stop and test")
    stands(lab, "stopped")
    expect(lab.page.get_by_text("Test accuracy")).to_be_visible()

    form(lab, epochs=2, seed=1)
    start(lab, "second run")
    stands(lab, "finished")
    lab.during(lambda: lab.page.get_by_role("tab", name="Compare").click())
    chips = lab.page.locator("[data-testid=stMultiSelect]")
    expect(chips).to_contain_text("first *run*")
    expect(chips).to_contain_text("second run")
    assert chips.inner_text().count("run") == 2, "a double click started one run"
    expect(lab.page.get_by_text("Settings that differ")).to_be_visible()
    lab.shot("training_compare")

    lab.during(lambda: lab.page.get_by_role("tab", name="Watch").click())
    press(lab, "Export")
    link = lab.page.get_by_role("link", name="Attack it")
    expect(link).to_be_visible()
    link.click()
    expect(lab.page.get_by_role("heading", name="Adversarial attacks")).to_be_visible()
    expect(lab.page).to_have_url(re.compile("model=run"))
    expect(lab.page.get_by_text("Take it away")).to_be_visible()
    expect(lab.page.get_by_text("Trained in this lab on own:few")).to_be_visible()


@pytest.mark.wide
def test_the_page_in_the_dark_and_the_pocket(dark_lab, phone_lab):
    for opened, place in ((dark_lab, "_dark"), (phone_lab, "_phone")):
        opened.open("/training?training_tab=New run&data=own:few")
        expect(opened.page.get_by_role("button", name="Start", exact=True)).to_be_visible()
        width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width == 0, "the page can be scrolled sideways"
        opened.shot(f"training{place}")
