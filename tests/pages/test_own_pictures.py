"""One's own pictures in the sidebar: several at once, with bad ones among them."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from places import IMAGENET_SAMPLES
from screen import markdown, problems

from cnnlab_core.images import jpeg, png, sample_images


def square(colour, side=40):
    return png(Image.new("RGB", (side, side), colour))


def upload(app, *files):
    app.file_uploader(key="upload").set_value([(name, content, "image/png") for name, content in files]).run()
    assert not app.exception


def own(app):
    return [option for option in app.selectbox(key="picture_choice").options if option not in GALLERY]


GALLERY = [sample.title for sample in sample_images().values()]


def test_several_are_kept_and_the_first_is_shown(open_page):
    app = open_page("classifier")
    upload(app, ("cup.png", sample_images()["coffee"].content), ("tiger.png", sample_images()["chelsea"].content))
    assert own(app) == ["cup.png", "tiger.png"]
    assert "## espresso" in markdown(app)
    name = (
        app.query_params["picture"][0] if isinstance(app.query_params["picture"], list) else app.query_params["picture"]
    )
    assert name.startswith("own-")
    app.selectbox(key="picture_choice").set_value(list(app.session_state["shared"].own)[1]).run()
    assert "## tiger cat" in markdown(app)
    upload(app, ("third.png", sample_images()["rocket"].content))
    assert own(app) == ["cup.png", "tiger.png", "third.png"]
    app.switch_page("pages/deepdream.py").run()
    assert own(app) == ["cup.png", "tiger.png", "third.png"]


def test_bad_ones_get_a_sentence_each_and_the_rest_is_kept(open_page):
    app = open_page("convolution", conv_tab="On a photo")
    cut = io.BytesIO(square("red", 300)).getvalue()[:200]
    evil = "![x](http://evil.example/x.png).png"
    upload(app, ("text.png", b"hello"), ("good.png", square("red")), (evil, b"%PDF-1.7"), ("cut.png", cut))
    assert own(app) == ["good.png"]
    told = problems(app)
    assert len(told) == 3
    for name, what in (("text.png", "holds text"), (evil, "a PDF document"), ("cut.png", "damaged")):
        assert any(name in sentence and what in sentence for sentence in told)
    assert not any("![x](" in re.sub("`[^`]*`", "", element.value) for element in app.error)  # as code, it is text
    app.selectbox(key="picture_choice").set_value("coffee").run()
    assert not app.error


def test_pictures_called_alike_are_told_apart_and_the_same_one_is_kept_once(open_page):
    app = open_page("convolution", conv_tab="On a photo")
    upload(app, ("IMG.png", square("red")), ("IMG.png", square("blue")), ("copy.png", square("red")))
    assert sorted(own(app)) == ["IMG.png (2)", "copy.png"]
    upload(app, ("IMG.png (2)", square("green")))
    assert sorted(own(app)) == ["IMG.png (2)", "IMG.png (2) (2)", "copy.png"]


def test_what_is_kept_is_bounded(open_page, monkeypatch):
    monkeypatch.setenv("CNNLAB_SESSION_PICTURES", "3")
    app = open_page("convolution", conv_tab="On a photo")
    upload(app, *((f"{colour}.png", square(colour)) for colour in ("red", "green", "blue", "white")))
    assert own(app) == ["green.png", "blue.png", "white.png"]
    assert "Only the last 3 of your pictures are kept; forgotten: red.png" in problems(app)[0]
    monkeypatch.setenv("CNNLAB_UPLOAD_MB", "1")
    colours = np.random.default_rng(0).integers(0, 256, (3, 800, 800, 3), dtype=np.uint8)
    upload(app, *((f"noise {number}.jpg", jpeg(Image.fromarray(one))) for number, one in enumerate(colours)))
    assert own(app) == ["noise 1.jpg", "noise 2.jpg"]
    upload(app, ("large.png", png(Image.fromarray(colours[0]))))
    assert "large.png has 2 MB, and the lab takes up to 1." in problems(app)


def test_after_a_reload_the_owner_is_told_to_upload_again(open_page):
    files = [("red.png", square("red")), ("blue.png", square("blue"))]
    app = open_page("convolution", conv_tab="On a photo")
    upload(app, *files)
    assert not app.info
    asked = app.query_params["picture"]
    again = open_page("convolution", conv_tab="On a photo", picture=asked[0] if isinstance(asked, list) else asked)
    (said,) = [element.value for element in again.info]
    assert "a reload forgets those" in said
    assert "Choose it again under “Use your own”" in said
    upload(again, *files)
    assert not again.info
    assert again.selectbox(key="picture_choice").value in again.session_state["shared"].own


def bell_pepper_and_corgis():
    """The homework's pictures, where they lie beside the repository; else photos of the gallery."""
    wanted = ("bell_pepper", "Pembroke", "Cardigan")
    found = {path.stem.split("_", 1)[1]: path for path in IMAGENET_SAMPLES.glob("*") if path.stem.endswith(wanted)}
    if len(found) == len(wanted):
        return [(f"{name}.jpg", path.read_bytes(), name.replace("_", " ")) for name, path in sorted(found.items())]
    return [
        (f"{name}.png", sample_images()[name].content, label)
        for name, label in (("coffee", "espresso"), ("chelsea", "tiger cat"))
    ]


@pytest.mark.parametrize(("name", "content", "label"), bell_pepper_and_corgis())
def test_the_homeworks_pictures_are_brought_and_named(open_page, name, content, label):
    app = open_page("classifier")
    upload(app, (name, content))
    assert f"## {label}" in markdown(app)
