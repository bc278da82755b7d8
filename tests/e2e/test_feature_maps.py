"""The tabs of Feature maps, in the browser."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

CHAPTERS = {
    "layers": ("Layer by layer", ("Early, middle, late", "Compare", "Inversion")),
    "channels": ("What channels look for", ("Strongest patches", "First-layer filters", "Channels of a class")),
    "trial": ("On trial", ("Shortcut", "Randomisation", "Deletion and insertion", "Agreement")),
}
INSIDE = {view: (name, title) for name, (title, views) in CHAPTERS.items() for view in views}
TABS = (*INSIDE, "Attribution")


def address(tab, **more):
    query = "".join(f"&{key}={value}" for key, value in more.items())
    name, title = INSIDE.get(tab, ("", tab))
    place = f"{title}&maps_tab_{name}={tab}" if name else tab
    return f"/feature_maps?maps_tab={place.replace(' ', '+')}{query}"


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
    row = lab.page.get_by_role("tab", name=INSIDE.get(tab, ("", tab))[1])
    lab.during(row.click)
    view = lab.page.get_by_role("radio", name=tab, exact=True)
    if tab in INSIDE and not view.is_checked():
        lab.during(view.click)
    expect(lab.page.get_by_text("Take it away")).to_be_visible()
    lab.open(lab.page.url.removeprefix(lab.server))
    expect(row).to_have_attribute("aria-selected", "true")
    expect(view).to_be_checked() if tab in INSIDE else expect(view).to_have_count(0)
    expect(lab.page.get_by_text("Take it away")).to_be_visible()
    lab.check()


@pytest.mark.parametrize("side", ["pretrained", pytest.param("random", marks=pytest.mark.wide)])
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
    expect(lab.page.get_by_text("Channel 9", exact=True).first).to_be_visible()


@pytest.mark.wide
def test_the_keyboard_chooses_a_map(lab):
    lab.open("/feature_maps?maps_order=index&maps_channel=0")
    board = lab.page.get_by_role("application", name=re.compile("Mosaic of 24 feature maps"))
    board.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        board.press(key)
    expect(lab.page.get_by_text(re.compile("channel 9: mean"))).to_be_visible()  # eight columns: 1 + 8
    lab.during(lambda: board.press("Enter"))
    expect(lab.page.get_by_text("Channel 9", exact=True).first).to_be_visible()
    assert in_the_address(lab, "maps_channel") == 9


def test_the_photo_shows_what_the_unit_under_the_pointer_sees_and_little_is_sent(lab):
    lab.open("/feature_maps")
    lab.settle()
    board, photo = lab.page.locator(".map .board"), lab.page.locator(".photo canvas")
    box = board.bounding_box()
    lab.page.mouse.move(box["x"] + 10.5 / 56 * box["width"], box["y"] + 20.5 / 56 * box["height"])
    expect(lab.page.get_by_text("sees rows 74 to 92, columns 34 to 52")).to_be_visible()
    assert photo.get_attribute("data-box") == "74,34,92,52"
    received = []
    lab.page.on("response", lambda answer: "/media/" in answer.url and received.append(answer))
    mosaic = lab.page.get_by_role("application", name=re.compile("Mosaic"))
    lab.during(lambda: mosaic.click(position={"x": 300, "y": 50}))
    lab.settle()
    assert received, "another map is another picture"
    assert sum(len(answer.body()) for answer in received) < 15_000, "the photo and the mosaic are there already"


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
def test_occlusion_runs_can_be_stopped_and_finishes(lab):
    lab.open(address("Attribution", maps_method="Occlusion", maps_window="16", maps_stride="2"))
    lab.page.get_by_role("button", name="Run (11025 squares)").click()
    stop = lab.page.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_visible()
    expect(lab.page.get_by_text(re.compile(r"Occlusion · \d+ s"))).to_be_visible()
    lab.press_stop()
    expect(lab.page.get_by_role("button", name="Go on")).to_be_visible()
    for label, value in (("Square", "112"), ("Stride", "56")):
        box = lab.page.get_by_label(label)
        box.fill(value)
        lab.during(lambda box=box: box.press("Enter"))
    lab.during(lambda: lab.page.get_by_role("button", name="Run (9 squares)").click())
    assert np.ptp(lab.picture("Occlusion over the picture")[200:, :, 0]) > 0
    lab.page.get_by_text("Take it away").click()
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="Numbers (NPZ)").click()
    arrays = np.load(download.value.path())
    assert arrays["occlusion"].shape == (224, 224)


@pytest.mark.wide
def test_the_tabs_in_the_light_the_dark_and_the_pocket(lab, dark_lab, phone_lab):
    for opened, place in ((lab, ""), (dark_lab, "_dark"), (phone_lab, "_phone")):
        for tab in TABS:
            opened.open(address(tab, maps_depth="middle"))
            expect(opened.page.get_by_text("Take it away")).to_be_visible()
            width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert width == 0, f"{tab} can be scrolled sideways"
            opened.shot(f"feature_maps_{tab.lower().replace(', ', '_').replace(' ', '_')}{place}")


@pytest.mark.wide
def test_the_trial_is_whole_on_the_first_screen_and_a_phone_gets_figures_of_its_own(lab):
    page, figures = lab.page, lab.page.locator(".st-key-main_picture picture img")
    for view in CHAPTERS["trial"][1]:
        page.set_viewport_size({"width": 1366, "height": 768})
        lab.open(address(view))
        lab.settle()
        for part in ("main_picture", "main_answer"):
            box = page.locator(f".st-key-{part}").bounding_box()
            assert box["y"] + box["height"] <= 768, f"{view}: {part} leaves the first screen: {box}"
        wide = figures.evaluate_all("all => all.map((one) => one.currentSrc)")
        assert bool(wide) == (view in ("Shortcut", "Randomisation"))
        page.set_viewport_size({"width": 390, "height": 800})
        lab.settle()
        shrunk = figures.evaluate_all("all => all.map((one) => [one.currentSrc, one.naturalWidth / one.clientWidth])")
        assert all(source not in wide and by < 2.2 for source, by in shrunk), (view, shrunk)
