"""The Python shown on the DeepDream page gives the pictures shown there."""

import numpy as np
import pytest
import torch

from cnnlab_core.dream import atlas as atlas_module
from cnnlab_core.dream import channel, class_log_probability, diversity, dream_steps, layer, stages, visualise, zoom
from cnnlab_core.dream.several_layers import grey_noise
from cnnlab_core.images import open_image, sample_images, to_picture, to_tensor
from cnnlab_core.models import load_model
from cnnlab_core.recipes.deepdream import atlas, classes, neurons, several_layers
from cnnlab_core.recipes.deepdream import dream as dream_recipe
from cnnlab_core.recipes.deepdream import zoom as zoom_recipe
from cnnlab_core.runtime.jobs import finish

MODEL, NODE = "efficientnet_lite0", "_blocks.2.add"
SETTINGS = {"octaves": 2, "octave_scale": 1.4, "steps": 2, "step_size": 2.5 / 255, "jitter": 16, "laplacian": 0}
LAYER = f'layer("{NODE}")'


def run(code):
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    return names


@pytest.fixture(scope="module")
def model():
    return load_model(MODEL)


@pytest.fixture(scope="module")
def x():
    photo = open_image(sample_images()["coffee"].content)
    photo.thumbnail((96, 96))
    return to_tensor(photo)


def seeded(seed=4):
    return torch.Generator().manual_seed(seed)


def test_dream(model, x):
    names = run(dream_recipe.code(MODEL, "pretrained", "coffee", 96, LAYER, SETTINGS, 4))
    expected = finish(dream_steps(model, x, layer(NODE), generator=seeded(), **SETTINGS))
    assert np.array_equal(np.asarray(names["dreamt"]), np.asarray(to_picture(expected.image)))


def test_several_layers(model, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    nodes = [NODE, "_blocks.9.add"]
    names = run(several_layers.code(MODEL, "pretrained", nodes, "l2", 64, SETTINGS, 4))
    for one, node in zip(names["found"], nodes, strict=True):
        expected = finish(dream_steps(model, grey_noise(64, 4), layer(node, "l2"), generator=seeded(), **SETTINGS))
        assert torch.equal(one.image, expected.image)
        assert (one.before, one.after) == (expected.before, expected.after)
    figure = (tmp_path / "layers.svg").read_text(encoding="utf-8")
    assert figure.count("<image") == 3
    assert all(words in figure for words in ("noise", *nodes, f"{names['found'][0].after:.4g}"))


def test_zoom(model, x):
    code = zoom_recipe.code(MODEL, "pretrained", "coffee", 96, f'channel("{NODE}", 3)', 2, 1.1, SETTINGS, 4)
    expected = zoom(model, x, channel(NODE, 3), frames=2, factor=1.1, generator=seeded(), **SETTINGS)
    assert torch.equal(run(code)["frames"], expected)


@pytest.mark.parametrize("several", [False, True])
def test_visualise_from_noise(model, several):
    objective, text = channel(NODE, 3), f'channel("{NODE}", 3)'
    if several:
        objective, text = objective + 10.0 * diversity(NODE), f'{text} + 10.0 * diversity("{NODE}")'
    settings = {"size": 40, "count": 1 + several, "steps": 2, "parametrisation": "pixels", "transforms": ()}
    names = run(neurons.code(MODEL, "pretrained", text, settings, 4))
    expected = visualise(model, objective, generator=seeded(), **settings)
    assert torch.equal(names["found"].image, expected.image)


def test_visualise_a_class_from_a_photo(model):
    settings = {"steps": 1, "learning_rate": 0.02}
    names = run(classes.code(MODEL, "pretrained", "coffee", 76, settings, 4, photo=True))
    start = model.prepare(open_image(sample_images()["coffee"].content))
    expected = visualise(model, class_log_probability(76), start=start, generator=seeded(), **settings)
    assert torch.equal(names["found"].image, expected.image)


def test_visualise_a_class_from_noise(model):
    settings = {"size": 224, "steps": 1}
    names = run(classes.code(MODEL, "pretrained", "coffee", 76, settings, 4, photo=False))
    expected = visualise(model, class_log_probability(76), generator=seeded(), **settings)
    assert torch.equal(names["found"].image, expected.image)


def test_atlas(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))
    for name, small in (("STEPS", 1), ("SIDE", 32), ("DEEP_STEPS", 1), ("DEEP_SIDE", 48)):
        monkeypatch.setattr(atlas_module, name, small)
    model = load_model("squeezenet1_1", "random")
    run(atlas.code("squeezenet1_1", "random"))
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} <= {stage.name for stage in stages(model.spec)}
    assert len(lines) > len(stages(model.spec))


def test_your_own_picture_is_a_file():
    code = dream_recipe.code(MODEL, "random", None, 448, LAYER, SETTINGS, 0)
    assert 'open_image("photo.jpg")' in code
