"""The report card: what came with the lab is there at once, other cards are measured, stopped and gone on with."""

import json
import re
import sys

import pytest
from screen import figures, files, guess_at, markdown, press, problems, run_code, texts, values

from cnnlab_core.data import Dataset, Pictures, open_data
from cnnlab_core.data.dataset import write_dataset
from cnnlab_core.data.own import own_path
from cnnlab_core.evaluation import figures as figures_of
from cnnlab_core.evaluation import read_card
from cnnlab_core.evaluation.card import ACCURACY, ROBUST
from cnnlab_core.evaluation.card_files import kept_path, shipped_path, to_json
from cnnlab_core.ui.results import everybodys_results

TABS = ("The card", "Accuracy", "Robustness", "Calibration", "Corruptions")
DIGITS = {"report_network": "glass_digits", "report_beside": "none"}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))


@pytest.fixture
def weak(monkeypatch):
    """Attacks of a few steps."""
    steps = sys.modules["cnnlab_core.evaluation.robustness"].STEPS
    for name in steps:
        monkeypatch.setitem(steps, name, 2)
    checks = sys.modules["cnnlab_core.evaluation.masked_gradients"]
    monkeypatch.setattr(checks, "_STEPS", (1, 2))
    monkeypatch.setattr(checks, "_QUERIES", 2)


def test_the_page_opens_with_two_finished_cards(open_page):
    """The best and the robust one, as the files of the lab have them; nothing is computed, and CIFAR-10 isn't here."""
    app = open_page("report_card")
    assert not problems(app)
    best, robust = (
        {figure.called: figure for figure in figures_of(read_card(shipped_path(f"cifar10_{name}")))}
        for name in ("deep", "adversarial")
    )
    (figure,) = figures(app)
    for trace, card in zip(figure["data"][::2], (best, robust), strict=False):
        drawn = values(trace["x"])
        assert drawn[0] == pytest.approx(card[ACCURACY].value)
        assert drawn[2] == pytest.approx(card[ROBUST].value)
    said = markdown(app)
    assert all(card[name].words in said for card in (best, robust) for name in (ACCURACY, ROBUST))
    assert best[ACCURACY].value > robust[ACCURACY].value
    assert robust[ROBUST].value > best[ROBUST].value
    right, _ = guess_at(app, "report_flattered")
    assert right == "by more than 3 points"
    assert files(app)[-3:] == [
        "Card of CIFAR-10, deep (JSON)",
        "Card of CIFAR-10, adversarial (JSON)",
        "Figures (CSV)",
    ]
    made = run_code(app)["cards"]
    assert figures_of(made["cifar10_adversarial"])[0] == robust[ACCURACY]


def test_each_tab_of_a_card_that_came_with_the_lab(open_page):
    card = read_card(shipped_path("cifar10_adversarial"))
    for tab, says in {
        "Accuracy": f"{card.accuracy().overall.value:.1%}",
        "Robustness": f"{card.robustness.worst.value:.1%}",
        "Calibration": f"{card.calibration().ece:.3f}",
        "Corruptions": "Hardest is",
    }.items():
        app = open_page("report_card", report_tab=tab, report_network="cifar10_adversarial", report_beside="none")
        assert not problems(app), tab
        assert figures(app), tab
        assert says in markdown(app), tab
        if tab == "Accuracy":
            named = re.findall(r"named \*\*(\w+)\*\* \(\d+%\)", texts(app))
            assert named == [card.classes[mistake["predicted"]] for mistake in card.accuracy().mistakes[:6]]
            assert "The pictures themselves aren't on this machine" in texts(app)
        if tab == "Robustness":
            assert all(check.sentence in texts(app) for check in card.checks)
        if tab == "Calibration":
            app.button_group(key="report_way").set_value("fitted T").run()
            fitted = card.fitted_temperature()
            assert f"{card.calibration(fitted).ece:.3f}" in markdown(app)
            (link,) = (link.proto for link in app.get("page_link") if "name a photo" in link.proto.label)
            assert f"classifier_t={min(max(round(fitted, 1), 0.1), 5):g}" in link.query_string
        run_code(app)


@pytest.mark.usefixtures("weak")
def test_another_card_says_how_long_it_takes_is_measured_and_is_there_for_the_next_visitor(open_page):
    settings = DIGITS | {"report_attacked": "20", "report_eps": "4"}
    app = open_page("report_card", **settings)
    assert "There is no card of this yet" in texts(app)
    (start,) = (button.label for button in app.button if button.label.startswith("Measure Digits"))
    assert re.fullmatch(r"Measure Digits, made of glass: about \d+ (s|min)", start)
    press(app, "Measure")
    assert not problems(app)
    assert "of 80 pictures" in markdown(app)
    made = run_code(app)["cards"]["glass_digits"]
    assert f"{made.robustness.worst.value:.1%}" in markdown(app)
    again = open_page("report_card", **settings)
    assert not [button for button in again.button if button.label.startswith("Measure")], "it is there"
    path = kept_path(made)
    begun = json.loads(path.read_text(encoding="utf-8")) | {"corruptions": [], "checks": []}
    path.write_text(json.dumps(begun), encoding="utf-8")
    everybodys_results.cache_clear()  # as after a restart
    later = open_page("report_card", **settings)
    assert "of 80 pictures" in markdown(later), "what is known is shown"
    press(later, "Go on with Digits")
    assert to_json(read_card(path)) == to_json(made)


@pytest.mark.usefixtures("weak")
def test_what_cannot_be_measured_is_a_sentence(open_page):
    app = open_page("report_card", report_network="efficientnet_lite0", report_beside="none")
    assert "learned from ImageNet, whose test pictures the lab doesn't have" in problems(app)[0]
    app = open_page("report_card", report_network="cifar10_standard", report_beside="none", report_seed="1")
    assert "CIFAR-10 isn't on this machine yet" in texts(app)
    test = open_data("digits").read_test()
    images, true = test.images[::80].contiguous(), test.labels[::80].contiguous()
    ten = tuple(map(str, range(10)))
    sets = {"one": (ten, true * 0 + 3), "off": (ten, (true + 1) % 10), "pets": (("a", "b"), true % 2)}
    for name, (classes, labels) in sets.items():
        kept = Pictures(images, labels)
        train = Pictures(images + 0, labels + 0)
        write_dataset(own_path(name), Dataset(name, name, classes, train, lambda kept=kept: kept))

    def opened(name):
        return open_page("report_card", report_data=f"own:{name}", report_attacked="20", **DIGITS)

    assert "All pictures are of class 3" in problems(opened("one"))[0]
    assert "knows none of the classes of pets" in problems(opened("pets"))[0]
    app = press(opened("off"), "Measure")
    assert "names none of these 20 pictures right" in problems(app)[0]


def test_pictures_that_are_not_here_can_be_fetched_for_either_network(open_page):
    """Both want CIFAR-10, for cards that didn't come with the lab."""
    app = open_page("report_card", report_attacked="20", report_data="cifar10")
    assert not problems(app)
    assert texts(app).count("isn't on this machine yet") == 2
    assert len([button for button in app.button if button.label.startswith("Download")]) == 2
