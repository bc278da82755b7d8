"""The networks of glass on the page and at home: drawn on, taken apart and changed, all of it in the browser."""

import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from cnnlab_core.models import load_model
from cnnlab_core.network.cell import explain_backward, explain_cell
from cnnlab_core.network.intervene import logits_with
from cnnlab_core.network.layer import chain_of


def opened(lab, query="network_shown=Digits"):
    page = lab.open(f"/network?{query}")
    expect(page.locator(".inside.glass")).to_have_attribute("data-linked", "true")
    settle(page)
    return page


def settle(page):
    """Until what was drawn is on the page, gradients and lines too."""
    page.evaluate(
        """() => new Promise((done) => {
          setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 200);
        })"""
    )


def seen(page, model):
    """The pixels (1, 3, H, W) that what is on the page was computed of."""
    settle(page)
    pixels = np.array(page.locator(".inside").evaluate("(root) => Array.from(root.pixels)"), np.float32)
    side = model.spec.preprocessing.crop
    return torch.from_numpy(pixels.reshape(1, -1, side, side)).expand(1, 3, side, side)


def stroke(page, *points):
    box = page.locator(".board").bounding_box()
    across = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*across[0])
    page.mouse.down()
    for point in across[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def shares(page):
    texts = page.locator(".bar .share").all_inner_texts()
    return [0.0 if text.startswith("<") else float(text.rstrip("%")) / 100 for text in texts]


def number(text):
    return float(re.search(r"−?[\d.]+(e-?\d+)?$", text.strip())[0].replace("−", "-"))


SEVEN = ((0.2, 0.22), (0.65, 0.22), (0.42, 0.85))


def test_a_digit_is_drawn_and_recognised_while_drawing_and_the_server_hears_nothing(lab):
    page = opened(lab)
    model = load_model("glass_digits")
    expect(page.locator(".bar[aria-pressed=true]")).to_have_text(re.compile("^3"))
    lab.settle()
    sent = []
    page.evaluate("""() => {
      const send = WebSocket.prototype.send;
      window.sent = 0;
      WebSocket.prototype.send = function (...all) { window.sent += 1; return send.apply(this, all); };
    }""")
    page.get_by_role("button", name="Clear").click()
    for begin, end in pairwise(SEVEN):
        stroke(page, begin, end)
        settle(page)
        sent.append(shares(page))
        with torch.no_grad():
            assert sent[-1] == pytest.approx(model(seen(page, model)).softmax(1)[0].tolist(), abs=6e-4)
    assert sent[0] != sent[1]
    assert int(np.argmax(sent[1])) == 7
    expect(page.locator(".bar[aria-pressed=true]")).to_have_text(re.compile("^7"))
    expect(page.locator(".says .text")).to_contain_text("“7”")
    page.get_by_role("button", name="Cover").click()
    stroke(page, (0.5, 0.2), (0.4, 0.25))
    covered = shares(page)
    page.get_by_role("button", name="Draw", exact=True).click()
    settle(page)
    assert covered != shares(page) == sent[1]
    for _ in range(len(SEVEN)):  # two strokes, and the clearing before
        page.get_by_role("button", name="Undo").click()
    settle(page)
    assert int(np.argmax(shares(page))) == 3
    assert page.evaluate("window.sent") == 0
    lab.accessible()


def test_a_click_path_leads_from_what_was_drawn_to_its_products_and_back(lab):
    page = opened(lab, "network_shown=CIFAR-10")
    stroke(page, (0.2, 0.3), (0.8, 0.35))
    model = load_model("glass_cifar10")
    x = seen(page, model)
    page.locator(".tile[data-node=relu4][data-channel='7']").click()
    whole = page.locator(".map.whole")
    expect(whole).to_be_visible()
    lab.settle()
    box = whole.bounding_box()
    whole.click(position={"x": box["width"] * 0.6, "y": box["height"] * 0.4})
    expect(page.locator(".outcome")).to_be_visible()
    for name in ("network_row", "network_col"):  # the browser writes one after the other
        expect(page).to_have_url(re.compile(name))
    query = dict(re.findall(r"network_(\w+)=([^&]+)", page.url))
    row, col = int(query["row"]), int(query["col"])
    said = explain_cell(model, x, "relu4", 7, row, col).said
    assert float(page.locator(".outcome").get_attribute("data-value")) == pytest.approx(said, abs=1e-5)
    first = chain_of(model, "relu4")[0]
    added = sum(number(text) for text in page.locator(".term .value").all_inner_texts())
    assert added == pytest.approx(explain_cell(model, x, first, 7, row, col).said, abs=5e-3)
    page.get_by_role("button", name="backwards").click()
    asked = int(page.locator(".bar[aria-pressed=true]").get_attribute("data-index"))
    back = explain_backward(model, x, first, 7, row, col, asked)
    assert number(page.locator(".back .slope").inner_text()) == pytest.approx(back.upstream, abs=1e-5)
    lab.accessible()
    for view in ("layer", "network"):
        page.locator(".inside").press("Escape")
        expect(page.locator(".inside")).to_have_attribute("data-view", view)
    assert torch.equal(seen(page, model), x)  # what was painted is still there


def test_a_map_off_changes_the_bars_as_torch_says_and_the_link_keeps_it(lab):
    page = opened(lab, "network_shown=Digits&network_input=8")
    model = load_model("glass_digits")
    page.get_by_role("button", name="Switch maps off").click()
    lab.during(lambda: page.locator(".tile[data-node=pool1][data-channel='1']").click())
    wanted = logits_with(model, seen(page, model), {("pool1", 1): 0.0})[0].softmax(0)
    assert shares(page) == pytest.approx(wanted.tolist(), abs=6e-4)
    expect(page.locator(".bar .was:visible")).to_have_count(10)
    page = opened(lab, page.url.partition("?")[2])
    assert shares(page) == pytest.approx(wanted.tolist(), abs=6e-4)
    lab.during(lambda: page.get_by_role("button", name=re.compile("Put back map")).click())
    with torch.no_grad():
        assert shares(page) == pytest.approx(model(seen(page, model)).softmax(1)[0].tolist(), abs=6e-4)
    lab.during(lambda: page.locator(".desk select").select_option(label="A 5"))
    expect(page).to_have_url(re.compile("network_input=5"))
    settle(page)
    assert int(np.argmax(shares(page))) == 5


@pytest.mark.wide
def test_the_board_gives_way_to_the_labs_network_and_comes_back(lab):
    page = opened(lab)
    lab.during(lambda: page.get_by_role("radio", name="The lab's network").click())
    expect(page.locator(".inside:not(.glass)")).to_have_attribute("data-linked", "true")
    expect(page.locator(".board")).to_have_count(0)
    lab.during(lambda: page.get_by_role("radio", name="CIFAR-10").click())
    expect(page.locator(".tile")).to_have_count(128)
    lab.during(lambda: page.locator(".desk select").select_option(label="Chelsea the cat"))
    settle(page)
    assert int(np.argmax(shares(page))) in (3, 5)  # a cat, or a dog


@pytest.mark.wide
def test_the_camera_is_looked_at_frame_by_frame(lab):
    page = opened(lab, "network_shown=CIFAR-10")
    page.get_by_role("button", name="Camera").click()
    model = load_model("glass_cifar10")
    before = seen(page, model)
    for _ in range(20):
        settle(page)
        if not torch.equal(before, seen(page, model)):
            break
    assert not torch.equal(before, seen(page, model))
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_role("button", name="Camera")).to_have_attribute("aria-pressed", "false")


