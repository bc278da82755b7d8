"""A patch dragged over the photo and the camera, before a network that the server computes."""

import json
import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.network.live import covered


def shares(page):
    """By class, of the bars."""
    titles = page.locator(".bar").evaluate_all("(bars) => bars.map((bar) => bar.title)")
    return {title.split(": ")[0]: float(re.search(r"([\d.]+)%", title)[1]) / 100 for title in titles}


def watch(page):
    """Keep every frame that is sent and every answer, in order."""
    page.evaluate("""() => {
      window.wire = [];
      document.addEventListener("cnnlab-frame", ({ detail }) => wire.push(["sent", detail]));
      document.addEventListener("cnnlab-answer", ({ detail }) => wire.push(["answered", { n: detail.answer.n }]));
    }""")


def settle(page):
    """Until the patch's last place has been answered."""
    page.wait_for_function(
        """() => {
      const last = wire.at(-1);
      const still = last?.[0] === "answered" && last[1].n === window.lastSeen;
      window.lastSeen = last?.[1].n;
      return still;
    }""",
        polling=1500,
    )


def test_bars_follow_a_patch_and_come_back_and_a_camera_that_is_denied_is_said(lab):
    page = lab.open("/network")
    expect(page.locator(".inside")).to_have_attribute("data-linked", "true")
    before = shares(page)
    watch(page)
    page.get_by_role("button", name="Cover", exact=True).click()
    settle(page)
    box = page.locator(".photo").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.4 * box["height"], steps=40)
    page.mouse.up()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("+")
    settle(page)
    wire = page.evaluate("wire")
    assert all(kind != following for (kind, _), (following, _) in pairwise(wire))  # one in flight
    sent = [said for kind, said in wire if kind == "sent"]
    assert max(len(json.dumps(said)) for said in sent) < 300
    model = load_model("efficientnet_lite0")
    x = covered(model.prepare(open_image(sample_images()["chelsea"].content)), *sent[-1]["patch"])
    said = model(x).softmax(1)[0]
    for label, share in shares(page).items():
        if share > 0.001:
            assert share == pytest.approx(float(said[model.categories.index(label)]), abs=6e-4)
    lab.accessible()
    page.keyboard.press("Escape")
    expect(page.locator(".patch")).to_be_hidden()
    assert shares(page) == before
    page.evaluate("""() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
    }""")
    page.get_by_role("button", name="Camera").click()
    expect(page.locator(".livewords")).to_contain_text("wasn't allowed to use the camera")
    expect(page.get_by_role("button", name="Camera")).to_have_attribute("aria-pressed", "false")


@pytest.mark.wide
def test_the_camera_is_looked_at_one_frame_at_a_time(lab):
    page = lab.open("/network")
    expect(page.locator(".inside")).to_have_attribute("data-linked", "true")
    before = shares(page)
    watch(page)
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function("wire.filter(([kind]) => kind === 'answered').length > 3")
    page.get_by_role("button", name="Camera").click()
    expect(page.locator(".inside:not(.filming)")).to_be_visible()
    wire = page.evaluate("wire")
    assert all(kind != following for (kind, _), (following, _) in pairwise(wire))
    assert max(len(said["photo"]) for kind, said in wire if kind == "sent") < 60_000
    expect(page.locator(".bar")).to_have_count(len(before))
    assert shares(page) == before
