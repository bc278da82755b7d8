"""How often the attacks succeed against the default model on real photos, after rounding to 8 bit."""

import numpy as np
import pytest
import torch
from places import IMAGENET_SAMPLES

from cnnlab_core.attacks import fgsm, pgd
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model

EPS = 4 / 255


def photos(model, every, note):
    """Of every so many photos those (N, 3, H, W) that the network names right, and their classes; or the gallery."""
    files = sorted(IMAGENET_SAMPLES.glob("*.JPEG"))[::every]
    if not files:
        note(f"not run: attack rates on 100 photos, because {IMAGENET_SAMPLES} isn't there; the gallery stood in")
        x = torch.cat([model.prepare(open_image(s.content)) for s in sample_images().values()])
        return x, model(x).argmax(-1)
    x = torch.cat([model.prepare(open_image(file)) for file in files])
    truth = [file.stem.split("_", 1)[1].replace("_", " ") for file in files]
    named = torch.cat([model(part).argmax(-1) for part in x.split(10)])
    right = [i for i, index in enumerate(named.tolist()) if model.categories[index] == truth[i]]
    return x[right], named[right]


def share(attack, *data):
    batches = zip(*(values.split(1) for values in data), strict=True)  # alone, each can stop early
    return torch.cat([attack(*batch).success for batch in batches]).double().mean().item()


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.wide), 8])
def test_targeted_pgd_fools_nearly_every_photo_in_eight_bits(note, monkeypatch, every):
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    model = load_model("efficientnet_lite0")
    x, y = photos(model, every, note)
    shifts = torch.from_numpy(np.random.default_rng(0).integers(1, len(model.categories), len(y)))
    target = (y + shifts) % len(model.categories)

    def pgd20(x, y, target=None):
        return pgd(model, x, y, target=target, eps=EPS, step_size=1 / 255, steps=20, early_stop=True)

    targeted = share(pgd20, x, y, target)
    untargeted = share(pgd20, x, y)
    single = share(lambda x, y: fgsm(model, x, y, eps=EPS), x, y)
    note(
        f"{len(y)} photos named right, linf 4/255, 8-bit: PGD-20 at random targets {targeted:.1%}, "
        f"PGD-20 untargeted {untargeted:.1%}, FGSM untargeted {single:.1%}"
    )
    assert targeted >= 0.95
    assert untargeted >= targeted - 0.02
    assert 0.3 < single <= untargeted
