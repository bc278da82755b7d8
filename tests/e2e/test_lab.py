"""What a person does in the lab, done in the browser."""

import io
import re
import time

import numpy as np
import pytest
from patience import patience
from PIL import Image
from places import IMAGENET_SAMPLES
from playwright.sync_api import expect

from cnnlab_core.images import sample_images
from cnnlab_core.ui.contents import PAGES


def photo_and_label():
    """A photo to upload and the label that the default model gives it."""
    real = IMAGENET_SAMPLES / "n02391049_zebra.JPEG"
    if real.exists():
        return real.name, real.read_bytes(), "zebra"
    return "drink.png", sample_images()["coffee"].content, "espresso"


def upload(lab, name, content):
    lab.page.get_by_role("button", name=re.compile("Use your own")).click()
    chooser = lab.page.locator('[data-testid="stPopoverBody"] input[type=file]')
    lab.during(lambda: chooser.set_input_files({"name": name, "mimeType": "image/png", "buffer": content}))
    lab.page.keyboard.press("Escape")


def choose(lab, label, option):
    """Choose an option of a selectbox by typing."""
    box = lab.page.get_by_role("combobox", name=re.compile(label))
    box.click()
    box.fill(option)
    lab.during(lambda: lab.page.keyboard.press("Enter"))


def test_home_leads_to_the_pages(lab):
    lab.open("/")
    lab.shot("home")
    main = lab.page.get_by_test_id("stMain")
    for page in PAGES:
        link = main.get_by_role("link", name=page.title, exact=True)
        expect(link).to_have_attribute("href", re.compile(rf"\b{page.name}$"))
    for page in (PAGES[1], PAGES[-1]):
        lab.during(lambda title=page.title: main.get_by_role("link", name=title, exact=True).click())
        expect(lab.page.locator("h1")).to_have_text(page.title)
        lab.during(lab.page.go_back)
        expect(lab.page.locator("h1")).to_have_text("cnnlab")


def test_back_leaves_a_page_at_once_and_brings_back_the_view_that_was_left(lab):
    lab.open("/")
    page = lab.open("/classifier")  # not by a link: the lab writes into this address before its script is there
    lab.during(lambda: page.get_by_role("tab", name="Preprocessing").click())
    first = page.url
    lab.during(lambda: page.get_by_test_id("stSidebar").get_by_role("link", name="Feature maps").click())
    lab.during(lambda: page.get_by_role("radio", name="late").click())
    second = page.url
    lab.during(page.go_back)
    expect(page.get_by_role("tab", selected=True)).to_have_text("Preprocessing")
    assert page.url == first
    lab.during(page.go_forward)
    expect(page.get_by_role("radio", name="late")).to_be_checked()
    assert page.url == second
    lab.during(page.go_back)
    lab.during(page.go_back)
    expect(page.locator("h1")).to_have_text("cnnlab")


@pytest.mark.wide
def test_upload_a_photo_and_read_its_label(lab):
    name, content, label = photo_and_label()
    lab.open("/classifier")
    upload(lab, name, content)
    expect(lab.page.locator("h2").filter(has_text=label).first).to_be_visible()
    lab.shot("upload")


def test_a_figure_is_taken_away_for_paper(lab):
    lab.open("/classifier")
    lab.page.get_by_test_id("stMain").get_by_role("button", name="Figure").first.click()
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="SVG").click()
    svg = download.value.path().read_text(encoding="utf-8")
    for words in ("The 5 best classes", "probability", "tiger cat", "39.5%", "EfficientNet-Lite0, pretrained weights"):
        assert words in svg


def test_a_patch_is_dragged_over_the_photo(lab):
    lab.open("/classifier")
    lab.settle()  # what is above the photo may still grow
    photo, cover = lab.page.locator(".photo").bounding_box(), lab.page.locator(".cover")
    lab.page.mouse.move(photo["x"] + 60, photo["y"] + 60)
    lab.page.mouse.down()
    lab.page.mouse.move(photo["x"] + photo["width"] / 2, photo["y"] + photo["height"] / 2, steps=4)
    lab.page.mouse.up()
    expect(cover.locator(".says b").first).to_contain_text("39.5 % →")
    expect(cover.locator(".words")).not_to_contain_text("Drag")
    lab.page.keyboard.press("Escape")
    expect(cover.locator(".says b").first).to_have_text("39.5 %")


