"""The convolution page in the browser: hovering, keys, editing, and the numbers on the page against the core's."""

import re
import time

import numpy as np
import pytest
from patience import patience
from playwright.sync_api import expect

from cnnlab_core.convolution import EXAMPLES, conv2d, conv2d_backward, max_pool2d, max_pool2d_backward, read_planes

SEVEN = EXAMPLES["seven"]
X, W = (np.array(SEVEN.givens[name], dtype=float) for name in ("x", "w"))


def cell(lab, name):
    """A cell of the grid by its name, such as y[3, 3]."""
    return lab.page.locator(f'[role=gridcell][aria-label^="{name},"]')


def numbers(lab, array):
    """The array as it stands on the page."""
    cells = lab.page.locator(f'[role=gridcell][aria-label^="{array}["]')
    expect(cells.first).to_be_attached()
    read = cells.evaluate_all("all => all.map(c => [c.getAttribute('aria-label'), Number(c.dataset.value)])")
    index = [tuple(int(i) for i in re.match(r"\w+\[([\d, ]+)\]", label)[1].split(",")) for label, _ in read]
    values = np.full(np.max(index, axis=0) + 1, np.nan)
    for place, (_, value) in zip(index, read, strict=True):
        values[place] = value
    return values


def shows(lab, array, expected):
    """Whether the array on the page becomes what is expected, within a moment."""
    end = time.monotonic() + patience(5)
    while time.monotonic() < end:
        found = numbers(lab, array)
        if found.shape == np.shape(expected) and np.allclose(found, expected, rtol=0, atol=1e-12):
            return True
        lab.page.wait_for_timeout(50)
    return False


def lit(lab, array):
    return lab.page.locator(f'[role=gridcell].lit[aria-label^="{array}["]')


def words(lab):
    return lab.page.locator(".words")


def edit(lab, name, text):
    """Edit a cell as a person does, and wait for the page."""
    cell(lab, name).dblclick()
    lab.page.locator(".cell input").fill(text)
    lab.during(lambda: lab.page.keyboard.press("Enter"))
    lab.page.wait_for_timeout(500)  # the double click pins, which is reported a moment later


def test_the_first_look_is_a_finished_example_with_the_numbers_of_the_core(lab):
    lab.open("/convolution")
    expect(words(lab)).to_contain_text("y[2, 5] = −34")
    assert shows(lab, "x", X)
    assert shows(lab, "y", conv2d(X, W, padding=1))
    expect(lab.page.get_by_text("agrees with PyTorch")).to_be_visible()
    expect(lab.page.locator(".katex").first).to_be_visible()
    assert lab.page.locator(".katex-error").count() == 0
    lab.shot("convolution_2d")


def test_hovering_lights_up_what_belongs_together(lab):
    lab.open("/convolution")
    cell(lab, "y[3, 3]").hover()
    expect(words(lab)).to_contain_text("y[3, 3] = 30")
    expect(words(lab).locator(".chip")).to_have_count(9)
    expect(words(lab).locator(".chip").last).to_contain_text("1 · 4 = 4")
    expect(words(lab).locator(".chip small").last).to_have_text("sum 30")
    expect(words(lab)).to_contain_text("Sum of products 30, plus bias 0 makes 30.")
    expect(lit(lab, "x")).to_have_count(9)
    cell(lab, "x[3, 3]").hover()
    expect(words(lab)).to_contain_text("feeds 9 outputs")
    expect(lit(lab, "y")).to_have_count(9)
    cell(lab, "x[0, 0]").hover()
    expect(lit(lab, "y")).to_have_count(4)
    cell(lab, "w[0, 0]").hover()
    expect(words(lab)).to_contain_text("multiplies 49 cells")
    expect(lit(lab, "y")).to_have_count(49)
    expect(lit(lab, "x")).to_have_count(36)  # the other 13 are padding
    lab.page.locator("h1").hover()
    expect(words(lab)).to_contain_text("y[2, 5] = −34")  # back to the pinned cell


