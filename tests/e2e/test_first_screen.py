"""What each page shows before anybody scrolls: its main picture, the answer, and few controls."""

import pytest

from cnnlab_core.ui.contents import PAGES

WIDTH, HEIGHT = 1366, 768

PICTURES = [page.name for page in PAGES if page.name not in ("exercises", "teaching")]
"""Pages that are looked at for a picture; the others begin with something to choose."""

CONTROLS = """() => {
  const kinds = ["Selectbox", "Slider", "NumberInput", "TextInput", "TextArea", "ButtonGroup", "Checkbox", "Radio",
                 "MultiSelect", "FileUploader"].map((kind) => `[data-testid=st${kind}]`);
  const main = document.querySelector("[data-testid=stMain]");
  return [...main.querySelectorAll(kinds.join())].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.height && box.top < innerHeight && one.checkVisibility() && !one.closest("[class*=st-key-views_]");
  }).map((one) => one.innerText.split("\\n")[0]);
}"""
"""The names of the controls that begin on the first screen. A row of views is a row of tabs."""


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
