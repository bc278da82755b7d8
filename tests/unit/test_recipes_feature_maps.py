"""The Python shown on the feature maps page gives the numbers shown there."""

import numpy as np
import pytest
import torch

from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import load_model
from cnnlab_core.receptive_field import receptive_fields
from cnnlab_core.recipes.feature_maps import (
    agreement,
    class_channels,
    compare,
    deletion,
    depths,
    first_layer_filters,
    inversion,
    randomisation,
    shortcut,
    top_patches,
)
from cnnlab_core.recipes.feature_maps import maps as all_maps
from cnnlab_core.recipes.receptive_fields import fields

MODEL, NODE = "efficientnet_lite0", "_blocks.2.add"


def run(code):
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    return names


@pytest.fixture(scope="module")
def maps():
    model = load_model(MODEL)
    with torch.no_grad():
        x = model.prepare(open_image(sample_images()["coffee"].content))
        return capture(model, x, [NODE])[NODE][0].numpy()


def test_maps(maps, capsys):
    names = run(all_maps.code(MODEL, "pretrained", "coffee", NODE, 5))
    assert np.array_equal(names["maps"], maps)
    assert "channel 5: mean" in capsys.readouterr().out


def test_compare(maps):
    names = run(compare.code(("pretrained", "coffee"), ("random", "coffee"), MODEL, NODE))
    assert np.array_equal(names["left"], maps)
    assert names["correlation"].shape == names["difference"].shape == (len(maps),)


def test_depths(maps):
    names = run(depths.code(MODEL, "pretrained", "coffee", {NODE: [3, 1], "_bn0": [0]}))
    assert np.array_equal(names["maps"][NODE], maps[[3, 1]])
    assert names["maps"]["_bn0"].shape[0] == 1


def test_top_patches(capsys):
    names = run(top_patches.code(MODEL, "pretrained", NODE, 2, 4, 1, "", 1000))
    assert len({patch.picture for patch in names["patches"]}) == 4
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_top_patches_of_a_data_set():
    names = run(top_patches.code(MODEL, "pretrained", NODE, 2, 3, 1, "digits", 5))
    assert len(names["pictures"]) == 5
    assert len(names["patches"]) == 3


def test_first_layer_filters(capsys):
    names = run(first_layer_filters.code(MODEL, "random", 1))
    assert names["tiles"].shape == (32, 3, 3, 3)
    assert "_conv_stem.conv2d" in capsys.readouterr().out


def test_fields(capsys):
    run(fields.code(MODEL, NODE, 4, 7))
    field = receptive_fields(load_model(MODEL, "random"))[NODE]
    box, lines = field.box(4, 7), capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"{field.size} {field.jump} {field.start}", str(box)]
    assert lines[2] == str((f"{box.top} … {box.bottom}", f"{box.left} … {box.right}"))


def test_a_picture_of_ones_own_is_a_file():
    assert 'open_image("photo.jpg")' in all_maps.code(MODEL, "random", None, NODE, 0)


SMALL = ("glass_cifar10", "pretrained", "chelsea")


def test_explanations_on_trial(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(shortcut.code(1, 5))
    assert capsys.readouterr().out.count("of the heat on the mark") == 14
    found = run(randomisation.code(*SMALL, 3, ("Saliency", "Grad-CAM"), {"stages": 2, "seed": 1}))["found"]
    assert len(found.layers) == 3
    assert capsys.readouterr().out.count("sizes alone") == 6
    curves = run(deletion.code(*SMALL, 3, ("Saliency",), {"steps": 2, "baseline": "grey"}))["curves"]
    assert list(curves.deletion) == ["Saliency", "Random order"]
    assert run(agreement.code(*SMALL, 3, ("Saliency", "RISE")))["matrix"].shape == (2, 2)
    capsys.readouterr()
    run(inversion.code(*SMALL, "relu2", {"steps": 2, "smoothness": 0.1, "generator": 0}))
    assert (tmp_path / "inverted.png").is_file()
    names = run(class_channels.code(*SMALL, 3))
    assert names["maps"].shape[0] == len(names["vote"].products)
    said = capsys.readouterr().out
    ours, theirs = (float(said.split(word)[1].split()[0].strip(";")) for word in ("bias:", "says"))
    assert ours == pytest.approx(theirs, abs=2e-5)