def test_the_keyboard_walks_pins_and_edits(lab):
    lab.open("/convolution")
    cell(lab, "y[2, 5]").focus()
    for key in ("ArrowDown", "ArrowLeft", "ArrowLeft"):
        lab.page.keyboard.press(key)
    expect(words(lab)).to_contain_text("y[3, 3] = 30")
    lab.during(lambda: lab.page.keyboard.press("Enter"))
    expect(lab.page.get_by_text("The pinned cell, written out")).to_be_visible()
    assert "conv_2_cell=y" in lab.page.url
    expect(lab.page.locator("[aria-live]").filter(has_text="y[3, 3] = 30")).to_have_count(1)
    cell(lab, "x[0, 0]").focus()
    lab.page.keyboard.press("F2")
    expect(lab.page.locator(".cell input")).to_have_value("0")
    lab.page.keyboard.press("Escape")
    expect(cell(lab, "x[0, 0]")).to_be_focused()
    lab.page.keyboard.press("7")
    lab.during(lambda: lab.page.keyboard.press("Enter"))
    expect(cell(lab, "x[0, 0]")).to_have_attribute("data-value", "7")
    x = X.copy()
    x[0, 0] = 7
    assert shows(lab, "y", conv2d(x, W, padding=1))


def test_the_window_is_grabbed_and_shows_its_products(lab):
    lab.open("/convolution")
    covered = lab.page.locator(".cell[data-over]")
    expect(covered).to_have_count(9)
    expect(covered.first).to_have_text("−9")
    expect(covered.first).to_have_attribute("data-over", "−1 · 9")
    box = lab.page.locator(".cell.grab").nth(4).bounding_box()
    lab.page.mouse.move(box["x"] + 9, box["y"] + 9)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 9 - 2 * box["width"], box["y"] + 9 + box["height"], steps=5)
    expect(words(lab)).to_contain_text("y[3, 3] = 30")
    lab.during(lab.page.mouse.up)
    assert "conv_2_cell=y%5B3%2C+3%5D" in lab.page.url
    expect(words(lab)).to_contain_text("y[3, 3] = 30")  # the pointer is still within the window
    expect(lab.page.locator(".landing")).to_have_count(0)
    lab.open("/convolution?conv_2_stride=2")
    expect(lab.page.locator(".landing")).to_have_count(16)


@pytest.mark.wide
def test_play_step_and_scrub(lab):
    lab.open("/convolution")
    button = lab.page.get_by_role("button", name="One step on")
    lab.during(button.click)
    expect(words(lab)).to_contain_text("y[2, 6] =")
    lab.during(lambda: lab.page.get_by_role("button", name="One step back").click())
    expect(words(lab)).to_contain_text("y[2, 5] =")
    scrubber = lab.page.get_by_role("slider", name="Position of the window")
    lab.during(lambda: scrubber.fill("0"))
    expect(words(lab)).to_contain_text("y[0, 0] =")
    lab.page.get_by_label("Speed").select_option("4")
    lab.page.get_by_role("button", name="Play").click()
    expect(words(lab)).to_contain_text("y[1, ")  # past the end of the first row
    lab.during(lambda: lab.page.get_by_role("button", name="Pause").click())
    stopped = words(lab).inner_text()
    lab.page.wait_for_timeout(500)
    assert words(lab).inner_text() == stopped


def test_an_edit_of_every_kind_reaches_the_core(lab):
    lab.open("/convolution")
    edit(lab, "w[1, 1]", "1/2")
    edit(lab, "b", "-1.5")
    edit(lab, "x[6, 6]", "4")
    x, w = X.copy(), W.copy()
    x[6, 6], w[1, 1] = 4, 0.5
    assert shows(lab, "y", conv2d(x, w, [-1.5], padding=1))
    edit(lab, "x[6, 6]", "four")
    expect(lab.page.get_by_text("isn't a number")).to_be_visible()
    expect(cell(lab, "x[6, 6]")).to_have_attribute("data-value", "4")
    expect(cell(lab, "x[6, 6]")).to_have_text("4")


