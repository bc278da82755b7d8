"""Live frames: a patch, a camera's picture, what the network says of them, and how often they may come."""

import io
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnnlab_core.errors import ImageError, InputError
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import load_model
from cnnlab_core.network.glass import glass_sample
from cnnlab_core.network.intervene import logits_with
from cnnlab_core.network.live import MOST_BYTES, covered, frame_pixels, look
from cnnlab_core.network.stages import stages_of
from cnnlab_core.network.strongest import overview
from cnnlab_core.runtime.pace import Pace


def file_of(picture, kind="JPEG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def test_a_look_has_the_maps_and_the_logits_of_its_own_pixels_on_the_scale_of_the_overview():
    model = load_model("glass_cifar10")
    found = overview(model, glass_sample("glass_cifar10", 3), stages_of(model))
    x = covered(glass_sample("glass_cifar10", 5), 4, 6, 9)
    seen = look(model, x, found.columns)
    with torch.no_grad():
        assert seen.logits == pytest.approx(model(x)[0].numpy(), abs=1e-5)
        for column, maps in zip(found.columns, seen.maps, strict=True):
            wanted = capture(model, x, [column.stage.last.name])[column.stage.last.name][0][list(column.channels)]
            if wanted.shape[-1] > 28:
                wanted = torch.nn.functional.adaptive_avg_pool2d(wanted, 28)
            assert maps.scale == column.maps.scale
            shown = np.clip(wanted.numpy(), -maps.scale, maps.scale)
            assert np.abs(maps.levels / 127 * maps.scale - shown).max() <= maps.scale / 250
    changes = {("relu2", 3): 0.0}
    changed = look(model, x, found.columns, changes)
    assert changed.logits == pytest.approx(logits_with(model, x, changes)[0].numpy(), abs=1e-5)


def test_a_patch_is_grey_and_leaves_the_picture_itself_alone():
    x = torch.rand(1, 3, 32, 32)
    before = x.clone()
    y = covered(x, 28, 3, 10)
    assert torch.equal(x, before)
    assert (y[..., 28:, 3:13] == 0.5).all()
    assert int((y != x).any(1).sum()) == 40
    with pytest.raises(InputError, match="patch"):
        covered(x, -1, 0, 5)


def test_a_frame_is_a_plain_jpeg_of_the_networks_size_and_nothing_else():
    picture = Image.effect_noise((32, 32), 60).convert("RGB")
    seen = frame_pixels(file_of(picture, quality=95), 32)
    assert seen.shape == (1, 3, 32, 32)
    assert float((seen - torch.tensor(np.array(picture)).permute(2, 0, 1) / 255).abs().mean()) < 0.03
    for other in (
        file_of(picture, "PNG"),
        file_of(picture, progressive=True),
        file_of(picture.resize((33, 32))),
        file_of(picture)[:400],
        file_of(picture) + bytes(MOST_BYTES),
        b"",
    ):
        with pytest.raises(ImageError, match="32 × 32"):
            frame_pixels(other, 32)


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0.001, 0.5)), min_size=1, max_size=30), st.floats(0.1, 2))
def test_all_together_take_no_more_than_their_share(coming, share):
    now = [0.0]
    pace = Pace(share, clock=lambda: now[0])
    begun = []
    for pause, seconds in coming:
        now[0] += pause
        begun.append((now[0] + pace.book(seconds), seconds))
    for (start, seconds), (after, _) in pairwise(begun):
        assert after >= start + seconds / share - 1e-9
    assert begun[0][0] == pytest.approx(coming[0][0])  # nobody is kept waiting who is alone
