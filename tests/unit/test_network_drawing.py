"""What the drawing board makes of its paper: centred as MNIST was, sampled by area, turned, moved, covered."""

import numpy as np
import pytest
import torch
from node import Node

from cnnlab_core.data import open_data
from cnnlab_core.models import load_model

ANSWER = """
function answer({ paper, width, side, channels, frame, ...how }) {
  const rgba = Uint8ClampedArray.from(paper);
  if (how.ink) asInk(rgba);
  const found = frame === "ink" ? frameOfInk(rgba, width, side) : { x: width / 2, y: width / 2, scale: width / side };
  const pixels = sampled(rgba, width, { channels, side, frame: found, ...how });
  return { frame: found, pixels: withNoise(pixels, how.noise), paper: Array.from(rgba.slice(0, 4 * width)) };
}
"""


@pytest.fixture(scope="module")
def node():
    with Node(("network", "drawing.js"), answer=ANSWER) as process:
        yield process


def asked(node, picture, side, **how):
    """What is sampled of a square ``picture`` (rows, columns, 3 or none) of bytes: (channels, side, side)."""
    wide = np.broadcast_to(picture.reshape(*picture.shape[:2], -1), (*picture.shape[:2], 3))
    paper = np.concatenate([wide, np.full((*wide.shape[:2], 1), 255)], axis=2)
    question = {"paper": paper.ravel(), "width": len(picture), "side": side, "channels": 1, "noise": 0} | how
    found = node.ask(question)
    return found["pixels"].reshape(question["channels"], side, side), found


def grown(picture, times):
    return picture.repeat(times, 0).repeat(times, 1)


def test_a_photo_is_the_mean_of_each_square(node):
    photo = np.random.default_rng(0).integers(0, 256, (80, 80, 3))
    pixels, _ = asked(node, photo, 8, channels=3)
    means = photo.reshape(8, 10, 8, 10, 3).mean((1, 3)) / 255
    assert np.allclose(pixels, means.transpose(2, 0, 1), atol=1e-6)


def test_turned_by_right_angles_and_moved_by_whole_pixels(node):
    photo = grown(np.random.default_rng(1).integers(0, 256, (8, 8, 3)), 10)
    small = photo[::10, ::10].transpose(2, 0, 1) / 255
    turned, _ = asked(node, photo, 8, channels=3, angle=90)
    assert np.allclose(turned, np.rot90(small, -1, (1, 2)), atol=1e-6)  # clockwise
    moved, _ = asked(node, photo, 8, channels=3, shift=[2, -1], ground=0.5)
    wanted = np.full_like(small, 0.5)
    wanted[:, :7, 2:] = small[:, 1:, :6]
    assert np.allclose(moved, wanted, atol=1e-6)


def test_the_patch_covers_whole_pixels(node):
    photo = grown(np.random.default_rng(2).integers(0, 256, (8, 8, 3)), 10)
    wanted = photo[::10, ::10].transpose(2, 0, 1) / 255
    wanted[:, 1:4, 3:6] = 0.5
    covered, _ = asked(node, photo, 8, channels=3, patch={"x": 30, "y": 10, "size": 30}, ground=0.5)
    assert np.allclose(covered, wanted, atol=1e-6)


def test_noise_has_its_deviation_and_its_seed(node):
    grey = np.full((280, 280), 128)
    first, _ = asked(node, grey, 28, noise=0.1)
    assert np.array_equal(first, asked(node, grey, 28, noise=0.1)[0])
    assert first.std() == pytest.approx(0.1, rel=0.08)
    assert first.mean() == pytest.approx(128 / 255, abs=0.012)
    strong, _ = asked(node, grey, 28, noise=1)
    assert (strong.min(), strong.max()) == (0, 1)


def test_ink_is_fitted_into_the_box_of_mnist(node):
    """A stroke anywhere on the paper, of any size: 20 pixels long, its centre of mass in the middle."""
    for top, left, height, width in ((10, 20, 100, 40), (120, 200, 150, 30), (5, 3, 60, 260)):
        paper = np.zeros((280, 280), int)
        paper[top : top + height, left : left + width] = 255
        pixels, _ = asked(node, paper, 28, frame="ink")
        inked = [np.flatnonzero(pixels[0].max(axis) > 0.25) for axis in (1, 0)]
        longer = max(places[-1] - places[0] + 1 for places in inked)
        assert longer in ((20,) if max(height, width) > 100 else (20, 21))
        for axis in (0, 1):
            mass = pixels[0].sum(1 - axis)
            assert (mass * (np.arange(28) + 0.5)).sum() / mass.sum() == pytest.approx(14, abs=0.1)


def test_a_dot_is_no_more_than_doubled_and_an_empty_paper_stays_empty(node):
    paper = np.zeros((280, 280), int)
    pixels, found = asked(node, paper, 28, frame="ink")
    assert not pixels.any()
    assert found["frame"] == {"x": 140, "y": 140, "scale": 10}
    paper[30:40, 30:40] = 255
    pixels, found = asked(node, paper, 28, frame="ink")
    assert found["frame"] == {"x": 35, "y": 35, "scale": 5}
    assert pixels.sum() == pytest.approx(4, abs=0.01)


def test_real_digits_drawn_anywhere_are_told_apart_as_well_as_they_stand(node, note):
    """Test digits, drawn small in a corner of the paper: centred again, they are named as the originals are."""
    data, model = open_data("digits").read_test(), load_model("glass_digits")
    chosen = range(0, len(data), 20)
    right = 0
    for index in chosen:
        paper = np.zeros((280, 280), int)
        paper[:168, 100:268] = grown(data.images[index, :, :, 0].numpy(), 6)
        pixels, _ = asked(node, paper, 28, frame="ink")
        logits = model(torch.from_numpy(pixels.copy()).expand(1, 3, -1, -1))
        right += int(logits.argmax()) == int(data.labels[index])
    note(f"test digits drawn at 0.6 of their size, away from the middle: {right} of {len(chosen)} named rightly")
    assert right >= 0.96 * len(chosen)


def test_the_photo_of_a_digit_becomes_white_ink_on_black(node):
    paper = np.full((280, 280), 200)
    paper[0, 100:140] = 40
    _, found = asked(node, paper, 28, ink=True)
    row = np.array(found["paper"]).reshape(-1, 4)
    assert (row[100:140, 0] == 255).all()
    assert (row[:100, 0] == 0).all()
    already = np.zeros((280, 280), int)
    already[0, 100:140] = 210
    assert np.array(asked(node, already, 28, ink=True)[1]["paper"]).reshape(-1, 4)[120, 0] == 210