@pytest.mark.wide
def test_quick_edits_one_after_another_all_arrive(lab):
    lab.open("/convolution?conv_tab_slide=1-D")
    cell(lab, "x[0]").dblclick()
    for value in ("5", "6", "7", "8"):
        lab.page.locator(".cell input").fill(value)
        lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Escape")
    for place, value in enumerate(("5", "6", "7", "8")):
        expect(cell(lab, f"x[{place}]")).to_have_attribute("data-value", value)
    expect(lab.page.locator(".waiting")).to_have_count(0)


@pytest.mark.wide
def test_the_stride_is_dragged(lab):
    lab.open("/convolution")
    thumb = lab.page.get_by_role("slider", name="Stride")
    box = thumb.bounding_box()
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 55, box["y"] + box["height"] / 2, steps=6)
    lab.during(lab.page.mouse.up)
    stride = int(thumb.get_attribute("aria-valuenow") or thumb.input_value())
    assert stride > 1
    assert shows(lab, "y", conv2d(X, W, padding=1, stride=stride))
    lab.shot("convolution_stride")


@pytest.mark.wide
def test_a_copied_link_opens_the_same_numbers(lab, browser, server):
    lab.open("/convolution")
    edit(lab, "x[0, 0]", "-3.25")
    edit(lab, "w[0, 0]", "1/3")
    lab.during(lambda: cell(lab, "y[1, 1]").click())
    here = {name: numbers(lab, name) for name in "xwy"}
    said = words(lab).inner_text()
    other = browser.new_context(viewport={"width": 1440, "height": 900})
    second = type(lab)(other.new_page(), server)
    second.open(lab.page.url.removeprefix(server))
    expect(words(second)).to_contain_text("y[1, 1] =")
    assert all(shows(second, name, here[name]) for name in "xwy")
    assert words(second).inner_text() == said
    second.check()
    other.close()


@pytest.mark.wide
def test_tabs_keep_their_numbers(lab):
    lab.open("/convolution")
    edit(lab, "x[0, 0]", "8")
    lab.during(lambda: lab.page.get_by_role("radio", name="Pooling").click())
    lab.during(lambda: lab.page.get_by_role("tab", name="Backward").click())
    expect(cell(lab, "x[0, 0]")).to_have_attribute("data-value", "8")
    lab.during(lambda: lab.page.get_by_role("tab", name="Slide").click())
    lab.during(lambda: lab.page.get_by_role("radio", name="2-D").click())
    expect(cell(lab, "x[0, 0]")).to_have_attribute("data-value", "8")
    assert "conv_2_x=8" in lab.page.url


def test_backward_every_gradient_and_its_sum(lab):
    lab.open("/convolution?conv_tab=Backward")
    dy = numbers(lab, "dy")
    dx, dw, db = conv2d_backward(X, W, dy, padding=1)
    assert shows(lab, "dx", dx)
    assert shows(lab, "dw", dw)
    expect(cell(lab, "db")).to_have_attribute("data-value", f"{db:g}")
    for name, value in (("dx[2, 2]", dx[2, 2]), ("dw[1, 0]", dw[1, 0]), ("db", db)):
        lab.during(cell(lab, name).click)
        expect(words(lab)).to_contain_text(f"{name} = {value:g}".replace("-", "−"))
        assert lab.page.locator(".katex-error").count() == 0


@pytest.mark.wide
def test_what_a_gradient_does_and_what_borders_do(lab):
    lab.open("/convolution?conv_tab=Backward")
    for view in ("One gradient step", "Borders compared"):
        lab.during(lambda view=view: lab.page.get_by_role("radio", name=view).click())
        assert lab.page.locator(".katex-error").count() == 0
        lab.shot(f"convolution_{view.split()[0].lower()}")


