"""Dragging epsilon in the browser, choosing a step size, and the sweep, as people do it."""

import base64
import csv
import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from cnnlab_core.images import sample_images


def address(tab, **query):
    return "/adversarial?adversarial_tab_attack=" + "&".join(
        [tab.replace(" ", "+"), *(f"{key}={value}" for key, value in query.items())]
    )


FGSM = "FGSM:+one+direction"


def canvas(lab, name):
    """The pixels of one of the explorer's canvases."""
    source = lab.page.locator(f"canvas.{name}").evaluate("canvas => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("RGB"))


def saved(lab, name):
    """What the download button of that name gives."""
    if not lab.page.get_by_role("button", name=name).is_visible():
        lab.page.get_by_text("Take it away").click()
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name=name).click()
    return download.value.path()


def bars(lab):
    """The explorer's classes in order, with their shares."""
    rows = lab.page.locator(".bars li:not(.out)").all()
    entries = [
        (float(row.evaluate("row => new DOMMatrix(row.style.transform).f")), row.inner_text().split()) for row in rows
    ]
    return [" ".join(text) for _, text in sorted(entries)]


def drag_to(lab, share):
    """Move the pointer, which holds the slider, to a share of its way."""
    box = lab.page.locator(".explorer input").bounding_box()
    lab.page.mouse.move(box["x"] + 11 + share * (box["width"] - 22), box["y"] + box["height"] / 2, steps=4)


def here(lab):
    """Where the marker on the curve stands, as a share of the axis."""
    grid = lab.page.locator(".chart .grid").first
    low, high = (float(grid.get_attribute(end)) for end in ("x1", "x2"))
    return (float(lab.page.locator(".chart .here").get_attribute("x1")) - low) / (high - low)


def test_dragging_epsilon_changes_everything_in_the_browser_alone(lab):
    sent = []
    lab.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    lab.open(address("Epsilon", adversarial_at="0", adversarial_way=FGSM))
    slider = lab.page.get_by_role("slider", name="Epsilon", exact=True)
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^0/255: tiger cat, "))
    original, grey, first = canvas(lab, "picture"), canvas(lab, "noise"), bars(lab)
    assert (grey == 128).all()
    assert first[0].startswith("tiger cat")

    drag_to(lab, 0)
    lab.page.mouse.down()
    lab.page.wait_for_timeout(500)
    sent.clear()
    seen = {}
    for level in (2, 12, 8):
        drag_to(lab, level / 16)
        expect(slider).to_have_value(str(level))
        seen[level] = canvas(lab, "picture"), canvas(lab, "noise"), bars(lab)
        assert np.abs(seen[level][0].astype(int) - original).max() == level
        assert here(lab) == pytest.approx(level / 16, abs=1e-6)
        expect(lab.page.get_by_text(f"ε = {level}/255", exact=True)).to_be_visible()
    assert not sent, "the server was asked while epsilon was dragged"
    assert seen[8][2] != first
    assert seen[8][2] != seen[2][2]
    change = seen[8][0].astype(int) - original
    assert np.array_equal(seen[8][1], (128 + 7 * change).clip(0, 255))

    lab.during(lab.page.mouse.up)
    assert sent, "nothing was heard of the socket at all"
    assert "adversarial_at=8" in lab.page.url
    expect(slider).to_have_value("8")
    file = saved(lab, "Picture at 8/255 (PNG)")
    assert np.array_equal(np.asarray(Image.open(file).convert("RGB")), canvas(lab, "picture"))


def test_the_keyboard_the_chart_and_the_marks_move_epsilon_too(lab):
    lab.open(address("Epsilon", adversarial_target="any+other+class", adversarial_way=FGSM))
    slider = lab.page.get_by_role("slider", name="Epsilon", exact=True)
    expect(slider).to_have_value("4")  # the page's own epsilon
    slider.focus()
    for key, value in (("ArrowRight", "5"), ("ArrowLeft", "4"), ("End", "16"), ("Home", "0")):
        lab.page.keyboard.press(key)
        expect(slider).to_have_value(value)
    expect(lab.page).to_have_url(re.compile(r"adversarial_at=0\b"))  # it has come to rest and been told
    lab.page.get_by_role("button", name="1/255: first called").click()
    expect(lab.page).to_have_url(re.compile(r"adversarial_at=1\b"))
    expect(slider).to_have_value("1")
    assert not bars(lab)[0].startswith("tiger cat")
    chart = lab.page.locator(".chart").bounding_box()
    lab.page.mouse.click(chart["x"] + chart["width"] - 7, chart["y"] + 60)
    expect(slider).to_have_value("16")
    expect(lab.page).to_have_url(re.compile(r"adversarial_at=16\b"))


