"""A page on paper, in colours that the system forces on it, at twice the size, without motion, and under a finger."""

import pytest
from playwright.sync_api import expect

from cnnlab_core.ui.contents import PAGES

READ = """() => {
  const seen = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).length;
  const main = document.querySelector("[data-testid=stMain]");
  return {
    beside: seen("[data-testid=stSidebar], .stButton, [data-testid=stPopover]"),
    ground: getComputedStyle(document.querySelector(".stApp")).backgroundColor,
    ink: [...main.querySelectorAll("p")].map((one) => getComputedStyle(one).color),
    cut: main.scrollHeight - main.clientHeight,
  };
}"""
CLIPPED = """() => [...document.querySelectorAll("[role=radio], [data-testid=stMain] [data-testid=stPopoverButton]")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)
  .map((one) => one.innerText)"""

PAINTED = """() => {
  const within = (root) =>
    [...root.querySelectorAll("*")].flatMap((one) => [one, ...(one.shadowRoot ? within(one.shadowRoot) : [])]);
  const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const isColour = (colour) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    const [red, green, blue, shown] = brush.getImageData(0, 0, 1, 1).data;
    return shown > 50 && Math.max(red, green, blue) - Math.min(red, green, blue) > 50;
  };
  const isPainted = (one, part) => {
    const style = getComputedStyle(one, part);
    return (part ? style.content !== "none" : !one.childNodes.length) && isColour(style.backgroundColor);
  };
  window.painted = within(document.querySelector("[data-testid=stMain]"))
    .filter((one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
    .flatMap((one) => [null, "::before", "::after"].filter((part) => isPainted(one, part)).map((part) => [one, part]));
}"""
"""Remembers what has a colour and nothing else: bars, swatches, marks."""
LOST = """() => window.painted
  .filter(([one]) => one.isConnected && !one.closest("[aria-selected=true], [aria-checked=true]"))
  .map(([one, part]) => [`${one.className} ${part ?? ""}`, getComputedStyle(one, part)])
  .filter(([, style]) => style.forcedColorAdjust === "auto" && style.outlineStyle === "none"
    && !parseFloat(style.borderTopWidth))
  .map(([name]) => name)"""
"""What of it the system's colours take away; what is chosen has an outline then."""

SCROLLED = "document.querySelector('[data-testid=stMain]').scrollTop"


@pytest.mark.parametrize(
    "name", [pytest.param(page.name, marks=() if page.name == "classifier" else pytest.mark.wide) for page in PAGES]
)
def test_a_dark_page_is_printed_black_on_white_and_forced_colours_keep_bars_and_swatches(dark_lab, name):
    page = dark_lab.open(f"/{name}")
    dark_lab.settle()
    page.evaluate(PAINTED)
    page.emulate_media(forced_colors="active")
    lost = page.evaluate(LOST)
    page.emulate_media(forced_colors="none", media="print")
    found = page.evaluate(READ)
    page.emulate_media(media="screen")
    assert not lost
    assert found["ground"] == "rgb(255, 255, 255)"
    assert {*found["ink"]} == {"rgb(0, 0, 0)"}
    assert (found["beside"], found["cut"]) == (0, 0)


def test_forced_colours_keep_outlines_and_calm_stays_calm(lab):
    page = lab.open("/convolution")
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    expect(page.locator(".cell.active")).to_have_css("outline-width", "3px")
    expect(page.locator(".frame").first).to_have_css("transition-duration", "0s")
    page.emulate_media(forced_colors="none", reduced_motion="no-preference")


def test_at_twice_the_size_every_choice_is_seen(lab):
    lab.page.set_viewport_size({"width": 683, "height": 384})
    for address in ("/deepdream", "/adversarial"):
        page = lab.open(address)
        lab.settle()
        assert not page.evaluate(CLIPPED)


@pytest.mark.wide
@pytest.mark.parametrize(
    ("address", "over"),
    [
        ("/deepdream", ".board"),
        ("/classifier", ".photo"),
        ("/adversarial?model=cifar10_standard&adversarial_tab_attack=Epsilon", ".chart"),
        ("/transfer_learning", ".js-plotly-plot"),
    ],
)
def test_a_finger_that_swipes_up_over_a_picture_or_a_chart_scrolls_the_page(phone_lab, address, over):
    page = phone_lab.open(address)
    phone_lab.settle()
    place = page.locator(over).first
    place.scroll_into_view_if_needed()
    box, before = place.bounding_box(), page.evaluate(SCROLLED)
    client = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    for kind, up in (("touchStart", 0), *(("touchMove", 12 * step) for step in range(1, 9)), ("touchEnd", None)):
        points = [] if up is None else [{"x": x, "y": y - up}]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait_for_function(f"{SCROLLED} > {before} + 50")