@pytest.mark.wide
def test_pooling_routes_and_ties(lab):
    lab.open("/convolution?conv_tab_slide=Pooling")
    x = np.array(EXAMPLES["pool_stride_1"].givens["x"], dtype=float)
    assert shows(lab, "y", max_pool2d(x, 2, stride=1))
    assert shows(lab, "dx", max_pool2d_backward(x, 2, numbers(lab, "dy"), stride=1))
    cell(lab, "y[2, 0]").hover()
    expect(words(lab)).to_contain_text("2 is there 2 times; the first in reading order wins")
    lab.shot("convolution_pooling")


def test_a_signal_is_pooled_and_counted_from_1(lab):
    lab.open("/convolution?conv_tab_slide=Pooling&conv_pool_dims=1-D&conv_pool1_x=1 5 2 4 4 0&conv_pool1_dy=1 2 3 4")
    assert shows(lab, "y", [5, 5, 4, 4])
    assert shows(lab, "dx", [0, 3, 0, 7, 0, 0])
    lab.during(lambda: lab.page.get_by_text("Count from 1").click())
    expect(cell(lab, "y[1]")).to_have_attribute("data-value", "5")
    expect(words(lab)).to_contain_text("y[1] = 5")
    expect(words(lab)).to_contain_text("The largest of 3 cells is 5, at x[2].")
    lab.during(cell(lab, "dx[4]").click)
    expect(words(lab)).to_contain_text("dx[4] = 7")
    assert "conv_from_1=true" in lab.page.url
    assert "conv_pool1_cell=dx%5B3%5D" in lab.page.url


@pytest.mark.wide
def test_channels_are_picked_and_summed(lab):
    lab.open("/convolution")
    box = lab.page.get_by_role("combobox", name="Example")
    box.click()
    box.fill("Three colours")
    lab.during(lambda: lab.page.keyboard.press("Enter"))
    givens = EXAMPLES["colours"].givens
    y = conv2d(givens["x"], givens["w"], givens["b"])
    lab.during(lambda: lab.page.get_by_role("button", name="Output y, channel 1").click())
    assert np.array_equal(numbers(lab, "y")[1], y[1])
    cell(lab, "y[1, 1, 1]").hover()
    expect(words(lab)).to_contain_text("channel 0: 0, channel 1: 10, channel 2: 4. Together 14, plus bias −2 makes 12.")
    assert f"y[1, 1, 1] = {y[1, 1, 1]:g}" in words(lab).inner_text()
    planes = lab.page.locator(".plane small")
    expect(planes).to_have_text(["channel 0: 0", "channel 1: 10", "channel 2: 4", "y: 12"])


@pytest.mark.wide
@pytest.mark.parametrize("tab", ["Slide&conv_tab_slide=1-D", "Slide", "Slide&conv_tab_slide=Pooling", "Backward"])
def test_on_a_projector_in_the_dark_and_on_a_phone(dark_lab, phone_lab, tab):
    for opened, kind in ((dark_lab, "dark"), (phone_lab, "phone")):
        opened.open(f"/convolution?conv_tab={tab}")
        expect(opened.page.locator(".cell.active")).to_be_visible()
        main = opened.page.get_by_test_id("stMain")
        assert main.evaluate("main => main.scrollWidth - main.clientWidth") == 0
        opened.shot(f"convolution_{tab.split('=')[-1]}_{kind}")


@pytest.mark.wide
def test_the_text_of_the_link_is_what_the_page_shows(lab):
    lab.open("/convolution?conv_2_x=1 2 3;4 5 6;7 8 9&conv_2_w=1 0;0 -1&conv_2_padding=0")
    assert shows(lab, "x", read_planes("x", "1 2 3;4 5 6;7 8 9")[0])
    assert shows(lab, "y", [[-4, -4], [-4, -4]])
