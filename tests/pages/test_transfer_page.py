"""The transfer-learning page: every tab, its controls, and an imported collection."""

import base64
import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from screen import figures, guess_at, markdown, press

from cnnlab_core.data import Dataset
from cnnlab_core.data.dataset import write_dataset
from cnnlab_core.data.own import own_path
from cnnlab_core.data.shapes import draw as draw_shapes
from cnnlab_core.images import png

TABS = ("Projection", "Classifier", "Learning curve", "Your picture")
SHAPES = "Shapes and textures (generated)"
QUICK = {"model": "cifar10_standard", "transfer_data": SHAPES}
"""A small network: what the tabs do is the same."""
CLASSIFIER = {"transfer_tab": "Classifier", **QUICK}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))


def text(app):
    return "\n".join(element.value for element in (*app.caption, *app.info, *app.error)).replace("\\", "")


def test_the_page_opens_with_a_classifier_its_confusion_and_its_mistakes(open_page):
    app = open_page("transfer_learning", **CLASSIFIER)
    assert not app.error
    accuracy, guessing, penalty = app.metric
    assert guessing.value == "10.0%"
    assert float(accuracy.value.rstrip("%")) > 30
    assert float(penalty.value) > 0
    (figure,) = figures(app)
    assert np.shape(figure["data"][0]["customdata"]) == (10, 10)
    assert "predicted as" in text(app)
    assert "learn(model, drawn)" in app.code[-1].value


def test_two_lines_against_pictures_of_each_class(open_page):
    app = open_page("transfer_learning", transfer_tab="Learning curve", **QUICK)
    pretrained, random = figures(app)[0]["data"]
    assert pretrained["name"] == "pretrained weights"
    for line in (pretrained, random):
        assert np.frombuffer(base64.b64decode(line["x"]["bdata"]), line["x"]["dtype"]).tolist() == [1, 2, 4, 6]
    assert "% with random ones" in text(app)
    assert 'curve(load_model("cifar10_standard"' in app.code[-1].value


def test_it_opens_with_real_pictures_where_pretrained_and_random_features_put_them(open_page):
    app = open_page("transfer_learning")
    assert app.selectbox(key="transfer_data").value == "Digits (10,000 of MNIST)"  # no CIFAR-10 in the tests' folder
    assert len(app.get("image")) == 2
    pretrained, random = (int(share) for share in re.findall(r"\*\*(\d+)%\*\*", markdown(app)))
    assert pretrained > random + 20
    assert "6 pictures per class" in markdown(app)


def test_every_picture_is_a_point_of_the_projection(open_page):
    app = open_page("transfer_learning", transfer_tab="Projection", **QUICK)
    (figure,) = figures(app)
    assert sum(len(trace["marker"]["symbol"]) for trace in figure["data"]) == 120
    assert [trace["name"] for trace in figure["data"]][:2] == ["disc", "ring"]
    assert "120 points" in text(app)
    axes = (figure["layout"][axis]["title"]["text"] for axis in ("xaxis", "yaxis"))
    explained = sum(int(re.search(r"(\d+)% of the variance", axis)[1]) for axis in axes)
    right, told = guess_at(app, "explained")
    assert abs(int(told.split(" %")[0]) - explained) <= 1
    assert right == ("under 20 %" if explained < 20 else "20 to 50 %" if explained <= 50 else "over 50 %")


def test_your_picture_is_classified_and_lies_in_the_projection(open_page):
    app = open_page("transfer_learning", transfer_tab="Your picture", picture="coffee", **QUICK)
    bars, places = figures(app)
    assert len(bars["data"][0]["y"]) == 5
    assert places["data"][-1]["name"] == "your picture"
    assert 'sample_images()["coffee"]' in app.code[-1].value


def test_more_pictures_wait_for_their_button(open_page):
    app = open_page("transfer_learning", transfer_each="24", weights="random", **CLASSIFIER)
    assert not app.metric
    press(app, "Learn from 24 pictures")
    assert "Learned from 120 pictures" in text(app)
    app.select_slider(key="transfer_each").set_value(48).run()
    assert "These results are from your previous settings." in markdown(app)
    assert any(
        "st-key-transfer_kept [data-testid=stElementContainer] { opacity" in one.proto.body for one in app.get("html")
    )
    assert len(app.metric) == 3
    assert 'draw(open_collection("shapes"), 24)' in app.code[-1].value


@pytest.mark.parametrize(("former", "tab"), [("Random or pretrained", "Learning curve"), ("Map", "Projection")])
def test_links_to_a_tabs_former_title_open_it(open_page, former, tab):
    app = open_page("transfer_learning", transfer_tab=former, **QUICK)
    assert app.query_params.get("transfer_tab", TABS[0]) in (tab, [tab])
    assert app.code[-1].value == open_page("transfer_learning", transfer_tab=tab, **QUICK).code[-1].value


@pytest.mark.parametrize("tab", TABS)
def test_nonsense_in_the_address_is_left_aside(open_page, tab):
    app = open_page(
        "transfer_learning", transfer_tab=tab, **QUICK | {"transfer_data": "<b>"}, transfer_each="7", weights="42"
    )
    assert not app.error


def test_what_must_be_fetched_says_so_and_a_failure_is_a_sentence(open_page, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    app = open_page("transfer_learning", transfer_data="Oxford-IIIT Pet (37 breeds)")
    assert "have to be downloaded, once" in text(app)
    press(app, "Download 811 MB")
    assert "couldn't be downloaded" in text(app)


def test_an_imported_collection_with_strange_names(open_page):
    pictures = [draw_shapes(count, [9, count]) for count in (120, 40)]
    names = ("<b>bold</b>", "[link](http://x)", *(f"class {n}" for n in range(8)))
    write_dataset(own_path("mine"), Dataset("own:mine", "mine", names, pictures[0], lambda: pictures[1]))
    app = open_page(
        "transfer_learning",
        transfer_tab="Classifier",
        transfer_data="mine",
        transfer_each="12",
        model="cifar10_standard",
    )
    press(app, "Learn from 12 pictures")
    (figure,) = figures(app)
    assert "<b>" not in str(figure["data"])
    assert not any("[link](" in element.value.replace("`[link](http://x)`", "") for element in app.caption)


def test_pets_as_they_are_downloaded_can_be_imported(open_page):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        for breed, colour in (("Bombay", "black"), ("pug", "tan")):
            for n in range(7):
                files.writestr(f"pets/images/{breed}_{n}.jpg", png(Image.new("RGB", (20, 20), colour)))
    app = open_page("transfer_learning")
    app.file_uploader(key="transfer_zip").set_value(("pets.zip", packed.getvalue(), "application/zip")).run()
    press(app, "Import")
    assert "pets" in app.selectbox(key="transfer_data").options
    assert "1 of cats and 1 of dogs; a sixth of each kept for the test" in app.toast[0].value.replace("\\", "")
