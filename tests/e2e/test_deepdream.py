"""The DeepDream page in the browser: live, stopped, looked through, wiped, taken away."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

QUICK = "dream_side=224&dream_octaves=2&dream_steps=2"
SLOW = "dream_side=1000&dream_octaves=4&dream_steps=40&dream_seed=3"


def wipe(lab):
    return lab.page.get_by_role("slider", name=re.compile("Arrow keys move the line"))


def download(lab, label):
    with lab.page.expect_download() as found:
        lab.page.get_by_role("button", name=label).click()
    return Image.open(io.BytesIO(found.value.path().read_bytes()))


def test_the_line_follows_pointer_and_keys(lab):
    lab.open("/deepdream")
    line = wipe(lab)
    expect(line).to_have_attribute("aria-valuenow", "50")
    lab.shot("deepdream")
    box = line.bounding_box()
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 40)
    lab.page.mouse.up()
    expect(line).to_have_attribute("aria-valuenow", "25")
    lab.page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40)  # not held any more
    line.press("ArrowRight")
    line.press("PageUp")
    expect(line).to_have_attribute("aria-valuenow", "37")
    line.press("Home")
    expect(line).to_have_attribute("aria-valuenow", "0")


def test_a_dream_is_seen_live_stopped_and_kept(lab):
    lab.open(f"/deepdream?{SLOW}")
    lab.page.get_by_role("button", name="Dream", exact=True).click()
    expect(lab.page.get_by_alt_text("The dream so far")).to_be_visible()
    expect(lab.page.get_by_text(re.compile(r"Octave \d of 4, step \d+ of 40: objective"))).to_be_visible()
    lab.press_stop()
    expect(lab.page.get_by_text(re.compile("Stopped at octave"))).to_be_visible()
    expect(wipe(lab)).to_be_visible()
    lab.during(lambda: lab.page.get_by_role("radio", name="step by step").click())
    expect(lab.page.get_by_alt_text(re.compile("After step"))).to_be_visible()
    lab.during(lambda: lab.page.get_by_role("radio", name="animation").click())
    expect(lab.page.get_by_alt_text("The dream as an animation")).to_have_attribute("src", re.compile("image/webp"))
    lab.page.get_by_text("Take it away").click()
    assert max(download(lab, "Picture (PNG)").size) == 451  # the photo itself isn't larger
    assert download(lab, "Animation (WebP)").format == "WEBP"


@pytest.mark.wide
def test_a_block_of_the_network_is_picked_and_a_preset_runs(lab):
    lab.open(f"/deepdream?{QUICK}")
    strip = lab.page.get_by_role("application", name=re.compile("block by block"))
    box = strip.bounding_box()
    lab.during(lambda: strip.click(position={"x": box["width"] * 2.5 / 18, "y": box["height"] / 2}))
    expect(lab.page.get_by_text("Maximised: the root mean square of Block 2 of 16")).to_be_visible()
    assert "dream_layer=_blocks.1._bn2" in lab.page.url
    lab.during(lambda: lab.page.get_by_role("button", name="Woven").click())
    expect(wipe(lab)).to_be_visible()
    assert "dream_seed=3" in lab.page.url
    lab.open(lab.page.url.removeprefix(lab.server))
    expect(lab.page.get_by_text("Maximised: the root mean square of Block 3 of 16")).to_be_visible()


@pytest.mark.wide
def test_the_tabs_in_the_light_the_dark_and_the_pocket(lab, dark_lab, phone_lab):
    views = [(lab, "Neurons"), (lab, "Zoom"), (dark_lab, "Neurons"), (dark_lab, "Classes"), (phone_lab, "Classes")]
    for opened, tab in views:
        opened.open(f"/deepdream?dream_tab={tab}&neuron_steps=16")
        expect(opened.page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width == 0, f"{tab} can be scrolled sideways"
        place = {lab: "light", dark_lab: "dark", phone_lab: "phone"}[opened]
        opened.shot(f"deepdream_{tab.lower()}_{place}")
