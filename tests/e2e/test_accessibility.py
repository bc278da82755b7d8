"""Every page for everybody: axe finds nothing serious, no width cuts anything off, and the keyboard is enough."""

import re

import pytest
from playwright.sync_api import expect

from cnnlab_core.ui.contents import PAGES

NAMES = ["", *(page.name for page in PAGES)]
PHONE, LAPTOP, PROJECTOR = (390, 800), (1366, 768), (1920, 1080)


@pytest.mark.wide
@pytest.mark.parametrize("name", NAMES)
def test_a_page_from_a_cold_deep_link_in_every_width_light_and_dark(lab, name):
    lab.open(f"/{name}")
    expect(lab.page.locator("h1")).to_be_visible()
    lab.shot(f"page_{name or 'home'}")
    lab.page.emulate_media(color_scheme="dark")
    expect(lab.page.locator(".stApp")).to_have_css("color-scheme", "dark")
    for width, height in (PROJECTOR, LAPTOP, PHONE):
        lab.page.set_viewport_size({"width": width, "height": height})
        lab.settle()
        sideways = lab.page.evaluate(
            """[document.scrollingElement, document.querySelector("[data-testid=stMain]")]
                .map((part) => part.scrollWidth - Math.min(part.clientWidth, innerWidth))"""
        )
        assert max(sideways) <= 0, f"at {width} pixels the page can be scrolled sideways by {sideways}"
        if (width, height) != PROJECTOR:
            lab.accessible()


WALK = """([wanted, kind]) => {
  const active = () => {
    let found = document.activeElement;
    while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
    return found;
  };
  const looks = (element) => {
    const chain = [];
    for (let at = element, n = 0; at instanceof Element && n < 5; at = at.parentElement ?? at.getRootNode().host, n++)
      chain.push(at);
    return chain.map((part) => {
      const style = getComputedStyle(part);
      return [style.outline, style.boxShadow, style.borderColor, style.backgroundColor, style.color].join();
    }).join();
  };
  for (const change of document.getAnimations())  // such as a border that fades in
    if (change instanceof CSSTransition) change.finish();
  const here = active();
  const said = here.getAttribute("aria-label") || here.innerText || here.tagName;
  // A table of Streamlit's draws the cell that has the focus itself; the body stands for none.
  const last = window.walked;
  const drawn = last?.element.matches("body, [data-testid=data-grid-canvas]");
  const moved = last?.element.isConnected && last.element !== here;  // a busy page may not have moved it yet
  if (moved && !drawn && looks(last.element) === last.looks)
    window.unseen = [...(window.unseen ?? []), last.element];
  Object.assign(window, { looks, walked: { element: here, looks: looks(here) } });
  return here.matches(kind) && new RegExp(wanted).test(said.trim());
}"""


# Looked at once more, one by one: a page that is being drawn anew may have changed between two looks.
UNSEEN = """() => {
  const same = (element) => {
    element.focus();
    const focused = looks(element);
    element.blur();
    return focused === looks(element);
  };
  const found = (window.unseen ?? []).filter((element) => element.isConnected && same(element));
  window.walked.element.focus();
  return found.map((element) => element.outerHTML.slice(0, 200));
}"""


def walk_to(lab, wanted, kind="*"):
    """Press Tab until what is focused is called ``wanted`` (a pattern) and fits the selector ``kind``.

    On the way it must be seen of everything that it has the focus.
    """
    for _ in range(400):
        lab.page.keyboard.press("Tab")
        if lab.page.evaluate(WALK, [wanted, kind]):
            break
        if lab.page.evaluate("document.activeElement === document.body"):  # the end; what is first computed may follow
            lab.page.wait_for_timeout(500)
    else:
        raise AssertionError(f"“{wanted}” can't be reached with Tab")
    if lab.page.evaluate("!!window.unseen"):
        lab.page.wait_for_timeout(1000)
    unseen = lab.page.evaluate(UNSEEN)
    assert not unseen, "focus isn't seen on: " + "\n".join(unseen)


def press(lab, *keys):
    for key in keys:
        lab.page.keyboard.press(key)


def test_the_keyboard_opens_a_page_from_home(lab):
    lab.open("/")
    walk_to(lab, "Naming photos")
    lab.during(lambda: press(lab, "Enter"))
    expect(lab.page.locator("h1")).to_have_text("Naming photos")


def test_the_keyboard_moves_the_window_of_a_convolution(lab):
    lab.open("/convolution")
    walk_to(lab, r"^y\[")
    pinned = lab.page.locator(".cell.active")
    before = pinned.get_attribute("aria-label")
    press(lab, "ArrowRight" if "6]" not in before else "ArrowLeft")
    lab.during(lambda: press(lab, "Enter"))
    expect(pinned).not_to_have_attribute("aria-label", before)


@pytest.mark.wide
def test_the_keyboard_changes_what_the_classifier_shows(lab):
    lab.open("/classifier")
    walk_to(lab, "^(Probabilities|Logits)$")
    press(lab, "ArrowRight")
    lab.during(lambda: press(lab, "Enter"))
    expect(lab.page).to_have_url(re.compile("classifier_scale=Logits"))


@pytest.mark.wide
def test_the_keyboard_picks_a_feature_map(lab):
    lab.open("/feature_maps")
    walk_to(lab, "Arrow keys move, Enter chooses")
    press(lab, "ArrowRight", "ArrowRight")
    lab.during(lambda: press(lab, "Enter"))
    expect(lab.page).to_have_url(re.compile(r"maps_channel=\d"))


@pytest.mark.wide
def test_the_keyboard_moves_epsilon(lab):
    lab.open("/adversarial?model=cifar10_standard&adversarial_tab_attack=Epsilon")
    slider = lab.page.locator(".explorer input")
    expect(slider).to_be_visible()
    walk_to(lab, "^Epsilon$", "[type=range]")
    before = slider.input_value()
    lab.during(lambda: press(lab, "ArrowRight"))
    expect(slider).not_to_have_value(before)


@pytest.mark.wide
def test_the_keyboard_wipes_between_photo_and_dream(lab):
    lab.open("/deepdream")
    walk_to(lab, "Arrow keys move the line")
    press(lab, "ArrowRight", "PageUp")
    expect(lab.page.get_by_role("slider", name=re.compile("Arrow keys move"))).to_have_attribute("aria-valuenow", "62")


@pytest.mark.wide
def test_the_keyboard_changes_tabs_of_the_training_page(lab):
    lab.open("/training")
    walk_to(lab, "^Watch$")
    lab.during(lambda: press(lab, "ArrowRight"))
    expect(lab.page.get_by_role("tab", name="Filters and gradients")).to_have_attribute("aria-selected", "true")


@pytest.mark.wide
def test_the_keyboard_draws_more_pictures_to_learn_from(lab):
    lab.open("/transfer_learning")
    walk_to(lab, "", "[data-testid=stMain] [type=range]")
    lab.during(lambda: press(lab, "ArrowRight"))
    expect(lab.page).to_have_url(re.compile("transfer_each="))
