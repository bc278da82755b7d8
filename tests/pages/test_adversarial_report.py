"""The Report tab: its rows are the core's, and a report that was stopped goes on."""

import time

from screen import press, texts

from cnnlab_core.attacks import fgsm
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.errors import DeviceError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.runtime.gate import SLICE_SECONDS
from cnnlab_core.ui.adversarial import report
from cnnlab_core.ui.adversarial.settings import in_words

FGSM = {"adversarial_attack": "FGSM", "adversarial_eps": "8"}


def opened(open_page, model="cifar10_standard", **query):
    return open_page("adversarial", adversarial_tab="Report", model=model, **query)


def test_it_opens_finished_and_can_be_taken_away(open_page):
    app = opened(open_page, model="efficientnet_lite0")
    assert not app.error
    assert "load_model" in app.code[-1].value
    assert app.get("download_button")
    assert app.get("image")


def test_the_report_is_of_the_pictures_and_targets_asked_for(open_page):
    app = opened(open_page, **FGSM)
    app.multiselect(key="adversarial_report_pictures").set_value(["A cup of coffee", "Chelsea the cat"])
    app.multiselect(key="adversarial_report_targets").set_value(["6 · frog", "any other class"]).run()
    press(app, "Make the report (4 attacks")
    table = app.dataframe[0].value
    assert list(table["picture"]) == ["A cup of coffee", "A cup of coffee", "Chelsea the cat"]
    assert "says “frog” without an attack" in texts(app)
    model = load_model("cifar10_standard", device="cpu")
    x = model.prepare(open_image(sample_images()["coffee"].content))
    result = fgsm(model, x, eps=8 / 255)
    row = table.iloc[1]
    assert row["after"] == model.categories[int(result.rounded.predicted)]
    assert row["L2"] == round(result.rounded.l2.item(), 3)
    assert row["SSIM"] == round(result.rounded.ssim.item(), 4)
    assert row["fooled"] == bool(result.success)


def test_nonsense_is_left_aside_and_too_many_rows_or_none_are_a_sentence(open_page):
    query = {"adversarial_report_pictures": "nobody", "adversarial_report_targets": "1001 · dragon"}
    app = opened(open_page, **FGSM, **query)
    assert not app.error
    targets = app.multiselect(key="adversarial_report_targets")
    targets.set_value(targets.options)
    app.multiselect(key="adversarial_report_pictures").set_value(["Chelsea the cat", "A cup of coffee"]).run()
    press(app, f"Make the report ({2 * len(targets.options)} attacks")
    assert "1 to 24 rows" in texts(app)
    app.multiselect(key="adversarial_report_targets").set_value([]).run()
    assert "at least one picture and one target" in texts(app)


def test_a_stopped_report_shows_its_rows_and_goes_on(open_page, monkeypatch):
    app = opened(open_page, **FGSM)
    app.multiselect(key="adversarial_report_targets").set_value(["2 · bird", "8 · ship"]).run()
    made = report.report_rows_steps

    def cut_off(*args, **more):
        steps = made(*args, **more)
        for step in steps:
            if len(step.latest) == 2:
                time.sleep(2 * SLICE_SECONDS)  # the slice ends here, so this step is painted
                yield step
                raise DeviceError("The memory is full.")
            yield step

    monkeypatch.setattr(report, "report_rows_steps", cut_off)
    press(app, "Make the report (4 attacks")
    assert len(app.dataframe[0].value) == 2
    assert "here are 2 of 4 rows" in texts(app)
    seen = []

    def watched(*args, **more):
        seen.append(len(args[-1]))
        return (yield from made(*args, **more))

    monkeypatch.setattr(report, "report_rows_steps", watched)
    press(app, "Try again")
    assert seen == [2]
    assert len(app.dataframe[0].value) == 4


def test_a_target_for_each_picture_and_four_transforms(open_page):
    query = {"report_each": "true", "report_transforms": "true", "report_target_2": "8 · ship"}
    app = opened(open_page, **FGSM, **{f"adversarial_{key}": value for key, value in query.items()})
    app.multiselect(key="adversarial_report_pictures").set_value(
        ["Chelsea the cat", "A cup of coffee", "A motorcycle", "A brick wall"]
    ).run()
    app.selectbox(key="adversarial_report_target_4").set_value("7 · horse").run()
    press(app, "Make the report (4 attacks")
    table, under = app.dataframe[0].value, app.dataframe[1].value
    assert list(table["target"])[1] == "ship"
    assert list(table["target"])[3] == "horse"
    assert len(table) == 4
    assert list(under["transform"]) == ["Mirror: on", "Crop: 80 %", "Rotate: 30°", "Grayscale: 100 %"] * 4
    assert list(under["adversarial"][::4]) == list(table["after"])
    labels = {button.label for button in app.get("download_button")}
    assert {"Figure (PDF)", "Transforms (PNG)", "Transforms (PDF)", "Transforms (CSV)"} <= labels
    assert "paired=True" in app.code[-1].value
    assert "rows_under_transforms" in app.code[-1].value


def test_the_reports_pictures_can_be_ones_own(open_page):
    app = opened(open_page, **FGSM)
    files = [(f"{name}.png", sample_images()[name].content, "image/png") for name in ("coffee", "rocket")]
    app.file_uploader(key="upload").set_value(files).run()
    app.multiselect(key="adversarial_report_pictures").set_value(["Your own: coffee.png", "Your own: rocket.png"]).run()
    assert list(app.dataframe[0].value["picture"]) == ["Your own: coffee.png", "Your own: rocket.png"]
    assert app.code[-1].value.count('open_image("photo.jpg")') == 2


def test_the_caption_leaves_no_setting_out():
    plan = Plan(norm="l2", eps=2.0, step_size=0.5, momentum=0.9, random_start=True, restarts=3, keep_best=True, seed=4)
    assert in_words(plan) == (
        "PGD, norm L2, epsilon 2, step size 0.5, 20 steps, best picture on the way, momentum 0.9, random start, "
        "best of 3 restarts, seed 4"
    )
    assert in_words(Plan()) == "PGD, norm L∞, epsilon 4/255, step size 1/255, 20 steps"
    assert in_words(Plan("l1 by Adam", early_stop=True)) == "l1 by Adam, learning rate 0.01, alpha 0.03, up to 20 steps"
    assert in_words(Plan("log_probability_ascent", step_size=0.5)).endswith("step size 0.5, 20 steps")
    assert in_words(Plan(loss="margin")).endswith("20 steps, objective margin of logits")
