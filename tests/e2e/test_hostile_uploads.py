"""Files, labels and names of others, in a real browser: each gets a sentence, and none becomes a part of the page."""

import importlib.util
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

EVIL = "<img src=x onerror=alert(1)>![x](http://evil.example/x.png)[y](javascript:alert(1)).png"


def corpus():
    """The bad pictures of the unit tests."""
    place = Path(__file__).parents[1] / "unit" / "test_images.py"
    spec = importlib.util.spec_from_file_location("bad_pictures", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: content for name, (content, _) in module.REFUSED.items()}


def nothing_came_in(lab):
    """No element of the page is of somebody else's making, in its components neither."""
    foreign = lab.page.evaluate(
        """() => {
          const everything = (root) => [...root.querySelectorAll("*")].flatMap(
            (element) => [element, ...(element.shadowRoot ? everything(element.shadowRoot) : [])]);
          return everything(document)
            .filter((element) => /evil.example|^javascript:|^x$/.test(element.getAttribute("src") ?? "")
              || /evil.example|^javascript:/.test(element.getAttribute("href") ?? ""))
            .map((element) => element.outerHTML.slice(0, 200));
        }"""
    )
    assert not foreign, foreign


def test_every_bad_picture_gets_a_sentence_and_the_page_stays(lab):
    lab.open("/classifier?classifier_tab=Several+pictures")
    bad = corpus()
    files = [
        {"name": f"{index} {EVIL}", "mimeType": "image/png", "buffer": content}
        for index, content in enumerate(bad.values())
    ]
    chooser = lab.page.locator('[data-testid="stMain"] input[type=file]')
    lab.during(lambda: chooser.set_input_files(files))
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="Table as CSV").click()
    rows = download.value.path().read_text().splitlines()
    told = [row for row in rows if "evil.example" in row]
    assert len(told) >= sum(bool(content) for content in bad.values())
    assert all(row.rstrip('",').endswith(".") for row in told)
    nothing_came_in(lab)


@pytest.mark.wide
@pytest.mark.parametrize("page", ["/feature_maps", "/deepdream"])
def test_a_bad_picture_in_the_sidebar_gets_a_sentence_on_every_page(lab, page):
    lab.open(page)
    lab.page.get_by_role("button", name=re.compile("Use your own")).click()
    chooser = lab.page.locator('[data-testid="stPopoverBody"] input[type=file]')
    bad = corpus()
    for name in ("bomb of 4 gigapixels", "png that ends in the data", "svg"):
        content = bad[name]
        lab.during(
            lambda content=content: chooser.set_input_files({"name": EVIL, "mimeType": "image/png", "buffer": content})
        )
        expect(lab.page.get_by_test_id("stAlert").first).to_be_visible()
        nothing_came_in(lab)
        lab.check()


def test_a_picture_with_a_hostile_name_stays_text_everywhere(lab):
    from cnnlab_core.images import sample_images

    lab.open("/classifier")
    lab.page.get_by_role("button", name=re.compile("Use your own")).click()
    chooser = lab.page.locator('[data-testid="stPopoverBody"] input[type=file]')
    picture = {"name": EVIL, "mimeType": "image/png", "buffer": sample_images()["coffee"].content}
    lab.during(lambda: chooser.set_input_files(picture))
    lab.page.keyboard.press("Escape")
    expect(lab.page.locator("h2", has_text="espresso").first).to_be_visible()
    nothing_came_in(lab)
    for title in ("Feature maps", "Adversarial attacks", "DeepDream"):
        lab.during(lambda title=title: lab.page.get_by_test_id("stSidebar").get_by_role("link", name=title).click())
        nothing_came_in(lab)
        lab.check()
