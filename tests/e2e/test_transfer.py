"""The transfer-learning page in the browser."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect


def address(tab):
    return f"/transfer_learning?transfer_tab={tab.replace(' ', '+')}"


@pytest.mark.wide
def test_a_classifier_is_learned_and_taken_home(lab):
    lab.open(f"{address('Classifier')}&transfer_data=Shapes+and+textures+(generated)")
    expect(lab.page.get_by_text("Mean per-class accuracy", exact=True)).to_be_visible()
    expect(lab.page.get_by_text(re.compile("Learned from 60 pictures"))).to_be_visible()
    lab.shot("transfer_classifier_light")
    lab.page.get_by_text("Take it away").click()
    with lab.page.expect_download() as found:
        lab.page.get_by_role("button", name="Confusion matrix (CSV)").click()
    rows = found.value.path().read_text().splitlines()
    assert len(rows) == 11
    assert sum(int(count) for row in rows[1:] for count in row.split(",")[1:]) == 40
    lab.during(lab.page.get_by_role("tab", name="Projection").click)
    expect(lab.page.get_by_text(re.compile("120 points"))).to_be_visible()
    assert "transfer_tab" not in lab.page.url, "it is the tab that the page opens with"


def zipped():
    """Two classes, one bright and one dark, eight pictures of each."""
    random, content = np.random.default_rng(0), io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, low in (("dark", 0), ("bright", 190)):
            for number in range(8):
                picture = io.BytesIO()
                Image.fromarray(random.integers(low, low + 60, (40, 40, 3), np.uint8)).save(picture, "PNG")
                packed.writestr(f"{name}/{number}.png", picture.getvalue())
    return content.getvalue()


@pytest.mark.wide
def test_a_zip_is_imported_and_learned_from(lab):
    lab.open("/transfer_learning?transfer_tab=Classifier&model=squeezenet1_1&weights=random")
    lab.page.get_by_test_id("stMain").get_by_role("button", name="Use your own").click()
    file = {"name": "My lamps.zip", "mimeType": "application/zip", "buffer": zipped()}
    lab.page.get_by_test_id("stFileUploaderDropzoneInput").last.set_input_files(file)
    lab.page.get_by_role("button", name="Import", exact=True).click()
    lab.page.keyboard.press("Escape")
    expect(lab.page.get_by_text("Mean per-class accuracy", exact=True)).to_be_visible()
    lab.open("/transfer_learning?transfer_tab=Classifier&model=squeezenet1_1&weights=random&transfer_data=my-lamps")
    lab.page.get_by_role("button", name="Learn from 12 pictures").click()
    expect(lab.page.get_by_text("100.0%", exact=True)).to_be_visible()
    expect(lab.page.get_by_text("None: every test picture is classified correctly.")).to_be_visible()


@pytest.mark.wide
def test_learning_can_be_stopped(lab):
    lab.open("/transfer_learning?transfer_tab=Classifier&transfer_each=192&model=squeezenet1_1&weights=random")
    lab.page.get_by_role("button", name="Learn from 192 pictures").click()
    expect(lab.page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    lab.press_stop()
    expect(lab.page.get_by_role("button", name="Go on")).to_be_visible()
    lab.check()


@pytest.mark.wide
def test_the_tabs_in_the_light_the_dark_and_the_pocket(lab, dark_lab, phone_lab):
    for opened, tab in [
        (lab, "Learning curve"), (lab, "Projection"), (dark_lab, "Classifier"), (dark_lab, "Your picture"),
        (phone_lab, "Classifier"), (phone_lab, "Your picture"),
    ]:  # fmt: skip
        opened.open(address(tab))
        expect(opened.page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        expect(opened.page.locator(".js-plotly-plot").first).to_be_visible()
        width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width == 0, f"{tab} can be scrolled sideways"
        place = {lab: "light", dark_lab: "dark", phone_lab: "phone"}[opened]
        opened.shot(f"transfer_{tab.lower().replace(' ', '_')}_{place}")