def test_the_script_of_a_component_is_there_for_a_browser_that_asks_late(lab):
    asked = []
    lab.page.on("request", lambda request: request.url.endswith(".es") and asked.append(request.url))
    lab.open("/convolution")
    lab.settle()
    assert asked
    lab.during(lambda: lab.page.get_by_role("link", name="Teaching").first.click())
    for address in asked:
        assert lab.page.request.get(address).ok, "no run of this session draws it any more"


@pytest.mark.wide
def test_switch_picture_model_and_weights(lab):
    lab.open("/classifier")
    choose(lab, "Picture", "A cup of coffee")
    expect(lab.page.locator("h2", has_text="espresso").first).to_be_visible()
    choose(lab, "Network", "SqueezeNet")
    expect(lab.page.get_by_text("aren't on this machine")).to_be_visible()
    lab.shot("missing_weights")
    lab.during(lambda: lab.page.get_by_role("radio", name="random").click())
    expect(lab.page.get_by_text("SqueezeNet 1.1 · random")).to_be_visible()
    assert "model=squeezenet1_1" in lab.page.url
    assert "weights=random" in lab.page.url


def test_a_download_without_a_network_says_what_to_do(lab):
    lab.open("/classifier?model=resnet18")
    lab.during(lambda: lab.page.get_by_role("button", name="Download 45 MB").click())
    expect(lab.page.get_by_text("couldn't be reached")).to_be_visible()
    expect(lab.page.get_by_role("button", name="Try again")).to_be_visible()
    expect(lab.page.get_by_text("EfficientNet-Lite2 · pretrained")).to_be_visible()


@pytest.mark.wide
def test_a_copied_link_opens_the_same_view(lab, browser, server):
    lab.open("/classifier")
    choose(lab, "Picture", "A motorcycle")
    slider = lab.page.get_by_role("slider", name=re.compile("Temperature"))
    slider.focus()
    lab.during(lambda: slider.press("ArrowRight"))
    lab.page.get_by_role("button", name="More").click()
    lab.during(lambda: lab.page.get_by_role("radio", name="Logits").click())
    lab.page.keyboard.press("Escape")
    choose(lab, "Any of the 1000 classes", "moped")
    heading, numbers = (lab.page.locator(what).all_inner_texts() for what in ("h2", '[data-testid="stMetricValue"]'))
    other = browser.new_context(viewport={"width": 1440, "height": 900})
    second = type(lab)(other.new_page(), server)
    second.open(lab.page.url.removeprefix(server))
    expect(second.page.locator("h2")).to_have_text(heading)
    expect(second.page.locator('[data-testid="stMetricValue"]')).to_have_text(numbers)
    second.check()
    other.close()


@pytest.mark.wide
def test_the_choice_survives_going_home_and_back(lab):
    lab.open("/classifier?picture=rocket&weights=random")
    lab.during(lambda: lab.page.get_by_role("link", name="cnnlab").click())
    lab.during(lambda: lab.page.get_by_test_id("stSidebar").get_by_role("link", name="Naming photos").click())
    assert "picture=rocket" in lab.page.url
    expect(lab.page.get_by_text("EfficientNet-Lite0 · random").first).to_be_visible()


@pytest.mark.wide
def test_the_camera(lab):
    lab.open("/classifier")
    lab.page.get_by_role("button", name=re.compile("Use your own")).click()
    lab.during(lambda: lab.page.get_by_text("Use the camera").click())
    shutter, taken = (lab.page.get_by_role("button", name=name) for name in ("Take Photo", "Clear photo"))
    expect(shutter).to_be_enabled()
    end = time.monotonic() + patience(20)
    while time.monotonic() < end:  # a shutter pressed before the first frame is there takes nothing
        shutter.click()
        lab.page.wait_for_timeout(500)
        if taken.count():
            break
    expect(lab.page).to_have_url(re.compile("picture=own-camera"))
    expect(lab.page.get_by_text("Camera photo").first).to_be_visible()