def test_the_home_page_draws_and_leads_in(lab):
    page = lab.open("/")
    expect(page.locator(".inside.hero")).to_be_visible()
    assert page.locator(".inside").bounding_box()["height"] < 420
    page.get_by_role("button", name="Clear").click()
    stroke(page, *SEVEN)
    settle(page)
    assert int(np.argmax(shares(page))) == 7
    lab.accessible()
    page.locator(".tile[data-node=relu2][data-channel='5']").click()
    expect(page.locator(".map.whole")).to_be_visible()
    expect(page).to_have_url(re.compile("network_layer=relu2&network_channel=5"))


@pytest.mark.wide
@pytest.mark.parametrize("kind", ["phone", "dark"])
@pytest.mark.parametrize("shown", ["Digits", "CIFAR-10"])
def test_it_is_whole_on_a_phone_and_in_the_dark(request, kind, shown):
    lab = request.getfixturevalue(f"{kind}_lab")
    page = opened(lab, f"network_shown={shown}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    lab.shot(f"network_{shown}_{kind}")


def test_the_storys_numbers_are_those_of_the_page(lab):
    page = opened(lab, "network_shown=Digits&network_input=3&network_change=relu3:9:0")
    expect(page.locator(".bar").nth(3)).to_have_attribute("title", "3: 62.7%, was 99.5%")
    lab.during(lambda: page.get_by_role("button", name=re.compile("Put back map")).click())
    page.locator(".bar").nth(3).hover()
    expect(page.locator(".says")).to_contain_text("Logit 6.78")
    expect(page.locator(".says li").first).to_contain_text("+3.10")
    lab.open("/network?network_shown=Digits&network_input=3&network_layer=relu1&network_channel=2"
             "&network_row=14&network_col=11&network_way=backwards")  # fmt: skip
    expect(page.locator(".back .slope")).not_to_contain_text("0.00000")
