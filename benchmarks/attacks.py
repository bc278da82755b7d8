"""PGD: a step against the published graph's forward and input gradient, runs against torchattacks and foolbox."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import foolbox
import torch
import torchattacks
from torch import nn
from torch.nn import functional as F

from benchmarks.measure import Row, count, medians_ms
from cnnlab_core.attacks import pgd, pgd_steps
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.models.loaded import LoadedModel

EPS, STEP, STEPS = 4 / 255, 1 / 255, 10
FIXED = 20
"""The steps that a targeted attack is usually given."""


class Module(nn.Module):
    """The model as the module that the peers want."""

    def __init__(self, model: LoadedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


def measure() -> list[Row]:
    torch.set_num_threads(1)  # as in the lab: a job has one thread
    model = load_model("efficientnet_lite0", device="cpu")
    module = Module(model).eval()
    pictures = [model.prepare(open_image(sample.content)) for sample in sample_images().values()]
    pictures = pictures[: count(len(pictures), 2)]
    x = pictures[0]
    y = model(x).argmax(-1)

    def bare() -> None:
        point = x.clone().requires_grad_()
        torch.autograd.grad(F.cross_entropy(model.published(point), y), point)

    steps = pgd_steps(model, x, y, eps=EPS, step_size=STEP, steps=10_000)
    next(steps)
    ours = torchattacks.PGD(module, eps=EPS, alpha=STEP, steps=STEPS, random_start=False)
    attack = foolbox.attacks.LinfPGD(abs_stepsize=STEP, steps=STEPS, random_start=False)
    bounded = foolbox.PyTorchModel(module, bounds=(0, 1), device="cpu")
    criterion = foolbox.criteria.Misclassification(y)
    step, alone = medians_ms(lambda: next(steps), bare, repeats=60)
    whole, by_torchattacks, by_foolbox = medians_ms(
        lambda: pgd(model, x, y, eps=EPS, step_size=STEP, steps=STEPS),
        lambda: ours(x, y),
        lambda: attack.run(bounded, x, criterion, epsilon=EPS),
        repeats=9,
    )
    early, fixed_torchattacks, fixed_foolbox = _targeted(model, module, bounded, pictures)
    what = f"targeted PGD, momentum 0.5, to an 8-bit picture that fools, mean of {len(pictures)} photos"
    return [
        Row("a step of PGD", step, "forward and input gradient of the published graph", alone, "ms"),
        Row(f"PGD of {STEPS} steps, measured and rounded", whole, "torchattacks", by_torchattacks, "ms"),
        Row(f"PGD of {STEPS} steps, measured and rounded", whole, "foolbox", by_foolbox, "ms"),
        Row(what, early, f"torchattacks, {FIXED} steps", fixed_torchattacks, "ms"),
        Row(what, early, f"foolbox, {FIXED} steps", fixed_foolbox, "ms"),
    ]


def _targeted(
    model: LoadedModel, module: nn.Module, bounded: foolbox.PyTorchModel, pictures: list[torch.Tensor]
) -> tuple[float, ...]:
    """Mean milliseconds to a targeted attack on each picture, at a random class, by us and by the peers."""
    generator = torch.Generator().manual_seed(0)
    totals = [0.0, 0.0, 0.0]
    for x in pictures:
        y = model(x).argmax(-1)
        target = (y + torch.randint(1, len(model.categories), (1,), generator=generator)) % len(model.categories)
        theirs = torchattacks.PGD(module, eps=EPS, alpha=STEP, steps=FIXED, random_start=False)
        theirs.set_mode_targeted_by_label(quiet=True)
        attack = foolbox.attacks.LinfPGD(abs_stepsize=STEP, steps=FIXED, random_start=False)
        jobs: tuple[Callable[[], object], ...] = (
            partial(_stops_early, model, x, y, target=target, eps=EPS, step_size=STEP, steps=FIXED, momentum=0.5),
            partial(theirs, x, target),
            partial(attack.run, bounded, x, foolbox.criteria.TargetedMisclassification(target), epsilon=EPS),
        )
        for index, job in enumerate(jobs):
            begun = time.perf_counter()
            job()
            totals[index] += 1000 * (time.perf_counter() - begun)
    return tuple(total / len(pictures) for total in totals)


def _stops_early(*args: Any, **options: Any) -> None:
    result = pgd(*args, **options, early_stop=True)
    assert result.success.all(), "an attack that failed must not count as a quick one"
