"""The transfer-learning page in the browser."""

import re

from playwright.sync_api import expect


def address(tab):
    return f"/transfer_learning?transfer_tab={tab.replace(' ', '+')}"


def test_a_classifier_is_learned_and_taken_home(lab):
    lab.open("/transfer_learning")
    expect(lab.page.get_by_text("Mean per-class accuracy", exact=True)).to_be_visible(timeout=60_000)
    expect(lab.page.get_by_text(re.compile("Learned from 60 pictures"))).to_be_visible()
    lab.shot("transfer_classifier_light")
    lab.page.get_by_text("Take it away").click()
    with lab.page.expect_download() as found:
        lab.page.get_by_role("button", name="Confusion (CSV)").click()
    rows = found.value.path().read_text().splitlines()
    assert len(rows) == 11
    assert sum(int(count) for row in rows[1:] for count in row.split(",")[1:]) == 40
    lab.during(lab.page.get_by_role("tab", name="Map").click)
    expect(lab.page.get_by_text(re.compile("120 points"))).to_be_visible()
    assert "transfer_tab=Map" in lab.page.url


def test_the_tabs_in_the_light_the_dark_and_the_pocket(lab, dark_lab, phone_lab):
    for opened, tab in [
        (lab, "Random or pretrained"), (lab, "Map"), (dark_lab, "Classifier"), (dark_lab, "Your picture"),
        (phone_lab, "Classifier"), (phone_lab, "Your picture"),
    ]:  # fmt: skip
        opened.open(address(tab))
        expect(opened.page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        expect(opened.page.locator(".js-plotly-plot").first).to_be_visible(timeout=60_000)
        width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width == 0, f"{tab} can be scrolled sideways"
        place = {lab: "light", dark_lab: "dark", phone_lab: "phone"}[opened]
        opened.shot(f"transfer_{tab.lower().replace(' ', '_')}_{place}")