@pytest.mark.wide
def test_several_pictures_and_their_table(lab):
    lab.open("/classifier?classifier_tab=Several+pictures")
    name, content, label = photo_and_label()
    files = [
        {"name": name, "mimeType": "image/jpeg", "buffer": content},
        {"name": "<b>bold</b>.png", "mimeType": "image/png", "buffer": b"not a picture"},
    ]
    chooser = lab.page.locator('[data-testid="stMain"] input[type=file]')
    lab.during(lambda: chooser.set_input_files(files))
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="Table as CSV").click()
    table = download.value.path().read_text()
    assert label in table
    assert "holds text" in table
    lab.shot("batch")


@pytest.mark.wide
def test_long_work_shows_progress_can_be_stopped_and_started_again(lab):
    lab.open("/classifier?model=vgg16&weights=random&classifier_tab=Several+pictures")
    content = sample_images()["rocket"].content
    files = [{"name": f"{i}.jpg", "mimeType": "image/jpeg", "buffer": content} for i in range(12)]
    lab.page.locator('[data-testid="stMain"] input[type=file]').set_input_files(files)
    stop = lab.page.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_visible()
    expect(lab.page.get_by_text(re.compile(r"Classifying 12 pictures · \d+ s"))).to_be_visible()
    lab.shot("running")
    lab.press_stop()
    again = lab.page.get_by_role("button", name="Go on")
    expect(again).to_be_visible()
    lab.page.get_by_role("button", name="More").click()
    lab.during(lambda: lab.page.get_by_role("radio", name="Logits").click())  # the page still answers
    lab.page.keyboard.press("Escape")
    expect(again).to_be_visible()
    again.click()
    expect(stop).to_be_visible()
    expect(lab.page.get_by_role("button", name="Table as CSV")).to_be_visible()


def test_downloads_are_what_they_say(lab):
    lab.open("/classifier?classifier_tab=Take+it+away")
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="Labelled picture").click()
    picture = Image.open(io.BytesIO(download.value.path().read_bytes()))
    cat = Image.open(io.BytesIO(sample_images()["chelsea"].content)).convert("RGB")
    below = np.asarray(picture.convert("RGB"))[-cat.height :]
    assert np.array_equal(below, np.asarray(cat))
    assert picture.height > cat.height
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="All 1000 classes").click()
    assert len(download.value.path().read_text().splitlines()) == 1001
    lab.shot("take_away")


@pytest.mark.wide
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("letter.png", b"Dear reader, this is no picture."),
        ("<img src=x onerror=alert(1)>.png", b"\x89PNG\r\n\x1a\n broken"),
        ("empty.jpg", b""),
        (
            "![x](http://example.org/x.png).svg",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        ),
    ],
)
def test_bad_files_get_a_sentence_and_the_page_stays(lab, name, content):
    lab.open("/classifier")
    upload(lab, name, content)
    expect(lab.page.get_by_test_id("stAlert").first).to_be_visible()
    expect(lab.page.get_by_test_id("stException")).to_have_count(0)
    expect(lab.page.locator("h2", has_text="tiger cat")).to_be_visible()  # the picture before is still there
    choose(lab, "Picture", "A cup of coffee")
    expect(lab.page.locator("h2", has_text="espresso")).to_be_visible()
    expect(lab.page.get_by_test_id("stAlert")).to_have_count(0)


@pytest.mark.wide
def test_the_classifier_in_the_light_the_dark_and_the_pocket(lab, dark_lab, phone_lab):
    for opened, name in ((lab, "classifier"), (dark_lab, "classifier_dark"), (phone_lab, "classifier_phone")):
        opened.open("/classifier")
        expect(opened.page.locator("h2").first).to_be_visible()
        expect(opened.page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width == 0, "the page can be scrolled sideways"
        opened.shot(name)
