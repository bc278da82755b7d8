"""What each page shows before anybody scrolls: its main picture, the answer, and few controls."""

import io
import os
from itertools import product

import numpy as np
import pytest
from PIL import Image
from places import ROOT

from cnnlab_core.ui.contents import PAGES

WIDTH, HEIGHT = 1366, 768

PICTURES = [page.name for page in PAGES if page.name not in ("exercises", "teaching")]
"""Pages that are looked at for a picture; the others begin with something to choose."""

THEMES = {"light": lambda ground: ground > 200, "dark": lambda ground: ground < 60}

CONTROLS = """() => {
  const kinds = ["Selectbox", "Slider", "NumberInput", "TextInput", "TextArea", "ButtonGroup", "Checkbox", "Radio",
                 "MultiSelect", "FileUploader"].map((kind) => `[data-testid=st${kind}]`);
  const main = document.querySelector("[data-testid=stMain]");
  return [...main.querySelectorAll(kinds.join())].filter((one) => {
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
    controls = page.evaluate(CONTROLS)
    assert len(controls) <= 3, controls
    libraries = set(page.evaluate(LIBRARIES))
    assert "StreamlitSyntaxHighlighter" not in libraries
    assert not libraries or name not in WITHOUT_CHARTS, libraries


def remake_picture(lab, name, theme):
    """The page's card at home: its first screen below the title."""
    lab.page.emulate_media(color_scheme=theme)
    page = lab.open(f"/{name}")
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
        for entry, theme in product(PAGES, THEMES):
            remake_picture(lab, entry.name, theme)
    for theme, is_right in THEMES.items():
        lab.page.emulate_media(color_scheme=theme)
        lab.open("/")
        for entry in PAGES:
            picture = lab.picture(f"The page “{entry.title}”, open")
            assert picture.shape == (288, 480, 3)
            assert is_right(np.median(picture)), f"{entry.name} has the wrong picture in the {theme}"
