"""The classifier page: each control does what it says, and says what it can't do."""

import json

import numpy as np
import pytest
from patience import patience
from places import ROOT
from screen import components, figures, markdown, metrics

from cnnlab_core.classification.batch import classify
from cnnlab_core.classification.softmax import softmax
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.ui.classifier import cover


@pytest.fixture(scope="module")
def cat():
    return classify(load_model("efficientnet_lite0"), [("cat", sample_images()["chelsea"].content)])[0]


def test_home_opens_without_torch():
    import subprocess
    import sys

    code = (
        "import sys; from streamlit.testing.v1 import AppTest;"
        "app = AppTest.from_file('app.py', default_timeout=100).run(); assert not app.exception, app.exception;"
        "assert 'torch' not in sys.modules; print([b.value for b in app.title])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=patience(120)
    )
    assert done.returncode == 0, done.stderr
    assert "cnnlab" in done.stdout


def test_it_opens_with_a_finished_example(open_page):
    app = open_page("classifier")
    assert "## tiger cat · 39.5%" in markdown(app)
    assert metrics(app)["Rank of “tiger cat”"] == "1 of 1000"
    assert app.query_params["picture"] == "chelsea"
    assert not app.error


def test_k_and_scale(open_page):
    app = open_page("classifier")
    for k in (1, 10):
        app.slider(key="classifier_k").set_value(k).run()
        assert json.dumps(figures(app)[0]).count('%"') >= k
    app.segmented_control(key="classifier_scale").set_value("Logits").run()
    assert not app.exception
    assert '"9.25"' in json.dumps(figures(app)[0])


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
def test_temperature(open_page, cat, temperature):
    app = open_page("classifier")
    app.slider(key="classifier_t").set_value(temperature).run()
    expected = softmax(cat.logits, temperature)[282]
    assert metrics(app)["Probability"] == f"{expected:.4%}"
    table = app.dataframe[0].value
    numbers = [float(text) for text in table["e^…"]]
    assert round(sum(numbers[:-1]) * 1e6) == round(numbers[-1] * 1e6)  # what is shown adds up exactly


def test_any_class_can_be_searched(open_page, cat):
    app = open_page("classifier")
    app.selectbox(key="classifier_class").set_value("504 · coffee mug").run()
    place = 1 + int((cat.logits > cat.logits[504]).sum())
    assert metrics(app)["Rank of “coffee mug”"] == f"{place} of 1000"
    assert metrics(app)["Logit z"] == f"{cat.logits[504]:.4f}"


def test_another_picture_model_and_weights(open_page):
    app = open_page("classifier")
    app.selectbox(key="picture_choice").set_value("coffee").run()
    assert "## espresso" in markdown(app)
    app.selectbox(key="model_choice").set_value("squeezenet1_1").run()
    app.segmented_control(key="weights_choice").set_value("random").run()
    assert "**SqueezeNet 1\\.1** · random" in markdown(app)
    assert {name: app.query_params[name] for name in ("picture", "model", "weights")} == {
        "picture": "coffee", "model": "squeezenet1_1", "weights": "random",
    }  # fmt: skip


