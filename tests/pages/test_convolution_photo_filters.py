"""On a photo: the response is the core's and PyTorch's, and layers follow their controls."""

import re

import numpy as np
import pytest
from PIL import Image
from screen import problems, run_code

from cnnlab_core.convolution import KERNELS
from cnnlab_core.from_scratch.photo_filters import respond, to_planes
from cnnlab_core.images import open_image, png, sample_images


@pytest.fixture
def open_tab(open_page):
    return lambda **query: open_page("convolution", conv_tab="On a photo", **query)


def text(app):
    return "\n".join(element.value for element in [*app.markdown, *app.caption])


def test_the_tab_opens_finished_and_its_code_runs(open_tab, capsys):
    app = open_tab()
    assert not app.error
    assert run_code(app)
    assert capsys.readouterr().out


def test_nonsense_in_the_address_is_left_aside(open_tab):
    app = open_tab(conv_photo_kernel="x", conv_photo_stride="-1", conv_photo_pool="9")
    assert not app.error


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"conv_photo_channels": "Red, green, blue", "conv_photo_stride": "3", "conv_photo_padding": "none"},
        {"conv_photo_kernel": "Blur", "conv_photo_padding": "full", "conv_photo_border": "circular"},
        {"conv_photo_kernel": "My own numbers", "conv_photo_numbers": "1/2 -1 0 1; 2 0 0 -2.5", "picture": "coffee"},
        {"conv_photo_kernel": "Emboss", "conv_photo_border": "zeros", "conv_photo_view": "Picture"},
    ],
)
def test_the_response_is_the_cores_and_torchs(open_tab, query):
    app = open_tab(**query)
    assert not app.error
    names = run_code(app)
    y = names["y"]
    assert np.abs(y - names["by_torch"].numpy()).max() < 1e-12
    low, high = re.search(r"numbers from (\S+) to (\S+)\*\*", text(app).replace("−", "-")).groups()
    assert (low, high) == (f"{y.min():.2f}", f"{y.max():.2f}")
    assert " × ".join(map(str, y.shape)) in text(app)


def test_it_opens_with_sobel_on_the_cat(open_tab):
    app = open_tab()
    cat = to_planes(open_image(sample_images()["chelsea"].content))
    y = respond(cat, KERNELS["sobel_x"].weights, padding=1, padding_mode="replicate")
    assert np.array_equal(run_code(app)["y"], y)
    assert "One cell sees 8 × 8 pixels" in text(app)


def test_another_kernel_and_other_layers(open_tab):
    app = open_tab()
    app.selectbox(key="conv_photo_kernel").set_value("Laplacian").run()
    assert "The response of Laplacian" in text(app)
    app.segmented_control(key="conv_photo_pool").set_value(4).run()
    assert "3. max pool 4" in text(app)
    assert "1 × 53 × 80" in text(app)
    assert "One cell sees 14 × 14 pixels" in text(app)
    assert not app.error


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ("1 2; 3", "The rows of the kernel have 2, 1 numbers"),
        ("one two", "isn't a number"),
        (";", "The kernel is empty"),
        ("1 " * 16, "within 15"),
    ],
)
def test_a_kernel_that_is_none_is_a_sentence(open_tab, numbers, words):
    app = open_tab(conv_photo_kernel="My own numbers", conv_photo_numbers=numbers)
    assert words in problems(app)[0]
    app.text_input(key="conv_photo_numbers").set_value("1 -1").run()
    assert not app.error


def test_the_kernel_of_the_grid_can_be_taken_over(open_tab):
    app = open_tab(conv_photo_kernel="My own numbers")
    assert not [button for button in app.button if button.key == "conv_photo_take"]
    app.session_state["conv_2_w"] = "1 0; 0 -1/2 | 2 2; 2 2"
    app.run()
    app.button(key="conv_photo_take").click().run()
    assert run_code(app)["w"] == [[1, 0], [0, -0.5]]


def test_a_damaged_picture_is_a_sentence_and_a_tiny_one_works(open_tab):
    app = open_tab()
    app.file_uploader(key="upload").set_value(("broken.png", b"\x89PNG broken", "image/png")).run()
    assert "damaged" in problems(app)[0]
    app.file_uploader(key="upload").set_value(("tiny.png", png(Image.new("RGB", (8, 8), "red")), "image/png")).run()
    assert not app.error
    assert "1 × 8 × 8" in text(app)


def test_an_unrelated_control_computes_nothing_again(open_tab, monkeypatch):
    from cnnlab_core.ui.convolution import photo_filters, photo_layers

    drawn = []
    real = photo_filters.draw
    for module in (photo_filters, photo_layers):
        monkeypatch.setattr(module, "draw", lambda *args, **options: drawn.append(args) or real(*args, **options))
    app = open_tab(picture="rocket")
    first = len(drawn)
    app.run()
    assert len(drawn) == first
    app.segmented_control(key="conv_photo_pool").set_value(3).run()
    assert len(drawn) == first + 5  # the layers only
