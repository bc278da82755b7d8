"""The views On trial, Inversion and Channels of a class: their answers are read from the page."""

import re

import numpy as np
import pytest
from screen import FIGURE_FILES, code, files, guess_at, markdown, metrics, problems, run_code, texts

SMALL = {"model": "glass_cifar10", "picture": "chelsea"}


def test_the_shortcut_opens_the_chapter_and_says_who_finds_it(open_page):
    app = open_page("feature_maps", maps_tab="On trial")
    names = run_code(app)
    trial, pictures = names["trial"], names["pictures"]  # the last one is the control's
    believes, of = re.search(r"believes it in \*\*(\d+)%\*\* of (\d+) pictures", markdown(app)).groups()
    assert int(of) == len(pictures.says) == 10
    assert int(believes) >= 90
    assert not (trial.answers == pictures.says.numpy()).mean() > 0.2
    found, methods = map(int, re.search(r"\*\*(\d) of (\d)\*\* find it", markdown(app)).groups())
    assert methods == 7
    assert found > 0
    right, told = guess_at(app, "shortcut")
    assert right == "over 80 %"
    assert "goes by the mark" in told
    assert files(app) == [*(f"Figure ({kind})" for kind in FIGURE_FILES), "Every share (CSV)"]
    app.segmented_control(key="maps_shortcut_pictures").set_value(50).run()
    assert "Run (about 25 s)" in [button.label for button in app.button]
    assert "previous settings" in texts(app)


def test_randomisation_says_which_maps_do_not_notice(open_page):
    app = open_page("feature_maps", maps_tab_trial="Randomisation", maps_stages="3", **SMALL)
    found = run_code(app)["found"]
    assert f"from {found.layers[1]}; then" in markdown(app)
    right, told = guess_at(app, "randomisation")
    sizes = np.nan_to_num(found.correlations(absolute=True)[:, -1])
    assert right == found.methods[int(sizes.argmax())]
    assert f"{right} {sizes.max():.2f}" in told
    assert files(app) == ["Maps (PNG)", "Rank correlations (CSV)"]
    app.button_group(key="maps_randomised").set_value([]).run()
    assert "No method is chosen" in problems(app)[0]


def test_dear_methods_wait_for_a_button_that_says_how_long(open_page):
    app = open_page("feature_maps", maps_tab_trial="Randomisation", maps_randomised=["Occlusion", "RISE"])
    assert any(re.fullmatch(r"Run \(about \d+ s\)", button.label) for button in app.button)
    assert not app.code


def test_deletion_and_agreement_answer_their_guesses(open_page):
    app = open_page("feature_maps", maps_tab_trial="Deletion and insertion", maps_deletion_baseline="grey", **SMALL)
    curves = run_code(app)["curves"]
    area = curves.areas("deletion")["Grad-CAM"]
    assert f"| Grad\\-CAM | {area:.3f} |".replace("\\", "") in markdown(app).replace("\\", "")
    right, told = guess_at(app, "deletion")
    tenth = {name: np.interp(0.1, curves.shares, curve) for name, curve in curves.insertion.items()}
    assert f"{right} {tenth[right]:.0%}" in told
    app.segmented_control(key="maps_tab_trial").set_value("Agreement").run()
    matrix = run_code(app)["matrix"]
    assert matrix.shape == (5, 5)
    right, told = guess_at(app, "agreement")
    mean = (matrix.sum(1) - 1) / 4
    assert right == list(run_code(app)["found"])[int(mean.argmin())]
    assert f"{mean.min():.2f}" in told


def test_an_inversion_says_how_far_its_picture_is(open_page):
    app = open_page("feature_maps", maps_tab_layers="Inversion", maps_inversion_steps="16", **SMALL)
    names = run_code(app)
    shown = metrics(app)["Distance of the maps, of their own size"]
    apart = names["distance_at"](
        names["model"], names["x"], names["found"].image, re.search(r'x, "(\w+)"', code(app))[1]
    )
    assert float(shown.strip("%")) / 100 == pytest.approx(apart, abs=0.02)  # of the 8-bit picture
    right, told = guess_at(app, "inversion")
    pixels = 100 * (names["found"].image - names["x"]).abs().mean().item()
    assert float(re.search(r"off by ([\d.]+)%", told)[1]) == pytest.approx(pixels, abs=0.5)
    assert right == ("under 5 %" if pixels < 5 else "5 to 15 %" if pixels <= 15 else "over 15 %")


def test_the_channels_of_a_class_add_up(open_page):
    app = open_page("feature_maps", maps_tab_channels="Channels of a class", maps_class="3 · cat", **SMALL)
    together, says = map(float, re.search(r"together \*\*(.*?)\*\*. The network says (.*?)\. ", markdown(app)).groups())
    assert together == pytest.approx(says, abs=2e-4)
    vote = run_code(app)["vote"]
    assert together == pytest.approx(vote.logit, abs=1e-4)
    _, told = guess_at(app, "class_channels")
    assert f"{int((vote.products < 0).sum())} speak against it" in told
