"""A visitor brings a network of their own, in a real browser."""

import re

import pytest
from own_files import FILES, huge_file, resnet_file
from playwright.sync_api import expect

from cnnlab_core.ui.contents import find_page

PAGES = ("network", "feature_maps", "receptive_fields", "adversarial", "deepdream", "transfer_learning", "report_card")


def bring(lab, name, content):
    """Open the dialog and bring a file; gives the dialog."""
    dialog = lab.page.get_by_test_id("stDialog")  # a popover has the dialog's role, too
    if not dialog.count():
        lab.page.get_by_role("button", name="Your network").click()
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    lab.during(lambda: dialog.locator("input[type=file]").first.set_input_files(file))
    return dialog


def best(lab):
    """What the page behind the dialog names."""
    return lab.page.get_by_test_id("stMain").get_by_role("heading", level=2).first.inner_text()


def test_a_network_is_brought_checked_named_and_used_on_a_second_page(lab):
    lab.open("/classifier")
    dialog = bring(lab, "theirs.pt", resnet_file())
    expect(dialog.get_by_text("This is how theirs sees")).to_be_visible()
    expect(dialog.get_by_text("The prefix “module.” was taken off")).to_be_visible()
    named = dialog.get_by_role("cell").nth(1).inner_text().split(",")[0]
    lab.during(lambda: lab.page.keyboard.press("Escape"))
    expect(dialog).to_have_count(0)
    assert best(lab).startswith(named)
    lab.during(lambda: lab.page.get_by_role("link", name=find_page("feature_maps").title).first.click())
    expect(lab.page).to_have_url(re.compile("feature_maps.*model=own"))
    lab.settle()


@pytest.mark.wide
@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_on_every_page(lab, name):
    lab.open("/classifier")
    dialog = bring(lab, name, FILES[name]())
    expect(dialog.get_by_text(f"This is how {name.split('.')[0]} sees")).to_be_visible()
    lab.settle()
    lab.accessible()
    lab.during(lambda: lab.page.keyboard.press("Escape"))
    for page in PAGES:
        link = lab.page.get_by_role("link", name=find_page(page).title).first
        lab.during(lambda link=link: link.click())
        lab.no_exception()
        if page != "report_card":
            expect(lab.page).to_have_url(re.compile(f"{page}.*model=own"))
        lab.settle()


@pytest.mark.wide
@pytest.mark.parametrize("page", ["classifier", *PAGES])
def test_broken_huge_and_hostile_files_get_a_sentence_and_the_page_stays(lab, tmp_path, page):
    lab.open(f"/{page}")
    if page == "report_card":
        lab.page.get_by_role("button", name="Settings").click()
    good = resnet_file()
    for content, says in (
        (good[: len(good) // 2], "damaged"),
        (b"\x80\x04cposix\nsystem\n(S'true'\ntR.", "could run code"),
        (b"hello" * 1000, "holds no weights"),
        (huge_file(), "MB of activations for a picture, more than the 400 allowed"),
    ):
        dialog = bring(lab, "<img src=x onerror=alert(1)>.pt", content)
        expect(dialog.get_by_test_id("stAlert").get_by_text(re.compile(says))).to_be_visible()
        assert not lab.page.locator("img[src=x]").count()
    large = tmp_path / "large.pt"
    with large.open("wb") as file:
        file.truncate(122_000_000)
    dialog.locator("input[type=file]").first.set_input_files(large)
    expect(dialog.get_by_text("File must be 120.0MB or smaller")).to_be_visible()
    lab.during(lambda: lab.page.keyboard.press("Escape"))
    expect(lab.page.locator(".st-key-main_picture").first).to_be_visible()


@pytest.mark.wide
def test_two_visitors_with_networks_of_one_name_never_meet(lab, dark_lab):
    said = []
    for visitor, seed in ((lab, 1), (dark_lab, 2)):
        visitor.open("/classifier")
        bring(visitor, "net.pt", resnet_file(seed))
        visitor.during(lambda visitor=visitor: visitor.page.keyboard.press("Escape"))
        said.append(best(visitor))
    assert said[0] != said[1]
    address = lab.page.url.removeprefix(lab.server)
    assert "own%3A" in address or "own:" in address
    dark_lab.open(address)
    expect(dark_lab.page.get_by_text("somebody's own network")).to_be_visible()