@pytest.mark.wide
def test_pgd_comes_as_pictures_that_are_the_servers(lab):
    lab.open(
        address("Epsilon", adversarial_norm="l2", adversarial_way="PGD+at+each+epsilon", adversarial_way_steps="2")
    )
    lab.during(lambda: lab.page.get_by_role("button", name="Run PGD at 17 epsilons, 2 steps each").click())
    slider = lab.page.get_by_role("slider", name="Epsilon", exact=True)
    slider.focus()
    lab.page.keyboard.press("End")
    expect(lab.page).to_have_url(re.compile(r"adversarial_at=4\b"))
    file = saved(lab, "Picture at 4 (PNG)")
    assert np.array_equal(np.asarray(Image.open(file).convert("RGB")), canvas(lab, "picture"))


@pytest.mark.wide
def test_a_click_on_the_map_shows_that_attack(lab):
    lab.open(address("Step size"))
    chart = lab.page.locator(".cnnlab-chart .nsewdrag")
    expect(chart).to_be_visible()
    expect(lab.page.get_by_text("objective −").last).to_be_visible()
    lab.settle()
    box = chart.bounding_box()
    for row, column, words in ((0, 1, "2 × 0.25/255: not fooled"), (5, 4, "6 × 8/255: ")):
        # Near a cell's corner: all of a cell can be clicked.
        spot = {"x": (column + 0.15) / 5 * box["width"], "y": (5 - row + 0.15) / 6 * box["height"]}
        lab.settle()  # no hand comes from one cell to another before the map is drawn anew
        lab.during(lambda spot=spot: chart.click(position=spot))
        assert f"adversarial_map_row={row}" in lab.page.url
        assert f"adversarial_map_column={column}" in lab.page.url
        expect(lab.page.get_by_text(words)).to_be_visible()
        expect(lab.page.get_by_role("slider", name="Number of steps")).to_have_value(str(column))
    lab.page.get_by_role("slider", name="Number of steps").focus()
    lab.during(lambda: lab.page.keyboard.press("ArrowLeft"))
    assert "adversarial_map_column=3" in lab.page.url


@pytest.mark.wide
def test_accuracy_over_dropped_pictures_with_a_class_in_their_names(lab):
    lab.open(address("Sweep", adversarial_of="Accuracy+over+several", adversarial_sweep_steps="2"))
    content = sample_images()["coffee"].content
    files = [
        {"name": f"n0_{label}.png", "mimeType": "image/png", "buffer": content} for label in ("espresso", "tarantula")
    ]
    lab.during(lambda: lab.page.locator("input[type=file]").last.set_input_files(files))
    expect(lab.page.get_by_text("1 of 2 misclassified without any attack")).to_be_visible()
    expect(lab.page.get_by_text("(espresso instead of tarantula)")).to_be_visible()
    lab.during(lambda: lab.page.get_by_role("button", name="Run FGSM and PGD at 9 epsilons", exact=True).click())
    expect(lab.page.get_by_text("PGD fools at least half of them from")).to_be_visible()
    table = list(csv.DictReader(saved(lab, "All numbers (CSV)").open()))
    assert len(table) == 18
    assert {row["picture"] for row in table} == {"n0_espresso.png"}
    assert float(table[0]["epsilon"]) == 0
    assert table[0]["class"] == "espresso"
    assert table[-1]["fooled"] == "True"


@pytest.mark.wide
@pytest.mark.parametrize(
    ("tab", "figure"), [("Epsilon", ".chart circle"), ("Step size", ".main-svg"), ("Sweep", ".main-svg")]
)
def test_each_tab_in_the_light_the_dark_and_the_pocket(lab, dark_lab, phone_lab, tab, figure):
    name = f"adversarial_{tab.lower().replace(' ', '_')}"
    for opened, shot in ((lab, name), (dark_lab, f"{name}_dark"), (phone_lab, f"{name}_phone")):
        opened.open(address(tab))
        expect(opened.page.get_by_text("Take it away")).to_be_visible()
        expect(opened.page.locator(figure).first).to_be_visible()
        width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width == 0, "the page can be scrolled sideways"
        opened.shot(shot)