def test_weights_that_are_not_here_are_offered_and_the_rest_goes_on(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    app = open_page("classifier", model="resnet18")
    assert any("aren't on this machine" in info.value.replace("\\", "") for info in app.info)
    assert "Download 45 MB" in [button.label for button in app.button]
    assert "EfficientNet\\-Lite2" in markdown(app)  # the other network answers


def test_a_failed_download_is_a_sentence(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no network, whatever machine this is
    app = open_page("classifier", model="resnet18")
    next(button for button in app.button if button.label == "Download 45 MB").click().run()
    assert not app.exception
    assert any("couldn't be reached" in error.value.replace("\\", "") for error in app.error)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    ("tab", "shows"),
    [
        ("Softmax, worked out", "Logit z"),
        ("Preprocessing", None),
        ("Layers", "Features that enter the last layer"),
        ("Several pictures", None),
        ("Take it away", None),
    ],
)
def test_every_tab(open_page, tab, shows):
    app = open_page("classifier", classifier_tab=tab)
    assert not app.error
    if shows:
        assert shows in metrics(app)
    if tab == "Layers":
        assert metrics(app)["Features that enter the last layer"] == "1,280"
        everything = len(app.dataframe[0].value)
        app.toggle(key="layers_weighted").set_value(True).run()
        assert 0 < len(app.dataframe[0].value) < everything
        assert app.dataframe[0].value["layer"].iloc[0] == "Stem, convolution"
    if tab == "Preprocessing":
        assert "**4. normalised** 3 × 224 × 224" in markdown(app)
    if tab == "Several pictures":
        assert len(app.dataframe[0].value) == len(sample_images())
    if tab == "Take it away":
        assert any("load_model" in code.value for code in app.code)


def test_a_second_trained_network_stands_beside_it_and_an_untrained_one_is_a_click_away(open_page):
    app = open_page("classifier")
    assert "## Egyptian cat · 60.1%" in markdown(app)
    app.button(key="compare_untrained").click().run()
    assert "**EfficientNet\\-Lite0** · random" in markdown(app)
    assert app.query_params["classifier_versus"] == "EfficientNet-Lite0, random"
    app.button(key="compare_untrained").click().run()
    assert "**EfficientNet\\-Lite2** · pretrained" in markdown(app)


def test_under_a_patch_each_network_says_what_it_says_of_grey_pixels(open_page, monkeypatch):
    app = open_page("classifier", classifier_t="2.0")

    def given(place):
        return components(app)[place]

    scene, names = given(-2)["scene"], ("efficientnet_lite0", "efficientnet_lite2")
    frames = iter([{"scene": scene, "n": 1, "patch": [0.25, 0.5, 0.25]}, {"scene": scene, "n": 2, "patch": [0, 9, 1]}])
    monkeypatch.setattr(cover, "heard", lambda: next(frames))
    app.run()
    rows = given(-1)["answer"]["rows"]
    for row, name, (top, left, side) in zip(rows, names, ((56, 112, 56), (66, 130, 64)), strict=True):
        model = load_model(name)
        x = model.prepare(open_image(sample_images()["chelsea"].content))
        whole = model(x)[0].detach().numpy()
        x[..., top : top + side, left : left + side] = 0.5
        shares = softmax(model(x)[0].detach().numpy(), 2.0)
        assert row["share"] == pytest.approx(shares[whole.argmax()], rel=1e-5)
        assert row["best"] == model.categories[int(np.argmax(shares))]
    app.session_state["cover_wire turn"].at = 0
    app.run()
    assert "lies on the photo" in given(-1)["answer"]["said"]


def test_comparing_with_another_network(open_page):
    app = open_page("classifier", classifier_versus="ResNet-18, random")
    assert "**ResNet\\-18** · random" in markdown(app)


def test_a_link_with_a_networks_former_title_goes_on_working(open_page):
    app = open_page("classifier", classifier_versus="ResNet-50, robust (linf, ε = 4/255), random")
    assert app.selectbox(key="classifier_versus").value == "ResNet-50, robust (L∞, ε = 4/255), random"


@pytest.mark.parametrize(
    "query",
    [
        {"picture": "<script>alert(1)</script>", "model": "../../etc/passwd", "weights": "evil"},
        {"classifier_k": "999", "classifier_t": "nan", "classifier_scale": "x", "classifier_versus": "nobody"},
        {"classifier_k": "-1", "classifier_t": "1e400", "classifier_class": "](http://x)", "classifier_tab": "none"},
        {"picture": "own-upload"},
    ],
)
def test_nonsense_in_the_address_is_left_aside(open_page, query):
    app = open_page("classifier", **query)
    assert "## tiger cat" in markdown(app)
    assert not app.error
    if query == {"picture": "own-upload"}:
        assert "Choose it again under “Use your own”" in app.info[0].value


def test_finished_results_are_kept(open_page, monkeypatch):
    from cnnlab_core.ui import subject

    asked = []
    real = subject.classify_steps
    monkeypatch.setattr(
        subject, "classify_steps", lambda *args, **options: asked.append(args) or real(*args, **options)
    )
    app = open_page("classifier", picture="brick")
    first = len(asked)
    assert first == 2
    for k in (1, 2, 3):
        app.slider(key="classifier_k").set_value(k).run()
    assert len(asked) == first


def test_shared_choices_survive_without_their_page(open_page):
    app = open_page("classifier", picture="rocket", weights="random")
    app.switch_page("app.py").run()
    app.switch_page("pages/classifier.py").run()
    assert app.selectbox(key="picture_choice").value == "rocket"
    assert app.segmented_control(key="weights_choice").value == "random"
    assert app.query_params["picture"] == "rocket"


def test_a_damaged_upload_is_a_sentence_and_the_page_stays(open_page):
    app = open_page("classifier")
    app.file_uploader(key="upload").set_value(("broken.png", b"\x89PNG broken", "image/png")).run()
    assert not app.exception
    assert "damaged" in app.error[0].value
