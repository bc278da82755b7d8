"""The same attacks by foolbox and torchattacks, on the same model, batch and layout, without a random start."""

import foolbox
import pytest
import torch
import torchattacks
from torch import nn

from cnnlab_core.attacks import fgsm, pgd
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model

EPS, STEP, STEPS = 4 / 255, 1 / 255, 4
EPS2, STEP2 = 1.5, 0.4


class Module(nn.Module):
    """A model of ours as the module that the peers want: pixels in [0, 1] to logits."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)


@pytest.fixture(scope="module")
def small():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(3),
            nn.Flatten(),
        )
        network.append(nn.Linear(144, 10))
    return Module(network.eval().requires_grad_(False)), torch.rand(
        6, 3, 20, 20, generator=torch.Generator().manual_seed(4)
    )


@pytest.fixture(scope="module")
def real():
    model = load_model("efficientnet_lite0", device="cpu")
    names = ("chelsea", "coffee")
    return Module(model).eval(), torch.cat([model.prepare(open_image(sample_images()[name].content)) for name in names])


@pytest.fixture(params=["small", "real"])
def problem(request):
    model, x = request.getfixturevalue(request.param)
    with torch.no_grad():
        y = model(x).argmax(-1)
    return model, x, y


def torchattack(kind, model, targeted, **options):
    made = kind(model, **options)
    if targeted:
        made.set_mode_targeted_by_label(quiet=True)
    return made


def foolbox_criterion(y, target):
    return (
        foolbox.criteria.Misclassification(y) if target is None else foolbox.criteria.TargetedMisclassification(target)
    )


def worst(a, b):
    return (a - b).abs().max().item()


@pytest.mark.parametrize("targeted", [False, True])
def test_fgsm(problem, targeted):
    model, x, y = problem
    target = (y + 1) % 10 if targeted else None
    ours = fgsm(model, x, y, eps=EPS, target=target).x_adv
    theirs = torchattack(torchattacks.FGSM, model, targeted, eps=EPS)(x, y if target is None else target)
    assert worst(ours, theirs) <= 1e-6
    bounded = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    if not targeted:  # foolbox's FGSM has no targets
        attack = foolbox.attacks.LinfFastGradientAttack(random_start=False)
        assert worst(ours, attack.run(bounded, x, foolbox_criterion(y, target), epsilon=EPS)) <= 1e-6


@pytest.mark.parametrize("targeted", [False, True])
def test_pgd_linf(problem, targeted):
    model, x, y = problem
    target = (y + 1) % 10 if targeted else None
    ours = pgd(model, x, y, eps=EPS, step_size=STEP, steps=STEPS, target=target).x_adv
    options = {"eps": EPS, "alpha": STEP, "steps": STEPS, "random_start": False}
    theirs = torchattack(torchattacks.PGD, model, targeted, **options)(x, y if target is None else target)
    assert worst(ours, theirs) <= 1e-6
    bounded = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(abs_stepsize=STEP, steps=STEPS, random_start=False)
    assert worst(ours, attack.run(bounded, x, foolbox_criterion(y, target), epsilon=EPS)) <= 1e-6


@pytest.mark.parametrize("targeted", [False, True])
def test_pgd_with_momentum(problem, targeted):
    model, x, y = problem
    target = (y + 1) % 10 if targeted else None
    ours = pgd(model, x, y, eps=EPS, step_size=STEP, steps=STEPS, target=target, momentum=0.7).x_adv
    options = {"eps": EPS, "alpha": STEP, "steps": STEPS, "decay": 0.7}
    theirs = torchattack(torchattacks.MIFGSM, model, targeted, **options)(x, y if target is None else target)
    assert worst(ours, theirs) <= 1e-6


@pytest.mark.parametrize("targeted", [False, True])
def test_pgd_l2(problem, targeted, request):
    model, x, y = problem
    target = (y + 1) % 10 if targeted else None
    ours = pgd(model, x, y, norm="l2", eps=EPS2, step_size=STEP2, steps=STEPS, target=target).x_adv
    bounded = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.L2PGD(abs_stepsize=STEP2, steps=STEPS, random_start=False)
    assert worst(ours, attack.run(bounded, x, foolbox_criterion(y, target), epsilon=EPS2)) <= 1e-5
    # torchattacks adds 1e-10 to the gradient's norm; a deep network makes 2e-4 of that at the second step, between it
    # and foolbox too. So for the real one the step is compared, not the walk.
    steps = 1 if request.node.callspec.params["problem"] == "real" else STEPS
    options = {"eps": EPS2, "alpha": STEP2, "steps": steps, "random_start": False}
    theirs = torchattack(torchattacks.PGDL2, model, targeted, **options)(x, y if target is None else target)
    ours = pgd(model, x, y, norm="l2", eps=EPS2, step_size=STEP2, steps=steps, target=target).x_adv
    assert worst(ours, theirs) <= 1e-5


def test_the_small_network_s_attack_is_not_trivial(small):
    """The comparison would say nothing if the pictures didn't move, or only to the border of the ball."""
    model, x = small
    with torch.no_grad():
        y = model(x).argmax(-1)
    change = (pgd(model, x, y, eps=EPS, step_size=STEP, steps=STEPS).x_adv - x).abs()
    assert 0.01 < (change < EPS - 1e-6).double().mean() < 0.99
