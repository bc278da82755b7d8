"""Looking through a unit, in the browser; and links from when that was a part of Feature maps."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from cnnlab_core.models.build import build_on_meta
from cnnlab_core.models.zoo import DEFAULT_MODEL, find_spec
from cnnlab_core.receptive_field import receptive_fields

TABS = ("Receptive field", "Effective field", "Design your own", "AlexNet")


def address(tab, **query):
    return "/receptive_fields?maps_tab=" + "&".join(
        [tab.replace(" ", "+"), *(f"{key}={value}" for key, value in query.items())]
    )


def test_click_a_unit_and_its_box_is_the_cores(lab):
    field = receptive_fields(build_on_meta(find_spec(DEFAULT_MODEL)), (224, 224))["_blocks.2.add"]
    lab.open(address("Receptive field"))
    board = lab.page.locator(".board")
    for row, col in ((10, 40), (54, 3)):
        size = board.bounding_box()
        spot = {"x": (col + 0.5) / 56 * size["width"], "y": (row + 0.5) / 56 * size["height"]}
        lab.during(lambda spot=spot: board.click(position=spot))
        assert f"maps_row={row}" in lab.page.url
        expect(lab.page.get_by_label(re.compile(r"Unit row \(0 to 55\)"))).to_have_value(str(row))
        expect(lab.page.get_by_label(re.compile(r"Unit column \(0 to 55\)"))).to_have_value(str(col))
        box = field.box(row, col)
        worked_out = lab.page.locator(".katex-mathml annotation").filter(
            has_text=rf"{field.start[0]:g} + {row} \cdot 4 = {row * 4 - 6} \\"
        )
        expect(worked_out.first).to_be_attached()
        drawn = lab.page.locator(".photo canvas").get_attribute("data-box")
        assert drawn == ",".join(map(str, (box.top, box.left, box.bottom, box.right)))
    board.focus()
    lab.page.keyboard.press("ArrowRight")
    lab.during(lambda: lab.page.keyboard.press("Enter"))
    assert "maps_col=4" in lab.page.url


@pytest.mark.wide
def test_an_effective_field_sharpens_while_it_is_computed_and_can_be_stopped(lab):
    settings = {"maps_depth": "late", "maps_effective_over": "noise", "maps_pictures": "64"}
    lab.open(address("Effective field", model="vgg16", weights="random", **settings))
    lab.page.get_by_role("button", name="Average over 64 pictures").click()
    stop = lab.page.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_visible()
    drawn = lab.page.get_by_role("img", name="The influence of the pixels, random weights")
    expect(drawn).to_be_visible()
    first = drawn.get_attribute("src")
    expect(drawn).not_to_have_attribute("src", first)
    lab.press_stop()
    expect(lab.page.get_by_role("button", name="Go on")).to_be_visible()


@pytest.mark.wide
def test_a_link_reproduces_a_designed_stack(lab, browser, server):
    lab.open(address("Design your own"))
    lab.during(lambda: lab.page.get_by_role("button", name="Dilated").click())
    through = lab.page.get_by_label(re.compile("Look through row"))
    through.fill("3")
    lab.during(lambda: through.press("Enter"))
    sees = lab.page.get_by_text(re.compile(r"What unit \(64, 64\) of conv3 sees: 15 × 15"))
    expect(sees).to_be_visible()
    other = browser.new_context(viewport={"width": 1440, "height": 900})
    second = type(lab)(other.new_page(), server)
    second.open(lab.page.url.removeprefix(server))
    expect(second.page.get_by_text(re.compile(r"What unit \(64, 64\) of conv3 sees: 15 × 15"))).to_be_visible()
    assert np.array_equal(lab.picture("The field of the middle unit"), second.picture("The field of the middle unit"))
    second.check()
    other.close()


def type_into(lab, column, row, number):
    """Type into a cell of the table, which is a canvas: columns lie at x, rows are 35 pixels high."""
    box = lab.page.get_by_test_id("stDataFrame").first.bounding_box()
    lab.page.mouse.click(box["x"] + {"kernel": 200}[column], box["y"] + 35 * row + 17)
    for key in number:
        lab.page.wait_for_timeout(300)  # the cell's editor opens at the first key
        lab.page.keyboard.press(key)
    lab.page.wait_for_timeout(300)
    lab.during(lambda: lab.page.keyboard.press("Enter"))


@pytest.mark.wide
def test_editing_the_table_moves_the_field(lab):
    lab.open(address("Design your own", maps_stack="c3,c3", maps_input="32"))
    type_into(lab, "kernel", 1, "7")
    expect(lab.page).to_have_url(re.compile("maps_stack=c7%2Cc3&"))
    expect(lab.page.get_by_text(re.compile("of conv2 sees: 9 × 9"))).to_be_visible()
    lab.during(lambda: lab.page.get_by_role("tab", name="AlexNet").click())
    lab.during(lambda: lab.page.get_by_role("tab", name="Design your own").click())
    expect(lab.page.get_by_text(re.compile("of conv2 sees: 9 × 9"))).to_be_visible()  # the edit is still there
    type_into(lab, "kernel", 2, "60")
    expect(lab.page.get_by_text("its window spans 60, but the map before it is 26 wide")).to_be_visible()


@pytest.mark.wide
@pytest.mark.parametrize("tab", TABS)
def test_each_tab_in_the_light_the_dark_and_the_pocket(lab, dark_lab, phone_lab, tab):
    name = f"maps_{tab.lower().replace(' ', '_')}"
    for opened, shot in ((lab, name), (dark_lab, f"{name}_dark"), (phone_lab, f"{name}_phone")):
        opened.open(address(tab))
        expect(opened.page.get_by_test_id("stMain").get_by_role("img").first).to_be_visible()
        assert opened.page.locator(".katex-error").count() == 0
        width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width == 0, "the page can be scrolled sideways"
        opened.shot(shot)


@pytest.mark.wide
def test_an_old_link_opens_the_page_cold_with_all_that_it_says(lab):
    counting = "pixels+from+1%2C+units+0%2C+bottom+left"
    lab.open(f"/feature_maps?maps_tab=AlexNet&maps_counting={counting}&maps_alexnet=conv2&picture=coffee")
    expect(lab.page.locator("h1")).to_have_text("Receptive fields")
    expect(lab.page.get_by_role("tab", name="AlexNet")).to_have_attribute("aria-selected", "true")
    expect(lab.page.get_by_role("radio", name="conv2")).to_be_checked()
    expect(lab.page.get_by_text("109 … 119").first).to_be_visible()
    for part in (f"maps_counting={counting}", "maps_alexnet=conv2", "picture=coffee", "/receptive_fields?"):
        assert part in lab.page.url
    lab.during(lambda: lab.page.get_by_test_id("stSidebar").get_by_role("link", name="Feature maps").click())
    expect(lab.page.locator("h1")).to_have_text("Feature maps")  # the way back isn't barred
    expect(lab.page.get_by_role("tab", name="Feature maps")).to_have_attribute("aria-selected", "true")
