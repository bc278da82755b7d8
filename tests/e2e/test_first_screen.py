"""What each page shows before anybody scrolls: its main picture, the answer, and few controls."""

import io
import os
from itertools import product
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from places import ROOT
from shifts import LAYOUT_SHIFT, OPENED, worst

from cnnlab_core.lessons.ready import LESSONS
from cnnlab_core.ui.contents import PAGES
from cnnlab_core.ui.teaching.ready import picture_name

PHONE, ZOOMED = (390, 800), (683, 384)
"""In CSS pixels: a phone, and a laptop's screen at 200 %."""
WIDTH, HEIGHT = 1366, 768

PICTURES = [page.name for page in PAGES if page.name not in ("exercises", "teaching")]
"""Pages that are looked at for a picture; the others begin with something to choose."""

THEMES = {"light": lambda ground: ground > 200, "dark": lambda ground: ground < 60}

KINDS = ", ".join(
    f"[data-testid=st{kind}]"
    for kind in (
        "Selectbox",
        "Slider",
        "NumberInput",
        "TextInput",
        "TextArea",
        "ButtonGroup",
        "Checkbox",
        "Radio",
        "MultiSelect",
        "FileUploader",
    )
)

CONTROLS = """(kinds) => {
  const main = document.querySelector("[data-testid=stMain]");
  return [...main.querySelectorAll(kinds)].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.height && box.top < innerHeight && one.checkVisibility()
      && !one.closest("[class*=st-key-views_], [class*=st-key-guess_]");
  }).map((one) => one.innerText.split("\\n")[0]);
}"""
"""The names of the controls that begin on the first screen: a row of views is a row of tabs, a guess is no control."""

LIBRARIES = """() => performance.getEntriesByType("resource").flatMap(({ name }) =>
  name.match(/\\b(StreamlitSyntaxHighlighter|PlotlyChart|DataFrame)\\b/)?.[1] ?? [])"""
"""What the browser has loaded for code, charts and tables, a second's work each."""
WITHOUT_CHARTS = ("network", "feature_maps", "convolution")


def box(page, key):
    found = page.locator(f".st-key-{key}")
    assert found.count() == 1, f"{page.url} has {found.count()} of {key}"
    return found.bounding_box()


STANDS = """(kinds) => {
  const main = document.querySelector("[data-testid=stMain]");
  const shown = (found) =>
    [...main.querySelectorAll(found)].filter((one) => one.checkVisibility() && !one.closest("[inert]"));
  const [picture] = shown(".st-key-main_picture");
  const top = picture?.getBoundingClientRect().top;
  const cut = (one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth
    && (one.matches("input") || one.innerText && ["hidden", "clip"].includes(getComputedStyle(one).overflowX));
  const texts = (found) => found.map((one) => one.innerText.split("\\n")[0]);
  return {
    picture: !!picture,
    before: picture ? texts(shown(kinds).filter((one) => one.getBoundingClientRect().bottom <= top
      && !one.closest("[class*=st-key-views_]"))) : [],
    cut: texts(shown("button, [role=tab], [data-testid=stSelectbox]").filter((one) =>
      [one, ...one.querySelectorAll("*")].some(cut))),
    sideways: Math.max(...[document.scrollingElement, main].map((one) =>
      one.scrollWidth - Math.min(one.clientWidth, innerWidth))),
  };
}"""
"""Whether there is a picture, which controls stand before it, which options are cut off, how far it scrolls."""


@pytest.mark.wide
@pytest.mark.parametrize("name", ["", *(page.name for page in PAGES)])
def test_nothing_jumps_while_a_page_opens(lab, name):
    lab.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page = lab.open(f"/{name}")
    lab.settle()
    moved = page.evaluate(OPENED)
    assert worst(moved) < LAYOUT_SHIFT, moved


