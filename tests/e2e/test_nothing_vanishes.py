"""While a control is moved and results are there, no part of the main picture ever goes, and nothing jumps."""

import pytest
from playwright.sync_api import expect
from shifts import LAYOUT_SHIFT, SHIFTS, worst

SEEN = """() => {
  const seen = (root) => [...root.querySelectorAll("*")].reduce((count, one) => count + (one.shadowRoot
    ? seen(one.shadowRoot)
    : one.matches("img, canvas, svg.main-svg, [role=grid]") && one.checkVisibility({ visibilityProperty: true })
      && Math.min(one.getBoundingClientRect().width, one.getBoundingClientRect().height) > 40), 0);
  const picture = document.querySelector(".st-key-main_picture");
  return picture ? seen(picture) : 0;
}"""
WATCH = """() => {
  const watched = window.watched = { frames: 0, gone: 0, moved: [] };
  const look = () => {
    const parts = (SEEN)();
    watched.first ??= parts;
    watched.frames++;
    if (parts < Math.max(watched.first, 1)) watched.gone++;
    watched.next = requestAnimationFrame(look);
  };
  look();
  watched.shifts = new PerformanceObserver((list) => watched.moved.push(...(SHIFTS)(list)));
  watched.shifts.observe({ type: "layout-shift" });
}""".replace("SEEN", SEEN).replace("SHIFTS", SHIFTS)
STOP = """() => {
  cancelAnimationFrame(window.watched.next);
  window.watched.shifts.disconnect();
  return window.watched;
}"""


HIDE = """async (watch) => {
  watch();
  const within = (root) => root.querySelector("img, canvas, [role=grid]")
    ?? [...root.querySelectorAll("*")].map(({ shadowRoot }) => shadowRoot && within(shadowRoot)).find(Boolean);
  within(document.querySelector(".st-key-main_picture")).style.visibility = "hidden";
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return window.watched;
}"""


def epsilon(lab):
    slider = lab.page.get_by_role("slider", name="Epsilon")
    box = slider.bounding_box()
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    lab.page.mouse.down()
    for right in (30, 60, 20, 90):
        lab.page.mouse.move(box["x"] + right, box["y"] + box["height"] / 2, steps=4)
        lab.page.wait_for_timeout(100)
    lab.during(lab.page.mouse.up)
    expect(lab.page.get_by_text("from your previous settings")).to_be_visible()


def kernel(lab):
    lab.page.get_by_role("button", name="Kernel and more").click()
    box = lab.page.get_by_role("combobox", name="Kernel", exact=False)
    for name in ("Blur", "Sobel"):
        box.click()
        box.fill(name)
        lab.during(lambda: lab.page.keyboard.press("Enter"))
    lab.page.keyboard.press("Escape")
    stride = lab.page.get_by_role("slider", name="Stride")
    stride.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        lab.during(lambda key=key: stride.press(key))


def layer(lab):
    for depth in ("middle", "late", "early"):
        lab.during(lambda depth=depth: lab.page.get_by_role("radio", name=depth).click())


def network(lab):
    box = lab.page.get_by_role("combobox", name="Network", exact=False).first
    box.click()
    box.fill("standard")
    lab.during(lambda: lab.page.keyboard.press("Enter"))
    lab.during(lambda: lab.page.get_by_role("radio", name="random").click())
    lab.during(lambda: lab.page.get_by_role("radio", name="pretrained").click())


@pytest.mark.parametrize(
    ("address", "drag"),
    [("adversarial", epsilon), ("convolution", kernel), ("feature_maps", layer), ("feature_maps", network)],
)
def test_the_picture_stays_and_nothing_jumps_while_a_control_is_moved(lab, address, drag):
    lab.page.set_viewport_size({"width": 1366, "height": 768})
    page = lab.open(f"/{address}")
    lab.settle()
    page.wait_for_function(SEEN)  # still opening, until then
    page.evaluate(WATCH)
    drag(lab)
    lab.settle()
    watched = page.evaluate(STOP)
    assert watched["frames"] > 10
    assert not watched["gone"], f"of {watched['first']} pictures some were gone in {watched['gone']} frames"
    assert worst(watched["moved"]) < LAYOUT_SHIFT, watched["moved"]
    assert page.evaluate(f"({HIDE})({WATCH})")["gone"], "the watch itself sees one go"
