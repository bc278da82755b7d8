"""Projector mode in the browser: large, alone, at full contrast, on each page; Escape or the button leaves it."""

import re

import pytest
from playwright.sync_api import expect

from cnnlab_core.ui.contents import PAGES

INK = "element => getComputedStyle(element).color"


def leave(lab):
    return lab.page.get_by_role("button", name=re.compile("Leave projector mode"))


def test_everything_is_half_as_large_again_and_escape_leaves(lab):
    lab.open("/adversarial?adversarial_tab=On+paper")
    title, sidebar = lab.page.locator("h1"), lab.page.get_by_test_id("stSidebar")
    caption = lab.page.get_by_test_id("stMain").get_by_test_id("stCaptionContainer").first
    before = title.bounding_box()["height"]
    assert caption.evaluate(INK) != "rgb(0, 0, 0)"
    lab.during(lambda: lab.page.get_by_role("button", name="Projector mode").click())
    expect(sidebar).to_be_hidden()
    expect(lab.page).to_have_url(re.compile("projector=1"))
    assert title.bounding_box()["height"] == pytest.approx(1.5 * before, rel=0.02)
    assert caption.evaluate(INK) == "rgb(0, 0, 0)"
    plot = lab.page.locator(".js-plotly-plot .nsewdrag").first  # a figure still knows where the pointer is
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    x, y = box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"]
    lab.page.mouse.move(x, y)
    label = lab.page.locator(".js-plotly-plot .hovertext path").first
    expect(label).to_be_attached()
    at = label.bounding_box()
    assert at["x"] - 5 <= x <= at["x"] + at["width"] + 5
    lab.during(lambda: lab.page.keyboard.press("Escape"))
    expect(sidebar).to_be_visible()
    assert "projector" not in lab.page.url
    assert "adversarial_tab=On+paper" in lab.page.url


def test_escape_first_closes_what_is_open(lab):
    lab.open("/convolution?projector=1")
    lab.page.get_by_role("button", name=re.compile("^.*Sizes")).click()
    body = lab.page.get_by_test_id("stPopoverBody")
    expect(body).to_be_visible()
    lab.page.keyboard.press("Escape")
    expect(body).to_be_hidden()
    expect(leave(lab)).to_be_visible()
    lab.during(lambda: leave(lab).click())
    expect(lab.page.get_by_test_id("stSidebar")).to_be_visible()


def test_epsilon_is_dragged_where_the_pointer_is(lab):
    lab.open("/adversarial?model=cifar10_standard&adversarial_tab_attack=Epsilon&projector=1")
    chart = lab.page.locator(".explorer svg").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    lab.during(lambda: chart.click(position={"x": box["width"] - 12, "y": box["height"] / 2}))
    expect(lab.page).to_have_url(re.compile("adversarial_at=16"))


def test_it_stays_on_the_next_page(lab):
    lab.open("/?projector=1")
    main = lab.page.get_by_test_id("stMain")
    lab.during(lambda: main.get_by_role("link", name="Teaching", exact=True).click())
    expect(lab.page.locator("h1")).to_have_text("Teaching")
    expect(lab.page).to_have_url(re.compile("teaching[?]projector=1"))
    expect(leave(lab)).to_be_visible()


@pytest.mark.wide
@pytest.mark.parametrize("page", ["", *(page.name for page in PAGES)])
def test_each_page_fits_the_screen(lab, page):
    lab.open(f"/{page}?projector=1")
    expect(lab.page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(leave(lab)).to_be_visible()
    main = lab.page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") == 0
    title = lab.page.locator("h1").bounding_box()
    button = leave(lab).bounding_box()
    assert title["x"] + title["width"] > 0
    assert button["x"] + button["width"] <= lab.page.viewport_size["width"]
    lab.page.mouse.wheel(0, 100_000)
    end = "main => main.scrollTop + main.clientHeight >= main.scrollHeight - 2"
    lab.page.wait_for_function(end, arg=main.element_handle())
