"""The convolution page's tabs beyond the grids, in the browser."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from cnnlab_core.exercises import make_exercise
from cnnlab_core.from_scratch.linear_regression import XOR_INPUTS, XOR_TARGETS, descend

TABS = {
    "photo": "On+a+photo",
    "autograd": "Linear+layers&conv_tab_linear=Autograd+warm-up",
    "attention": "Linear+layers&conv_tab_linear=1%C3%971+and+attention",
    "practice": "Practice",
}


def open_tab(lab, tab, query=""):
    lab.open(f"/convolution?conv_tab={TABS[tab]}{query}")
    settle(lab)


def settle(lab):
    """Wait until every part of the page has been painted: the server forgets the pictures of the tab one leaves."""
    expect(lab.page.get_by_test_id("stSkeleton")).to_have_count(0)
    lab.page.wait_for_function("[...document.images].every(image => image.complete)")


def typed(lab, label, value):
    field = lab.page.get_by_label(label, exact=True)
    field.fill(value)
    lab.during(lambda: field.press("Enter"))


@pytest.mark.wide
@pytest.mark.parametrize("tab", TABS)
def test_each_in_the_light_the_dark_and_the_pocket(lab, dark_lab, phone_lab, tab):
    for opened, name in ((lab, tab), (dark_lab, f"{tab}_dark"), (phone_lab, f"{tab}_phone")):
        open_tab(opened, tab)
        expect(opened.page.get_by_text("Take it away")).to_be_visible()
        expect(opened.page.locator(".katex-error")).to_have_count(0)
        wide = "e => e.scrollWidth - e.clientWidth"
        assert opened.page.locator("html").evaluate(wide) == 0
        assert opened.page.get_by_test_id("stMain").evaluate(wide) == 0
        opened.shot(f"convolution_{name}")


def test_a_photo_follows_stride_and_kernel_and_can_be_taken_away(lab):
    open_tab(lab, "photo", "&conv_photo_kernel=Laplacian")
    expect(lab.page.get_by_text("The response of Laplacian")).to_be_visible()
    slider = lab.page.get_by_role("slider", name=re.compile("Stride"))
    slider.focus()
    lab.during(lambda: slider.press("ArrowRight"))
    expect(lab.page.get_by_text("1 × 107 × 160: its height is")).to_be_visible()
    assert "conv_photo_stride=2" in lab.page.url
    settle(lab)
    lab.page.get_by_text("Take it away").click()
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="Response (PNG)").click()
    picture = Image.open(download.value.path())
    assert picture.size == (160, 107)
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="Response, every number").click()
    rows = download.value.path().read_text().splitlines()
    assert len(rows) == 1 + 160 * 107
    values = [float(row.split(",")[3]) for row in rows[1:]]
    shown = lab.page.get_by_text("The response of Laplacian").inner_text()
    assert f"{min(values):.2f} to {max(values):.2f}".replace("-", "−") in shown


@pytest.mark.wide
def test_settings_survive_another_tab(lab):
    open_tab(lab, "photo", "&conv_photo_kernel=Emboss&conv_photo_stride=3")
    lab.during(lambda: lab.page.get_by_role("tab", name="Practice").click())
    lab.during(lambda: lab.page.get_by_role("tab", name="On a photo").click())
    expect(lab.page.get_by_text("The response of Emboss")).to_be_visible()
    expect(lab.page.get_by_text("1 × 71 × 107: its height is")).to_be_visible()
    assert "conv_photo_stride=3" in lab.page.url
    settle(lab)


@pytest.mark.wide
def test_the_step_slider_walks_down(lab):
    open_tab(lab, "autograd")
    path = descend(XOR_INPUTS, XOR_TARGETS, [1.4, -1], 0.6, eta=0.2, steps=60)
    expect(lab.page.get_by_text(f"After 3 steps the loss is {path[3].loss:.4f}")).to_be_visible()
    slider = lab.page.get_by_role("slider", name=re.compile("Step"))
    slider.focus()
    lab.during(lambda: slider.press("ArrowRight"))
    expect(lab.page.get_by_text(f"After 4 steps the loss is {path[4].loss:.4f}")).to_be_visible()
    assert "conv_auto_step=4" in lab.page.url


@pytest.mark.wide
def test_a_point_edited_in_the_table_changes_the_loss_and_the_link(lab):
    open_tab(lab, "autograd")
    frame = lab.page.get_by_test_id("stDataFrame")
    width = frame.bounding_box()["width"]
    frame.dblclick(position={"x": 0.9 * width, "y": 1.5 * 35})  # the first target
    field = lab.page.locator("#portal input")
    field.fill("5")
    lab.during(lambda: field.press("Enter"))
    table = lab.page.get_by_test_id("stTable").nth(1)
    expect(table.get_by_role("row").nth(1)).to_contain_text("5")
    expect(table.get_by_role("row").nth(1)).to_contain_text("16")  # (1 - 5)^2
    assert "conv_auto_rows=1+5" in lab.page.url


@pytest.mark.wide
def test_shuffling_the_rows(lab):
    open_tab(lab, "attention")
    expect(lab.page.get_by_text("Largest difference between the two: 0")).to_be_visible()
    lab.during(lambda: lab.page.get_by_role("button", name="Shuffle").click())
    order = lab.page.get_by_label("Order of the rows").input_value()
    assert sorted(order.split()) == list("01234")
    assert f"conv_attn_order={order.replace(' ', '+')}" in lab.page.url
    typed(lab, "Order of the rows", "0 1 2")
    expect(lab.page.get_by_test_id("stAlert")).to_contain_text("row 3, 4 is missing")
    expect(lab.page.get_by_test_id("stException")).to_have_count(0)


def test_an_exercise_is_marked_and_solved(lab):
    open_tab(lab, "practice", "&conv_practice_seed=11")
    right = make_exercise("conv2d", 11).parts[0].answer
    field = lab.page.get_by_label("Your answer")

    def check(cells):
        field.fill("\n".join(" ".join(f"{cell:g}" for cell in row) for row in cells))
        lab.during(lambda: lab.page.get_by_role("button", name="Check").click())

    check(right + np.eye(2))
    expect(lab.page.get_by_text("2 of 4 cells are right")).to_be_visible()
    expect(lab.page.locator(".katex .boxpad")).to_have_count(2)
    lab.shot("convolution_practice_wrong")
    check(right)
    expect(lab.page.get_by_text("Right, every cell")).to_be_visible()
    lab.during(lambda: lab.page.get_by_role("button", name="Whole solution").click())
    expect(lab.page.locator(".katex-error")).to_have_count(0)
    lab.shot("convolution_practice_right")
    lab.during(lambda: lab.page.get_by_role("button", name="Another").click())
    assert "conv_practice_seed=" in lab.page.url
    assert "conv_practice_seed=11&" not in f"{lab.page.url}&"
    expect(field).to_have_value("")
