"""Inside a network, in the browser: from the photo to the products behind one number, and back."""

import re

import pytest
import torch
from playwright.sync_api import expect

from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.network.cell import explain_backward, explain_cell
from cnnlab_core.network.intervene import logits_with
from cnnlab_core.receptive_field import receptive_fields


@pytest.fixture(scope="module")
def cat():
    model = load_model("efficientnet_lite0")
    return model, model.prepare(open_image(sample_images()["chelsea"].content))


def opened(lab, query=""):
    """The picture with what feeds what."""
    page = lab.open(f"/network{query}")
    expect(page.locator(".inside")).to_have_attribute("data-linked", "true")
    return page


def number(text):
    return float(re.search(r"−?[\d.]+(e-?\d+)?$", text.strip())[0].replace("−", "-"))


def view(page, name):
    expect(page.locator(".inside")).to_have_attribute("data-view", name)


def field_on_photo(page):
    """Pixels top, left, bottom, right of the box on the photo."""
    found = page.locator(".photo .box").evaluate(
        "(box) => ['top', 'left', 'height', 'width'].map((side) => parseFloat(box.style[side]))"
    )
    top, left, height, width = (round(share * 2.24) for share in found)
    return top, left, top + height - 1, left + width - 1


ENTER = """(tile) => {
  tile.click();
  const within = (root) => [...root.querySelectorAll("*")].flatMap(({ shadowRoot }) => shadowRoot ?? []);
  const roots = (root) => [root, ...within(root).flatMap(roots)];
  return roots(document).flatMap((root) => root.getAnimations()).length;
}"""
"""Go into a tile; gives how much moves on the page meanwhile."""


def test_a_click_path_leads_from_the_photo_to_the_products_and_the_field(lab, cat):
    page = opened(lab)
    expect(page.locator(".tile")).to_have_count(56)
    tile = page.locator(".tile[data-node=_swish]").first
    page.emulate_media(reduced_motion="reduce")
    assert tile.evaluate(ENTER) == 0
    view(page, "layer")
    page.locator(".crumbs button").first.click()
    view(page, "network")
    page.emulate_media(reduced_motion="no-preference")
    assert tile.evaluate(ENTER) > 0
    view(page, "layer")
    whole = page.locator(".map.whole")
    expect(whole).to_be_visible()
    lab.settle()
    box = whole.bounding_box()
    whole.click(position={"x": box["width"] * 0.6, "y": box["height"] * 0.4})
    view(page, "cell")
    expect(page.locator(".outcome")).to_be_visible()
    query = dict(re.findall(r"network_(\w+)=([^&]+)", page.url))
    channel, row, col = (int(query[key]) for key in ("channel", "row", "col"))
    cell = explain_cell(*cat, "_swish", channel, row, col)
    assert number(page.locator(".outcome .network strong").inner_text()) == pytest.approx(cell.said, abs=2e-5)
    assert float(page.locator(".outcome").get_attribute("data-value")) == pytest.approx(cell.said, abs=1e-5)
    conv = explain_cell(*cat, "_conv_stem.conv2d", channel, row, col)
    added = sum(number(text) for text in page.locator(".term .value").all_inner_texts())
    assert added == pytest.approx(conv.said, abs=5e-3)
    field = receptive_fields(build_on_meta(cat[0].spec), (224, 224))["_swish"]
    assert field_on_photo(page) == tuple(field.box(row, col))
    page.get_by_role("button", name="backwards").click()
    expect(page.locator(".back .slope")).to_be_visible()
    back = explain_backward(*cat, "_conv_stem.conv2d", channel, row, col)
    assert number(page.locator(".back .slope").inner_text()) == pytest.approx(back.upstream, abs=1e-5)
    lab.accessible()
    lab.open(page.url.removeprefix(lab.server))
    expect(page.locator(".back .slope")).to_be_visible()


def focus_is_seen(page):
    """What has the focus: outlined, and with a name for those who hear it."""
    found = page.locator(".inside").evaluate(
        """(root) => {
          const one = root.getRootNode().activeElement;
          const { outlineStyle, outlineWidth } = getComputedStyle(one);
          return [outlineStyle, parseFloat(outlineWidth), one.getAttribute("aria-label") ?? one.textContent];
        }"""
    )
    assert found[0] == "solid", found
    assert found[1] >= 2
    assert found[2]
    return found[2]


