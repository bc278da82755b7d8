"""The feature maps page's tabs of several maps, in the browser."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

TABS = ("Early, middle, late", "Compare", "Strongest patches", "First-layer filters")


def address(tab, **more):
    query = "".join(f"&{key}={value}" for key, value in more.items())
    return f"/feature_maps?maps_tab={tab.replace(' ', '+')}{query}"


def download(lab, label):
    lab.page.get_by_text("Take it away").click()
    with lab.page.expect_download() as found:
        lab.page.get_by_role("button", name=label).click()
    return found.value.path().read_bytes()


def in_the_address(lab, name):
    found = re.search(rf"[?&]{name}=(\d+)", lab.page.url)
    return int(found[1]) if found else None


@pytest.mark.wide
@pytest.mark.parametrize("tab", TABS)
def test_a_tab_opens_at_a_click_and_from_a_link(lab, tab):
    lab.open("/feature_maps")
    lab.during(lambda: lab.page.get_by_role("tab", name=tab).click())
    expect(lab.page.get_by_text("Take it away")).to_be_visible()
    lab.open(lab.page.url.removeprefix(lab.server))
    expect(lab.page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    expect(lab.page.get_by_text("Take it away")).to_be_visible()
    lab.check()


@pytest.mark.parametrize("side", ["pretrained", "random"])
def test_a_click_in_either_mosaic_chooses_the_channel(lab, side):
    lab.open(address("Compare", maps_order="index"))
    board = lab.page.get_by_role("application", name=f"Feature maps: {side} weights")
    expect(board).to_be_visible()
    box = board.bounding_box()
    # 24 channels in 7 columns and 4 rows: the second row's third tile is channel 9.
    at = {"x": box["width"] * 2.5 / 7, "y": box["height"] * 1.5 / 4}
    lab.during(lambda: board.click(position=at))
    expect(lab.page.get_by_text(re.compile("Channel 9 on both sides"))).to_be_visible()
    assert in_the_address(lab, "maps_channel") == 9
    lab.during(lambda: lab.page.get_by_role("tab", name="Feature maps").click())  # the other tabs see the same channel
    expect(lab.page.get_by_text("Channel 9", exact=True)).to_be_visible()


@pytest.mark.wide
def test_the_keyboard_chooses_a_map(lab):
    lab.open("/feature_maps?maps_order=index&maps_channel=0")
    board = lab.page.get_by_role("application", name=re.compile("Mosaic of 24 feature maps"))
    board.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        board.press(key)
    expect(lab.page.get_by_text(re.compile("channel 8: mean"))).to_be_visible()  # seven columns: 1 + 7
    lab.during(lambda: board.press("Enter"))
    expect(lab.page.get_by_text("Channel 8", exact=True)).to_be_visible()
    assert in_the_address(lab, "maps_channel") == 8


@pytest.mark.wide
def test_an_old_link_to_a_layer_opens_it_and_another_is_chosen_by_its_title(lab):
    lab.open(address("Feature maps", maps_depth="any+layer", maps_layer="_blocks.2.add"))
    box = lab.page.get_by_test_id("stMain").get_by_role("combobox", name="Which")
    expect(box).to_have_value("Block 3 of 16 · 24 maps of 56 × 56")
    box.fill("Block 5 of 16 ·")
    lab.during(lambda: lab.page.get_by_role("option", name="Block 5 of 16 · 40 maps of 28 × 28").click())
    assert "maps_layer=_blocks.4.add" in lab.page.url
    expect(lab.page.get_by_text(re.compile("^40 maps of 28 × 28"))).to_be_visible()


def test_a_click_on_a_filter_shows_its_numbers(lab):
    lab.open(address("First-layer filters"))
    board = lab.page.get_by_role("application", name="First-layer filters, pretrained")
    box = board.bounding_box()
    lab.during(lambda: board.click(position={"x": box["width"] * 0.5 / 8, "y": box["height"] * 2.5 / 4}))
    expect(lab.page.get_by_text(re.compile("Filter 16, and its numbers"))).to_be_visible()
    assert in_the_address(lab, "maps_filter") == 16


@pytest.mark.wide
def test_downloads_are_what_they_say(lab):
    lab.open(address(TABS[0]))
    figure = Image.open(io.BytesIO(download(lab, "Figure (PNG)")))
    assert figure.width > figure.height > 600
    with lab.page.expect_download() as found:
        lab.page.get_by_role("button", name="These maps (NPZ)").click()
    maps = np.load(found.value.path())
    assert maps["_blocks.2.add/maps"].shape == (5, 56, 56)
    lab.open(address("Strongest patches"))
    table = download(lab, "Table (CSV)").decode().splitlines()
    assert len(table) == 10
    lab.open("/feature_maps")
    assert Image.open(io.BytesIO(download(lab, "Mosaic (PNG)"))).width > 300


@pytest.mark.wide
def test_the_tabs_in_the_light_the_dark_and_the_pocket(lab, dark_lab, phone_lab):
    for opened, place in ((lab, ""), (dark_lab, "_dark"), (phone_lab, "_phone")):
        for tab in TABS:
            opened.open(address(tab, maps_depth="middle"))
            expect(opened.page.get_by_text("Take it away")).to_be_visible()
            width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert width == 0, f"{tab} can be scrolled sideways"
            opened.shot(f"feature_maps_{tab.lower().replace(', ', '_').replace(' ', '_')}{place}")