@pytest.mark.parametrize("name", PICTURES)
def test_main_picture_answer_and_three_controls(lab, name):
    lab.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page = lab.open(f"/{name}")
    lab.settle()
    for part in ("main_picture", "main_answer"):
        place = box(page, part)
        assert min(place["width"] / 100, place["height"] / 20) > 1, f"{part} is empty: {place}"
        assert place["y"] >= 0, f"{part} leaves the first screen: {place}"
        assert place["y"] + place["height"] <= HEIGHT, f"{part} leaves the first screen: {place}"
        assert place["x"] + place["width"] <= WIDTH, f"{part} leaves the first screen: {place}"
    controls = page.evaluate(CONTROLS, KINDS)
    assert len(controls) <= 3, controls
    libraries = set(page.evaluate(LIBRARIES))
    assert "StreamlitSyntaxHighlighter" not in libraries
    assert not libraries or name not in WITHOUT_CHARTS, libraries


FORMS = {"Practice", "Questions", "One neuron", "One run", "Do it live", "Sheets"}
FORMS |= {"Ready lessons", "Make a lesson", "Follow a class", "Run the server"}
"""Views that are for the hands: no picture comes first there."""


VIEWS = "[data-testid=stMain] [class*=st-key-views_]:not([inert] *, [class*=st-key-views_film]) [role=radio]"


def each_view(lab):
    """Open the views of the page one after another; gives their titles."""
    for tab in lab.page.locator("[data-testid=stMain] [role=tab]").all() or [None]:
        if tab and tab.get_attribute("aria-selected") != "true":
            lab.during(tab.click)
        views = lab.page.locator(VIEWS).all()
        for view in views:
            if not view.is_checked():
                lab.during(view.click)
            yield view.inner_text()
        if not views:
            yield tab.inner_text() if tab else ""


@pytest.mark.wide
@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_on_a_phone_the_picture_comes_first_and_at_200_percent_nothing_is_cut_off(lab, name):
    page = lab.open(f"/{name}")
    for title in each_view(lab):
        for width, height in (PHONE, ZOOMED):
            page.set_viewport_size({"width": width, "height": height})
            lab.settle()
            found = page.evaluate(STANDS, KINDS)
            assert found["sideways"] <= 0, (title, width, found)
            assert found["picture"] or title in FORMS, title
            assert not found["cut" if width == ZOOMED[0] else "before"], (title, found)
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def remake_picture(lab, name, address, theme):
    """A page's card at home, or a lesson's: its first screen below the title."""
    lab.page.emulate_media(color_scheme=theme)
    page = lab.open(address)
    lab.settle()
    page.wait_for_timeout(2000)  # what is first computed after that fades the page
    page.wait_for_function("!document.querySelector('[data-stale=true]')")
    main = page.get_by_test_id("stMainBlockContainer").bounding_box()
    left, wide = main["x"] + 40, main["width"] - 80
    high = 0.6 * wide
    picture = page.locator(".st-key-main_picture")
    top = picture.bounding_box()["y"] if picture.count() else 110
    clip = {"x": left, "y": min(top - 8, HEIGHT - high), "width": wide, "height": high}
    shot = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    file = ROOT / "assets" / "pages" / (f"{name}_dark.webp" if theme == "dark" else f"{name}.webp")
    shot.resize((480, 288), Image.Resampling.LANCZOS).save(file, quality=80 if theme == "light" else 70)


def test_each_page_has_its_picture_at_home(lab):
    lab.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    if os.environ.get("CNNLAB_SCREENSHOTS"):
        views = {entry.name: f"/{entry.name}" for entry in PAGES}
        for lesson in LESSONS:
            views[picture_name(lesson)] = f"/{lesson.steps[0].page}?{urlencode(lesson.steps[0].view)}"
        for (name, address), theme in product(views.items(), THEMES):
            remake_picture(lab, name, address, theme)
    for theme, is_right in THEMES.items():
        lab.page.emulate_media(color_scheme=theme)
        lab.open("/")
        for entry in PAGES:
            picture = lab.picture(f"The page “{entry.title}”, open")
            assert picture.shape == (288, 480, 3)
            assert is_right(np.median(picture)), f"{entry.name} has the wrong picture in the {theme}"
