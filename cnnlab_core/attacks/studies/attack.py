"""The job behind the adversarial page: attack a picture, and give all that the page shows as plain numpy.

A ``View`` is a picture with the network's answer to just that picture; what the page says is said of 8-bit pictures.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from cnnlab_core.attacks.loop import AttackStep
from cnnlab_core.attacks.objective import Classifier
from cnnlab_core.attacks.plan import Plan
from cnnlab_core.attacks.result import AttackResult, Measured
from cnnlab_core.classification.softmax import Prediction, softmax, top_k
from cnnlab_core.images import to_uint8
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import relay

MOST_FRAMES = 41
"""So many pictures of the way are kept, the first and the last among them."""


@dataclass(frozen=True)
class View:
    """A picture ``pixels`` uint8 (H, W, 3), and the network's ``logits`` (classes,) float64 for it."""

    pixels: np.ndarray
    logits: np.ndarray

    @property
    def picture(self) -> Image.Image:
        return Image.fromarray(self.pixels)

    @property
    def best(self) -> int:
        """The most probable class."""
        return int(self.logits.argmax())

    def probability(self, index: int) -> float:
        return float(softmax(self.logits)[index])

    def top(self, categories: tuple[str, ...], k: int = 5) -> list[Prediction]:
        """The ``k`` most probable classes."""
        return top_k(self.logits, categories, k)


@dataclass(frozen=True)
class Look:
    """The attack at look ``index`` of at most ``total``: what the float picture does to the network.

    ``view`` holds the rounded pixels with the float picture's logits. ``loss`` is the objective, which rises.
    """

    index: int
    total: int
    view: View
    loss: float
    gradient_norm: float
    success: bool


@dataclass(frozen=True)
class Distances:
    """How far a picture is from the original, measured: in pixel units, ``l0`` in pixels."""

    linf: float
    l2: float
    l1: float
    l0: int
    ssim: float


@dataclass(frozen=True)
class Fooled:
    """A finished attack on one picture. ``y`` is the class that the network named first, ``target`` None if untargeted.

    ``adversarial`` and its ``distances`` are those of the 8-bit picture, with ``success``; ``exact_view`` (with the
    same pixels), ``exact_distances`` and ``exact_success`` are those of the float picture behind it. ``looks`` is the
    way there, thinned out to ``MOST_FRAMES``; ``losses``, ``p_true``, ``p_target`` and ``gradient_norms`` have every
    look of it.
    """

    y: int
    target: int | None
    clean: View
    adversarial: View
    distances: Distances
    success: bool
    exact_view: View
    exact_distances: Distances
    exact_success: bool
    looks: tuple[Look, ...]
    losses: np.ndarray
    p_true: np.ndarray
    p_target: np.ndarray | None
    gradient_norms: np.ndarray
    first_success: int

    @property
    def shown_class(self) -> int:
        """The class whose probability the attack is about: the target, or what the adversarial picture is named."""
        return self.adversarial.best if self.target is None else self.target


def fool(
    model: LoadedModel, x: torch.Tensor, plan: Plan, target: int | None = None, *, through: Classifier | None = None
) -> Generator[Look, None, Fooled]:
    """Attack one picture ``x`` (1, 3, H, W), away from what the network says of it, or towards ``target``.

    ``through`` is the model as the attack sees it, an ``Expectation`` over it say. Raises what the attacks raise.
    """
    with torch.no_grad():
        y = int(model(x).argmax())
    attack = plan.start(through or model, x, y, target=target)
    every = max(1, -(-(plan.looks - 1) // (MOST_FRAMES - 1)))
    looks: list[Look] = []

    def told(step: AttackStep) -> Look:
        look = _look(step)
        if looks and looks[-1].index % every:
            looks.pop()  # it was only kept in case it would be the last one
        looks.append(look)
        return look

    result = yield from relay(attack, told)
    return _fooled(y, target, result, tuple(looks))


def ask(model: LoadedModel, x: torch.Tensor) -> View:
    """What the network says of one picture ``x`` (1, 3, H, W), shown in 8 bits."""
    with torch.no_grad():
        return View(_pixels(x), _row(model(x)))


def _look(step: AttackStep) -> Look:
    return Look(
        step.index,
        step.total,
        View(_pixels(step.x_adv), _row(step.logits)),
        step.loss.item(),
        step.gradient_norm.item(),
        bool(step.success.item()),
    )


def _fooled(y: int, target: int | None, result: AttackResult, looks: tuple[Look, ...]) -> Fooled:
    history = result.history
    return Fooled(
        y=y,
        target=target,
        clean=_view(result.clean),
        adversarial=_view(result.rounded),
        distances=_distances(result.rounded),
        success=bool(result.rounded.success.item()),
        exact_view=_view(result.exact),
        exact_distances=_distances(result.exact),
        exact_success=bool(result.exact.success.item()),
        looks=looks,
        losses=_row(history.losses.T),
        p_true=_row(history.p_true.T),
        p_target=None if history.p_target is None else _row(history.p_target.T),
        gradient_norms=_row(history.gradient_norm.T),
        first_success=int(result.first_success.item()),
    )


def _view(measured: Measured) -> View:
    return View(_pixels(measured.x_adv), _row(measured.logits))


def _distances(measured: Measured) -> Distances:
    return Distances(
        measured.linf.item(), measured.l2.item(), measured.l1.item(), int(measured.l0.item()), measured.ssim.item()
    )


def _pixels(x: torch.Tensor) -> np.ndarray:
    return to_uint8(x)[0].permute(1, 2, 0).contiguous().cpu().numpy()


def _row(values: torch.Tensor) -> np.ndarray:
    return values[0].double().cpu().numpy()


def history_table(found: Fooled) -> str:
    """Every look of an attack as CSV: objective, gradient norm, probabilities of the true class and the target."""
    p_target = [""] * len(found.losses) if found.p_target is None else [f"{p:.9g}" for p in found.p_target]
    rows = zip(found.losses, found.gradient_norms, found.p_true, p_target, strict=True)
    lines = [f"{i},{loss:.9g},{norm:.9g},{p:.9g},{q}" for i, (loss, norm, p, q) in enumerate(rows)]
    return "\n".join(["look,objective,gradient_norm,p_true,p_target", *lines, ""])
