"""Live frames: a patch, a camera's picture, what the network says of them, and how often they may come."""

import io
import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from hostile import bit_flipped, jpeg_claiming, jpeg_of_scans, png_claiming
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

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


def hostile_frames():
    """What a program might send instead of a camera's picture of 224 × 224 pixels."""
    plain = file_of(Image.effect_noise((224, 224), 60).convert("RGB"), quality=60)
    data, end = plain.index(b"\xff\xda"), plain.rindex(b"\xff\xd9")
    yield "hundreds of passes", jpeg_of_scans(300, (224, 224))
    yield "a progressive one", jpeg_of_scans(1, (224, 224))
    yield "the passes of a plain one again", plain[:end] + (plain[data : data + 40]) * 400 + plain[end:]
    yield "another size", jpeg_claiming(plain, 225, 224)
    yield "3.6 gigapixels", jpeg_claiming(plain, 60_000, 60_000)
    yield "a PNG", png_claiming(224, 224)
    yield "more bytes", plain + bytes(MOST_BYTES)
    yield "nothing", b""
    yield "chance", random.Random(0).randbytes(MOST_BYTES)
    yield "markers without end", b"\xff\xd8" + b"\xff" * (MOST_BYTES - 2)
    yield "no beginning", plain[2:]


@pytest.mark.fault("A program sends bombs as frames of a camera", "Each is a sentence, before anything is decoded")
@pytest.mark.parametrize("content", [pytest.param(frame, id=name) for name, frame in hostile_frames()])
def test_a_hostile_frame_never_reaches_the_decoder(content, monkeypatch):
    monkeypatch.setattr(JpegImageFile, "load", lambda self: pytest.fail("it is decoded"))
    with pytest.raises(ImageError, match="224 × 224"):
        frame_pixels(content, 224)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of what Pillow thinks of it
def test_any_damage_is_a_picture_or_a_sentence():
    chance, plain = random.Random(1), file_of(Image.effect_noise((32, 32), 60).convert("RGB"))
    refused = 0
    for cut in range(0, len(plain) - 2, 10):
        with pytest.raises(ImageError, match="32 × 32"):
            frame_pixels(plain[:cut], 32)
    for _ in range(600):
        try:
            assert frame_pixels(bit_flipped(plain, chance), 32).shape == (1, 3, 32, 32)
        except ImageError:
            refused += 1
    assert 0 < refused < 600


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
