"""What computes on a GPU never mixes its tensors with the processor's: tried on a GPU that isn't one."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from fake_gpu import Elsewhere, fake_gpu

from cnnlab_core.attacks import (
    Expectation,
    apgd,
    carlini_wagner,
    deepfool,
    fgsm,
    l1_adam,
    minimal_epsilon,
    pgd,
    square,
    universal,
)
from cnnlab_core.attacks.transforms import TRANSFORMS
from cnnlab_core.dream import channel, dream, layer, visualise
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability import capture
from cnnlab_core.interpretability.deletion import deletion
from cnnlab_core.interpretability.inversion import inversion
from cnnlab_core.interpretability.methods import METHODS, attribute, usual
from cnnlab_core.interpretability.randomisation import randomisation
from cnnlab_core.models import load_model
from cnnlab_core.network.cell import explain_cell
from cnnlab_core.network.covered import Patch, logits_without
from cnnlab_core.network.difference import stage_differences
from cnnlab_core.network.intervene import logits_with
from cnnlab_core.network.live import look
from cnnlab_core.network.stages import stages_of
from cnnlab_core.network.strongest import overview
from cnnlab_core.receptive_field.effective import noise_pictures
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training.config import Config
from cnnlab_core.training.landscape import direction
from cnnlab_core.training.tasks import noise_task

EPS = {"eps": 8 / 255}
NODE = "7"


@pytest.fixture
def there(monkeypatch):
    """A small network on the GPU, and two pictures."""
    with fake_gpu(monkeypatch):
        model = load_model("glass_cifar10")
        x = torch.cat([model.prepare(open_image(sample.content)) for sample in list(sample_images().values())[:2]])
        assert isinstance(x, Elsewhere)
        yield model, x


def test_it_is_strict(there):
    _, x = there
    with pytest.raises(AssertionError, match="mixes the GPU"):
        x + torch.zeros(3, 1, 1)
    with pytest.raises(AssertionError, match="another device's generator"):
        torch.rand(2, device="cuda", generator=torch.Generator())
    with pytest.raises(TypeError, match="cuda"):
        x.numpy()


WORKS = {
    "fgsm": lambda model, x: fgsm(model, x, **EPS),
    "pgd": lambda model, x: pgd(model, x, **EPS, steps=2, random_start=True, restarts=2, momentum=0.5, generator=0),
    "pgd l2": lambda model, x: pgd(model, x, eps=1.0, steps=2, norm="l2", random_start=True, generator=0),
    "pgd l1": lambda model, x: pgd(model, x, eps=9.0, steps=2, norm="l1", target=3, random_start=True, generator=0),
    "apgd": lambda model, x: apgd(model, x, **EPS, steps=4, loss="dlr", restarts=2, generator=0),
    "square": lambda model, x: square(model, x, **EPS, steps=4, generator=0),
    "deepfool": lambda model, x: deepfool(model, x, steps=2),
    "carlini": lambda model, x: carlini_wagner(model, x, steps=3),
    "l1_adam": lambda model, x: l1_adam(model, x, target=3, steps=3),
    "minimal epsilon": lambda model, x: minimal_epsilon(model, x[:1]),
    "universal": lambda model, x: universal(model, x, **EPS, epochs=1),
    "expectation": lambda model, x: pgd(Expectation(model, list(TRANSFORMS), 0), x, **EPS, steps=1),
    "dream": lambda model, x: finish(dream(model, x[:1], layer(NODE), octaves=1, steps=2)),
    "visualise": lambda model, x: finish(visualise(model, channel(NODE, 1), size=32, steps=2)),
    "inversion": lambda model, x: finish(inversion(model, x[:1], NODE, steps=2)),
    "capture": lambda model, x: capture(model, x, [NODE]),
    "deletion": lambda model, x: finish(deletion(model, x[:1], 3, {}, steps=2)),
    "randomisation": lambda model, x: finish(randomisation(model, x[:1], [usual(model.spec, "Saliency", 3)], stages=2)),
    "overview": lambda model, x: overview(model, x[:1], stages_of(model)),
    "look": lambda model, x: look(model, x[1:], overview(model, x[:1], stages_of(model)).columns, {(NODE, 1): 0.0}),
    "cell": lambda model, x: explain_cell(model, x[:1], "0", 1, 3, 4),
    "stages": lambda model, x: stage_differences(model, x[:1], x[1:], stages_of(model)),
    "covered": lambda model, x: logits_without(model, x[:1], Patch(0.1, 0.1, 0.3), model.spec.preprocessing),
    "switched off": lambda model, x: logits_with(model, x, {(NODE, 1): 0.0}),
    "noise": lambda model, x: model(noise_pictures(model, 1, torch.Generator().manual_seed(0))[0]),
    **{
        name: lambda model, x, name=name: finish(
            attribute(model, x[:1], replace(usual(model.spec, name, 3), steps=2, draws=2, masks=2))
        )
        for name in METHODS
    },
}


@pytest.mark.parametrize("name", WORKS)
def test_nothing_is_mixed(there, name):
    WORKS[name](*there)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_a_step_of_training_mixes_nothing(there, optimizer):
    config = Config(net="stack", stack="c4k3p1,norm,relu,m2s2", optimizer=optimizer, batch=4, validation=0.0)
    task = noise_task(config, SimpleNamespace(classes=10, side=16), torch.device("cuda", 0))
    batch = next(task.feeder.epoch(0))
    assert isinstance(batch.images, Elsewhere)
    assert torch.isfinite(task.learner.learn(batch, 0.01, 0, 0)).all()
    weights = dict(task.learner.network.named_parameters())
    assert isinstance(direction(weights, 0, 0)["0.weight"], Elsewhere)
