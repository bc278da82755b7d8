"""Attributions: the cheap ones are there, the dear ones wait for their button."""

import re

import pytest
from screen import captions, markdown, problems


def test_saliency_and_grad_cam_are_there_and_the_dear_ones_wait(open_page):
    app = open_page("feature_maps", maps_tab="Attribution")
    assert "**tiger cat**" in captions(app)
    assert [button.label for button in app.button if "Run" in button.label] == [
        "Run (50 gradients)",
        "Run (169 squares)",
    ]
    code = app.code[-1].value
    assert "saliency(model, x, 282)" in code
    assert "occlusion" not in code


def test_integrated_gradients_add_up_and_grow_stale(open_page):
    app = open_page("feature_maps", maps_tab="Attribution", maps_method="Integrated gradients", maps_ig_steps="10")
    app.button[0].click().run()
    difference, total, gap = (
        float(number) for number in re.findall(r"\*\*([+-]?[\d.]+)\*\*", markdown(app)[markdown(app).index("f(x)") :])
    )
    assert total == pytest.approx(difference + gap, abs=2e-4)
    share = re.search(r"\*\*([\d.]+)%\*\* of the difference", markdown(app))[1]
    assert float(share) == pytest.approx(100 * abs(gap / difference), abs=0.06)
    warned = "The gap is above 5%" in "".join(warning.value for warning in app.warning)
    assert warned == (float(share) > 5)
    app.number_input(key="maps_ig_steps").set_value(20).run()
    assert "previous settings: tiger cat in “Chelsea" in app.info[0].value.replace("\\", "")
    assert not app.code  # what is shown isn't what the page asks: nothing to take away
    app.number_input(key="maps_ig_steps").set_value(10).run()
    assert not app.info  # it was kept


def test_occlusion_with_gaps_is_a_sentence(open_page):
    app = open_page("feature_maps", maps_tab="Attribution", maps_window="16", maps_stride="40")
    assert "every pixel is covered" in problems(app)[0]
    app.number_input(key="maps_window").set_value(112).run()
    assert not app.error
    app.button(key="start attribution Occlusion").click().run()
    assert "occlusion(model, x, 282, window=112, stride=40" in app.code[-1].value


def test_any_class_and_any_layer(open_page):
    app = open_page("feature_maps", maps_tab="Attribution", maps_method="Grad-CAM")
    app.selectbox(key="maps_class").set_value("504 · coffee mug").run()
    app.selectbox(key="maps_cam_layer").set_value("_blocks.2.add").run()
    assert 'grad_cam(model, x, 504, "_blocks.2.add")' in app.code[-1].value
    assert "**coffee mug**" in captions(app)
