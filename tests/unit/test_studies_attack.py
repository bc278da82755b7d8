"""The adversarial page's job, its settings, targets, recipes and figures."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlab_core.attacks import fgsm
from cnnlab_core.attacks.methods import METHODS, Plan
from cnnlab_core.attacks.studies.attack import MOST_FRAMES, attack_picture_steps, history_table, shown_class
from cnnlab_core.attacks.studies.l1_figure import l1_rows_steps
from cnnlab_core.attacks.targets import RULES, choose_target
from cnnlab_core.classification.softmax import softmax
from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.plots.lines import step_lines
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.recipes.adversarial import attack
from cnnlab_core.runtime.jobs import finish

NAME, TARGET = "squeezenet1_1", 76
PLANS = {
    "FGSM": Plan("fgsm", eps=0.02),
    "PGD": Plan("PGD", eps=0.02, step_size=0.01, steps=3),
    "PGD with momentum": Plan("PGD", eps=0.02, step_size=0.01, steps=3, momentum=0.5),
    "PGD l2, restarts": Plan("PGD", norm="l2", eps=1.0, step_size=0.5, steps=2, restarts=2, keep_best=True, seed=5),
    "Probability ascent": Plan("Probability ascent", step_size=30.0, steps=3),
    "Probability ascent, normalised": Plan("Probability ascent, normalised", step_size=0.5, steps=3),
    "Log-probability ascent": Plan("Log-probability ascent", step_size=0.5, steps=3),
    "l1 by Adam": Plan("l1 by Adam", steps=3, early_stop=True),
}


@pytest.fixture(scope="module")
def model():
    return load_model(NAME, "random", "cpu")


@pytest.fixture(scope="module")
def x(model):
    return model.prepare(open_image(sample_images()["coffee"].content))


@pytest.mark.parametrize("name", PLANS)
def test_what_is_said_of_a_picture_is_measured_on_it(model, x, name):
    found = finish(attack_picture_steps(model, x, PLANS[name], TARGET))
    pixels = torch.from_numpy(found.rounded.view().pixels).permute(2, 0, 1)[None].float() / 255
    logits = model(pixels)[0].double().numpy()
    assert np.allclose(found.rounded.view().logits, logits, atol=1e-4)
    assert bool(found.success) == (logits.argmax() == TARGET)
    assert np.array_equal(found.clean.view().pixels, np.round(x[0].permute(1, 2, 0).numpy() * 255))
    change = np.abs(found.rounded.view().pixels.astype(int) - found.clean.view().pixels.astype(int))
    assert found.rounded.distances()["linf"] * 255 == pytest.approx(change.max(), abs=1e-4)
    assert found.rounded.distances()["l0"] == change.any(-1).sum()
    assert found.goal.y == model(x).argmax()
    if PLANS[name].restarts == 1:  # else it begins elsewhere
        assert found.history.p_true[0].item() == pytest.approx(
            softmax(model(x)[0].double().numpy())[int(found.goal.y)], abs=1e-5
        )
    history = found.history
    assert len(history.losses) == len(history.p_true) == len(history.p_target) == len(history.gradient_norm)


def test_the_way_is_kept_thinned_out_with_both_ends(model, x):
    plan = Plan("PGD", eps=0.02, step_size=0.001, steps=95)
    looks = []
    job = attack_picture_steps(model, x[:, :, :64, :64], plan, TARGET)
    while True:
        try:
            looks.append(next(job))
        except StopIteration as stop:
            found = stop.value
            break
    assert [step.index for step in looks] == list(range(96))
    kept = sorted(found.trace)
    assert all(picture.dtype == torch.uint8 for picture in found.trace.values())
    assert np.array_equal(found.on_the_way(95).pixels, found.rounded.view().pixels)
    assert kept[0] == 0
    assert kept[-1] == 95
    assert len(kept) <= MOST_FRAMES + 1
    assert set(np.diff(kept[:-1]).tolist()) == {3}
    table = history_table(found).splitlines()
    assert len(table) == 97
    assert table[1].split(",")[0] == "0"


def test_untargeted_attacks_aim_at_no_class(model, x):
    found = finish(attack_picture_steps(model, x, Plan("fgsm", eps=0.1)))
    assert found.goal.target is None
    assert found.history.p_target is None
    assert shown_class(found) == found.rounded.predicted


@pytest.mark.parametrize("name", PLANS)
def test_the_recipe_gives_the_page_s_numbers(model, x, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    code = attack.code(NAME, "random", "coffee", plan=PLANS[name], target=TARGET)
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    found = finish(attack_picture_steps(model, x, PLANS[name], TARGET))
    picture = np.asarray(open_image((tmp_path / "adversarial.png").read_bytes()))
    assert np.array_equal(picture, found.rounded.view().pixels)
    assert f"fooled: {bool(found.success)}" in capsys.readouterr().out


def test_the_rows_about_l1_go_on_where_they_were_stopped(model):
    asked = [
        (name, open_image(sample_images()[name].content), aims) for name, aims in (("coffee", [1, 2]), ("rocket", [3]))
    ]
    steps, plan = [], Plan("l1 by Adam", steps=1)

    def told(job):
        steps.clear()
        while True:
            try:
                steps.append(next(job))
            except StopIteration as stop:
                return stop.value

    whole = told(l1_rows_steps(model, asked, plan))
    assert [(row.picture, row.aim) for row in whole] == [("coffee", 1), ("coffee", 2), ("rocket", 3)]
    assert [len(step.latest) for step in steps][-1] == 3
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    count = len(steps)
    again = told(l1_rows_steps(model, asked, plan, whole[:2]))
    assert again[:2] == whole[:2]
    assert again[2].found.distances == whole[2].found.distances
    assert len(steps) < count


def test_a_plan_uses_what_its_method_knows():
    assert set(Plan("fgsm").arguments) == {"norm", "eps", "loss"}
    assert set(Plan("l1 by Adam").arguments) == {"alpha", "learning_rate", "steps", "early_stop", "keep_best"}
    assert (Plan("PGD", steps=4, restarts=3).total, Plan("PGD", steps=4, restarts=3).most_steps) == (15, 12)
    assert (Plan("FGSM").total, Plan("FGSM").most_steps) == (2, 1)
    with pytest.raises(InputError, match="no attack “C&W”"):
        Plan("C&W")
    for name, method in METHODS.items():
        if method.needs_target:
            with pytest.raises(InputError, match="Choose one as the target"):
                Plan(name).start(lambda x: x, torch.rand(1, 3, 4, 4))


def test_targets_by_rule():
    logits = np.array([0.1, 5.0, 3.0, -2.0])
    assert choose_target(logits, "least likely") == 3
    assert choose_target(logits, "second") == 2
    drawn = {choose_target(logits, "random", seed) for seed in range(40)}
    assert drawn == {0, 2, 3}
    assert choose_target(logits, "random", 7) == choose_target(logits, "random", 7)
    assert "random" in RULES
    with pytest.raises(InputError, match="no way “nearest”"):
        choose_target(logits, "nearest")


def test_the_noise_picture_has_the_largest_change_at_full_scale():
    before = np.full((2, 2, 3), 100, np.uint8)
    after = before.copy()
    after[0, 0] = (104, 98, 100)
    picture, scale = noise_picture(before, after)
    assert scale == pytest.approx(127 / 4)
    assert np.asarray(picture)[0, 0].tolist() == [255, 64, 128]
    assert (np.asarray(picture)[1] == 128).all()
    assert noise_picture(before, before)[1] == 1


def test_step_lines_show_every_number():
    figure = step_lines({"a <b>": [0.5, 0.2], "c": [0.0, 1.0]}, title="t", total=5, log=True, at=1)
    drawn = json.loads(figure.to_json())
    assert drawn["data"][0]["name"] == "a &lt;b&gt;"
    assert figure.data[1].y[0] > 0
    assert list(figure.data[0].y) == [0.5, 0.2]
    assert figure.layout.xaxis.range == (-0.5, 4.5)


def test_a_picture_of_another_size_gets_a_sentence(model):
    tiny = torch.rand(1, 3, 8, 8)
    with pytest.raises(InputError, match="too small for SqueezeNet"):
        finish(attack_picture_steps(model, tiny, Plan("fgsm")))
    with pytest.raises(InputError, match="doesn't fit"):
        fgsm(model, torch.rand(1, 3, 64, 64), eps=0.1, mask=torch.ones(1, 1, 32, 32))


@given(
    st.sampled_from(sorted(METHODS)),
    st.fixed_dictionaries(
        {},
        optional={
            "eps": st.floats(0, 1),
            "step_size": st.none() | st.floats(0, 1),
            "steps": st.integers(1, 200),
            "norm": st.sampled_from(["l1", "l2", "linf"]),
            "early_stop": st.booleans(),
        },
    ),
)
def test_an_attack_in_a_line_is_read_as_itself(method, settings):
    plan = METHODS[method].plan(**settings)
    assert Plan.read(plan.text) == plan
