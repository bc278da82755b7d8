"""The report card in the browser."""

import re

import pytest
from playwright.sync_api import expect

TABS = ("The card", "Accuracy", "Robustness", "Calibration", "Corruptions")
TOUCHED = """() => [...document.querySelectorAll("[class*=st-key-chart_]")].flatMap((chart) => {
  const icon = chart.querySelector("[data-testid=stPopoverButton]")?.getBoundingClientRect();
  return [...chart.querySelectorAll(".main-svg text")].filter((text) => {
    const box = text.getBoundingClientRect();
    return icon && box.width && box.right > icon.left && box.left < icon.right && box.bottom > icon.top
      && box.top < icon.bottom;
  }).map((text) => text.textContent);
})"""
"""What is written below the icons of the figures."""
MEASURED = "/report_card?report_network=glass_digits&report_beside=none&report_attacked=50&report_eps=16"


def test_two_cards_and_what_they_say(lab):
    """Opens finished; the fitted temperature is chosen, and leads to the page that names photos."""
    page = lab.open("/report_card?report_tab=Calibration")
    answer = page.locator(".st-key-main_answer")
    expect(answer).to_contain_text("not sure enough")
    lab.during(page.get_by_role("radio", name="fitted T").click)
    expect(answer).to_contain_text("about as sure as right")
    lab.during(page.get_by_role("link", name=re.compile("See CIFAR-10, deep name a photo")).click)
    expect(page).to_have_url(re.compile(r"classifier\?.*classifier_t=0\.[5-9]"))
    expect(page.get_by_text("Temperature T")).to_be_visible()
    lab.no_exception()


@pytest.mark.wide
def test_measuring_is_stopped_and_gone_on_with(lab):
    page = lab.open(MEASURED)
    page.get_by_role("button", name=re.compile("Measure Digits.*about")).click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    lab.press_stop()
    lab.during(page.get_by_role("button", name="Go on").click)
    expect(page.locator(".st-key-main_answer")).to_contain_text("of 200 pictures")
    lab.check()


@pytest.mark.wide
def test_the_tabs_in_the_light_the_dark_and_the_pocket(lab, dark_lab, phone_lab):
    for opened, place in ((lab, ""), (dark_lab, "_dark"), (phone_lab, "_phone")):
        for tab in TABS:
            opened.open(f"/report_card?report_tab={tab.replace(' ', '+')}")
            expect(opened.page.get_by_text("Take it away")).to_be_visible()
            width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert width == 0, f"{tab} can be scrolled sideways"
            opened.settle()
            assert opened.page.evaluate(TOUCHED) == [], f"{tab}{place}: an icon lies over a figure's text"
            opened.shot(f"report_card_{tab.lower().replace(' ', '_')}{place}")