@pytest.mark.parametrize("query", ["", pytest.param("?network_shown=Digits", marks=pytest.mark.wide)])
def test_all_of_it_works_by_keyboard(lab, query):
    page = opened(lab, query)
    tile = page.locator(".tile").first
    tile.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    focused = page.locator(".tile:focus")
    assert re.match(r"Map \d+ of ", focus_is_seen(page))
    expect(page.locator(".says .head")).to_contain_text(focused.get_attribute("data-channel"))
    expect(page.locator(".photo .box")).to_be_visible()
    page.keyboard.press("Enter")
    view(page, "layer")
    expect(page.locator(".map.whole:focus")).to_be_visible()
    assert "Arrow keys choose a cell" in focus_is_seen(page)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".photo .box")).to_be_visible()
    page.keyboard.press("Enter")
    view(page, "cell")
    expect(page.locator(".outcome")).to_be_visible()
    expect(page.locator(".term:focus")).to_have_count(1)
    expect(page.locator(".photo .box")).to_be_visible()
    assert focus_is_seen(page)
    row, col = map(int, re.findall(r"\d+", page.locator(".crumbs .here").inner_text()))
    key, moved = ("ArrowLeft", col - 1) if col else ("ArrowRight", 1)
    page.keyboard.press(key)  # the window moves on, and the focus stays
    expect(page.locator(".crumbs .here")).to_have_text(f"row {row}, column {moved}")
    expect(page).to_have_url(re.compile(f"network_col={moved}(&|$)"))
    expect(page.locator(".term:focus")).to_have_count(1)
    page.keyboard.press("Tab")
    if page.locator("button.term").count() > 1:
        page.keyboard.press("Enter")
        expect(page.locator(".term[aria-pressed=true]:focus")).to_have_count(1)
    for name in ("layer", "network"):
        page.keyboard.press("Escape")
        view(page, name)
    expect(page.locator(".tile:focus")).to_have_count(1)
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".bar:focus")).to_have_count(1)
    while page.locator(".bar:focus").get_attribute("aria-pressed") != "true":
        page.keyboard.press("ArrowUp" if query == "" else "ArrowDown")
    asked = page.locator(".bar:focus .name").inner_text()
    assert "takes its logit apart" in focus_is_seen(page)
    page.keyboard.press("Enter")
    expect(page.locator(".softmax .own")).to_contain_text(asked)
    said = number(page.locator(".bar[aria-pressed=true] .share").inner_text().rstrip("%"))
    assert 100 * float(page.locator(".softmax").get_attribute("data-share")) == pytest.approx(said, abs=0.06)
    terms = sum(number(text) for text in page.locator(".term .value").all_inner_texts())
    assert terms == pytest.approx(float(page.locator(".outcome").get_attribute("data-said")), abs=1e-2)
    lab.accessible()
    page.keyboard.press("Escape")
    view(page, "network")
    if query:
        return
    page.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(page.locator("button.columnhead:focus")).to_have_count(1)
    lab.during(lambda: page.keyboard.press("Enter"))
    expect(page.locator(".crumbs .here")).to_have_text("Blocks 1–3")
    page.keyboard.press("Escape")
    expect(page.locator(".tile")).to_have_count(56)


def test_a_map_switched_off_changes_the_bars_as_torch_says(lab, cat):
    page = opened(lab)
    model, x = cat
    page.get_by_role("button", name="Switch maps off").click()
    tile = page.locator(".tile[data-node='_blocks.2.add']").first
    channel = int(tile.get_attribute("data-channel"))
    tile.click()
    expect(page.locator(".bar .was").first).to_be_visible()
    known = logits_with(model, x, {("_blocks.2.add", channel): 0.0})[0].softmax(0)
    bars = {int(b.get_attribute("data-index")): b for b in page.locator(".bar").all()}
    for index, bar in bars.items():
        assert number(bar.locator(".share").inner_text().rstrip("%").replace("<", "")) / 100 == pytest.approx(
            float(known[index]), abs=6e-4
        )
    expect(tile).to_have_class(re.compile("off"))
    expect(page.locator(".inside")).to_have_attribute("data-linked", "true")
    shades = "(one) => new Set(one.getContext('2d').getImageData(0, 0, 56, 56).data).size"
    pixels = tile.locator("canvas").evaluate(shades)
    assert pixels == 3  # one colour, that of zero: 247, 248, 248 and 255
    page.get_by_role("button", name=re.compile("Put back map")).click()
    expect(page.locator(".bar .was:visible")).to_have_count(0)
    with torch.no_grad():
        before = model(x)[0].softmax(0)
    assert number(page.locator(".bar .share").first.inner_text().rstrip("%")) / 100 == pytest.approx(
        float(before.max()), abs=6e-4
    )


@pytest.mark.wide
def test_another_class_is_asked_about_and_a_flight_can_be_broken_off(lab):
    page = opened(lab)
    page.locator(".bar", has_text="Egyptian cat").click()
    expect(page.locator(".bar[aria-pressed=true]")).to_contain_text("Egyptian cat")
    expect(page.locator(".inside")).to_have_attribute("data-linked", "true")
    page.locator(".tile").nth(20).click()
    page.keyboard.press("Escape")  # before anything has come
    view(page, "network")
    lab.settle()
    expect(page.locator(".tile").first).to_be_visible()
    expect(page.locator(".flyer")).to_have_count(0)


@pytest.mark.wide
@pytest.mark.parametrize("kind", ["phone", "dark"])
def test_it_is_whole_on_a_phone_and_in_the_dark(request, kind):
    lab = request.getfixturevalue(f"{kind}_lab")
    page = opened(lab)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    lab.shot(f"network_{kind}")
    page.locator(".tile").first.click()
    expect(page.locator(".map.whole")).to_be_visible()
    page.locator(".zoom").evaluate(
        "(zoom) => Promise.all(zoom.getAnimations({subtree: true}).map((one) => one.finished))"
    )
    lab.accessible()


@pytest.mark.wide
def test_whoever_comes_back_from_another_page_finds_it_again(lab):
    page = opened(lab)
    page.locator(".tile").nth(9).click()
    expect(page.locator(".map.whole")).to_be_visible()
    lab.during(lambda: page.get_by_role("link", name="Convolution by hand").click())
    lab.during(lambda: page.get_by_role("link", name="Inside a network").click())
    expect(page.locator(".tile")).to_have_count(56)
    expect(page.locator(".inside")).to_have_attribute("data-linked", "true")
    lab.during(lambda: page.get_by_role("radio", name="random").click())
    expect(page.locator(".inside")).to_have_attribute("data-linked", "true")
    lab.during(lambda: page.get_by_role("radio", name="pretrained").click())
    expect(page.locator(".bar").first).to_contain_text("tiger cat")
    expect(page.locator(".inside")).to_have_attribute("data-linked", "true")
