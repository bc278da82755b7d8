"""The Python shown on the page “Inside a network” gives the numbers shown there."""

import numpy as np
import pytest
import torch

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.network.cell import explain_cell
from cnnlab_core.network.stages import stages_of
from cnnlab_core.network.strongest import overview
from cnnlab_core.plots.network_picture import network_picture
from cnnlab_core.recipes.network import cell, channel_off, difference
from cnnlab_core.recipes.network import overview as whole

SUBJECT = ("efficientnet_lite0", "pretrained", "coffee")


def run(code):
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    return names


@pytest.fixture(scope="module")
def coffee():
    model = load_model(*SUBJECT[:2])
    return model, model.prepare(open_image(sample_images()["coffee"].content))


def test_the_whole_picture(coffee, capsys):
    model, x = coffee
    found = overview(model, x, stages_of(model), 504)
    names = run(whole.code(*SUBJECT, 504))
    assert [column.channels for column in names["found"].columns] == [column.channels for column in found.columns]
    assert names["links"][-1].weights.shape == (1, 8)
    assert "Blocks 12–15 192 maps" in capsys.readouterr().out
    assert len(run(whole.code(*SUBJECT, None, (1, 2)))["found"].columns) == 4


def test_a_cell(coffee, capsys):
    model, x = coffee
    names = run(cell.code(*SUBJECT, "_blocks.0._swish", 3, 10, 20, asked=504))
    known = explain_cell(model, x, "_blocks.0._depthwise_conv.conv2d", 3, 10, 20)
    assert np.array_equal(names["products"], known.products)
    assert names["back"].asked == 504
    assert f"ReLU6 {explain_cell(model, x, '_blocks.0._swish', 3, 10, 20).value:.6f}" in capsys.readouterr().out


def test_a_channel_off(coffee, capsys):
    model, x = coffee
    names = run(channel_off.code(*SUBJECT, {("_blocks.2.add", 7): 0.0}))
    with torch.no_grad():
        assert torch.equal(names["before"], model(x).softmax(1)[0])
    assert not torch.allclose(names["before"], names["after"])
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_a_difference(capsys):
    plan = Plan("pgd", eps=2 / 255, steps=2, random_start=True, seed=3)
    names = run(difference.code("cifar10_standard", "pretrained", "coffee", plan, 3))
    ratios = [ratio for _, ratio in names["ratios"]]
    assert max(ratios) > ratios[0] > 0
    assert float((names["after"] - names["x"]).abs().max()) <= 2 / 255 + 1e-6
    assert capsys.readouterr().out.count("map") == len(names["tiles"])


def test_the_picture_on_paper_has_tiles_and_bars_in_their_colours():
    levels = np.full((2, 4, 4), 127, np.int8)
    columns = [("Stem", "2 maps", levels), ("Head", "2 maps", -levels)]
    page = network_picture(open_image(sample_images()["coffee"].content), columns, [("cup", 1.0)])
    colours = {colour for _, colour in page.getcolors(1 << 20)}
    assert {(0, 63, 56), (107, 44, 0), (20, 160, 143)} <= colours
