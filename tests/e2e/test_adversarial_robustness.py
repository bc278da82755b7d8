"""The adversarial page's tabs beyond a single attack, in the browser."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from cnnlab_core.attacks.transforms import TRANSFORMS

TABS = ("Robustness", "Report", "Universal", "Transferability")
FGSM = {"adversarial_attack": "FGSM", "adversarial_eps": "8"}


def address(tab, **more):
    query = "".join(f"&{key}={value}" for key, value in more.items())
    place = tab if tab == "Report" else f"Does+it+survive%3F&adversarial_tab_survive={tab}"
    return f"/adversarial?adversarial_tab={place}{query}"


def download(lab, label):
    if not lab.page.get_by_role("button", name=label).is_visible():
        lab.page.get_by_text("Take it away").click()
    with lab.page.expect_download() as found:
        lab.page.get_by_role("button", name=label).click()
    return found.value.path().read_bytes()


@pytest.mark.wide
def test_an_attack_made_through_transforms_survives_more(lab):
    query = {"adversarial_through_steps": "10", "adversarial_views": "4", **FGSM, "adversarial_attack": "PGD"}
    lab.open(address("Robustness", adversarial_steps="10", adversarial_step="2", **query))
    lab.page.get_by_role("button", name=re.compile(r"^Attack \(")).click()
    summary = lab.page.get_by_text(re.compile(rf"The attack survives \d+ of {len(TRANSFORMS)}"))
    expect(summary).to_be_visible()
    plain = int(re.search(r"survives (\d+) of", summary.inner_text())[1])
    lab.page.get_by_role("button", name=re.compile("^Attack through 3 transforms")).click()
    robust = lab.page.get_by_text(re.compile(rf"Made through transforms, it survives \d+ of {len(TRANSFORMS)}"))
    expect(robust).to_be_visible()
    assert int(re.search(r"transforms, it survives (\d+) of", robust.inner_text())[1]) > plain
    expect(lab.page.get_by_role("img", name="Rotate: 30°, made through transforms")).to_be_visible()
    sheet = Image.open(io.BytesIO(download(lab, "Gallery (PNG)")))
    assert sheet.height > (len(TRANSFORMS) + 1) * 224
    lab.shot("adversarial_robustness_through")


@pytest.mark.wide
def test_a_report_is_stopped_taken_up_and_downloaded(lab):
    lab.open(address("Report", adversarial_steps="24"))
    lab.page.get_by_role("button", name=re.compile("^Make the report")).click()
    expect(lab.page.get_by_text("Adversarial", exact=True).first).to_be_visible()  # the first row
    lab.press_stop()
    expect(lab.page.get_by_text(re.compile("Stopped: here are 1 of 2 rows"))).to_be_visible()
    lab.during(lab.page.get_by_role("button", name="Go on").click)
    expect(lab.page.get_by_text(re.compile("Stopped: here"))).to_have_count(0)
    assert download(lab, "Figure (PDF)").startswith(b"%PDF")
    figure = Image.open(io.BytesIO(download(lab, "Figure (PNG)")))
    assert figure.width > 1000
    assert figure.height > figure.width * 0.8  # two rows and a caption
    assert len(download(lab, "Table (CSV)").decode().splitlines()) == 3


@pytest.mark.wide
def test_one_noise_is_taken_home(lab):
    lab.open(address("Universal"))
    expect(lab.page.get_by_text(re.compile("of 6 fooled"))).to_be_visible()
    delta = np.load(io.BytesIO(download(lab, "Noise (NPY)")))
    assert delta.shape == (224, 224, 3)
    assert 3.9 / 255 < np.abs(delta).max() <= 4 / 255 + 1e-6


@pytest.mark.wide
def test_the_tabs_in_the_dark_and_the_pocket(dark_lab, phone_lab):
    for opened, place, tabs in ((dark_lab, "dark", TABS[:2]), (phone_lab, "phone", TABS)):
        for tab in tabs:
            opened.open(address(tab))
            expect(opened.page.get_by_text("Take it away")).to_be_visible()
            width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert width == 0, f"{tab} can be scrolled sideways"
            opened.shot(f"adversarial_{tab.lower().replace(' ', '_')}_{place}")


@pytest.mark.wide
def test_an_old_link_opens_its_tab_cold_and_takes_the_new_name(lab):
    for old, chapter, view in (
        ("In+the+world", "Does it survive?", "Robustness"),
        ("Questions", "On paper", "Questions"),
    ):
        lab.open(f"/adversarial?adversarial_tab={old}")
        expect(lab.page.get_by_role("tab", name=chapter)).to_have_attribute("aria-selected", "true")
        expect(lab.page.get_by_role("radio", name=view, exact=True)).to_be_checked()
        expect(lab.page).to_have_url(re.compile(f"adversarial_tab={chapter.replace(' ', '.').replace('?', '%3F')}"))
