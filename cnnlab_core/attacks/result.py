"""What came of an attack: the pictures, whether they fool the network as floats and as 8 bits, how far they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from skimage.metrics import structural_similarity
from torch import Tensor

from cnnlab_core.attacks.objective import Goal
from cnnlab_core.attacks.threat import NORMS, Threat
from cnnlab_core.classification.softmax import Prediction, softmax, top_k
from cnnlab_core.images import in_eight_bits, to_uint8
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True)
class View:
    """One row of a result as plain numpy: a picture ``pixels`` uint8 (H, W, 3), and the network's ``logits`` (classes,)
    float64 for it."""

    pixels: np.ndarray
    logits: np.ndarray

    @staticmethod
    def of(x: Tensor, logits: Tensor) -> "View":
        """Of pixels (3, H, W), floats in [0, 1] or uint8, and logits (classes,)."""
        pixels = x if x.dtype == torch.uint8 else to_uint8(x)
        return View(pixels.permute(1, 2, 0).contiguous().cpu().numpy(), logits.double().cpu().numpy())

    @property
    def picture(self) -> Image.Image:
        """The picture, RGB."""
        return Image.fromarray(self.pixels)

    @property
    def best(self) -> int:
        """The most probable class."""
        return int(self.logits.argmax())

    def probability(self, index: int) -> float:
        """The probability of a class."""
        return float(softmax(self.logits)[index])

    def top(self, categories: tuple[str, ...], k: int = 5) -> list[Prediction]:
        """The ``k`` most probable classes, or all of fewer."""
        return top_k(self.logits, categories, min(k, len(categories)))

    def _pictures(self) -> list[Image.Image]:
        return [self.picture]


@short_repr
@dataclass(frozen=True, eq=False)
class Measured:
    """Pictures ``x_adv`` (N, C, H, W) in [0, 1] beside their originals ``x``, and what the network says of them.

    ``logits`` are (N, classes), ``success`` (N,) bool. Every distance is in pixel units and measured, not assumed.
    """

    x: Tensor
    x_adv: Tensor
    logits: Tensor
    success: Tensor

    @cached_property
    def probabilities(self) -> Tensor:
        """(N, classes), float64."""
        return self.logits.double().softmax(-1)

    @property
    def predicted(self) -> Tensor:
        """The most probable class of each, (N,)."""
        return self.logits.argmax(-1)

    @property
    def linf(self) -> Tensor:
        """The largest change of a channel, (N,)."""
        return self._distance("linf")

    @property
    def l2(self) -> Tensor:
        """The Euclidean length of the change, (N,)."""
        return self._distance("l2")

    @property
    def l1(self) -> Tensor:
        """The sum of all changes, (N,)."""
        return self._distance("l1")

    @property
    def l0(self) -> Tensor:
        """How many pixels (places, not channels) changed, (N,)."""
        return (self.x_adv != self.x).any(1).flatten(1).sum(1)

    @cached_property
    def ssim(self) -> Tensor:
        """Structural similarity, (N,): 1 for the picture itself (Wang et al. 2004; scikit-image's)."""
        pairs = zip(self.x.cpu().double().numpy(), self.x_adv.cpu().double().numpy(), strict=True)
        window = min(7, *self.x.shape[2:])
        window -= 1 - window % 2
        found = [structural_similarity(a, b, channel_axis=0, data_range=1.0, win_size=window) for a, b in pairs]
        return torch.tensor(found, dtype=torch.float64)

    def view(self, sample: int = 0) -> View:
        """One of the pictures in 8 bits, with the network's answer."""
        return View.of(self.x_adv[sample], self.logits[sample])

    def distances(self, sample: int = 0) -> dict[str, float]:
        """How far one of the pictures is from the original: linf, l2 and l1 in pixel units, l0 in pixels, and SSIM."""
        return {name: getattr(self, name)[sample].item() for name in ("linf", "l2", "l1", "l0", "ssim")}

    def _distance(self, norm: str) -> Tensor:
        return NORMS[norm].size(self.x_adv.double() - self.x.double())


class History:
    """What an attack saw, a row for each of its steps, through all restarts."""

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self._rows: list[tuple[Tensor, ...]] = []

    def add(self, logits: Tensor, loss: Tensor, gradient_norm: Tensor) -> None:
        """A step of all samples: logits (N, classes), loss (N,), gradient_norm (N,)."""
        self._rows.append((logits, loss, gradient_norm))

    @property
    def logits(self) -> list[Tensor]:
        """The network's answer at each step, (N, classes) each."""
        return [logits for logits, _, _ in self._rows]

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return sum(part.nbytes for row in self._rows for part in row)

    @cached_property
    def losses(self) -> Tensor:
        """The objective, which the attack climbs, (steps, N)."""
        return torch.stack([loss for _, loss, _ in self._rows])

    @cached_property
    def gradient_norm(self) -> Tensor:
        """The l2 norm of the objective's gradient, (steps, N); 0 in the last step, which needs none."""
        return torch.stack([norm for _, _, norm in self._rows])

    @cached_property
    def predicted(self) -> Tensor:
        """The most probable class, (steps, N)."""
        return torch.stack([logits.argmax(-1) for logits, _, _ in self._rows])

    @cached_property
    def p_true(self) -> Tensor:
        """The probability of the class y, (steps, N), float64."""
        return self._probability(self._goal.y)

    @cached_property
    def p_target(self) -> Tensor | None:
        """The probability of the target, (steps, N), float64; None if there is no target."""
        return None if self._goal.target is None else self._probability(self._goal.target)

    @property
    def first_success(self) -> Tensor:
        """The first step at which the float picture fooled the network, (N,); -1 if none did."""
        fooled = torch.stack([self._goal.reached(logits) for logits, _, _ in self._rows])
        return torch.where(fooled.any(0), fooled.int().argmax(0), -1)

    def _probability(self, classes: Tensor) -> Tensor:
        rows = [logits.double().softmax(-1).gather(1, classes[:, None])[:, 0] for logits, _, _ in self._rows]
        return torch.stack(rows)


@short_repr
@dataclass(frozen=True, eq=False)
class AttackResult:
    """The end of an attack on N pictures.

    ``exact`` is what the attack computed, ``rounded`` the 8-bit picture that people see and save; both were given to
    the network anew. Claims are made on the latter: ``success`` is its; ``linf`` and ``l2`` are those of ``x_adv``.
    ``clean`` is how it was before. ``trace`` holds the pictures (N, C, H, W) at the steps that were asked for.
    ``stuck`` (N,) bool are those for which the gradient was 0 at every step, so that nothing was tried: a saturated
    network isn't a robust one. ``rounded`` keeps to the ball of the ``threat``, if the attack has one.
    """

    goal: Goal
    clean: Measured
    exact: Measured
    rounded: Measured
    history: History
    trace: Mapping[int, Tensor]
    stuck: Tensor
    threat: Threat | None = None

    @property
    def x(self) -> Tensor:
        """The original pictures, (N, C, H, W)."""
        return self.clean.x

    @property
    def x_adv(self) -> Tensor:
        """The adversarial pictures, float (N, C, H, W) in [0, 1]."""
        return self.exact.x_adv

    @property
    def x_adv_uint8(self) -> Tensor:
        """The adversarial pictures in 8 bits, uint8 (N, C, H, W)."""
        return to_uint8(self.rounded.x_adv)

    def in_eight_bits(self, x_adv: Tensor) -> Tensor:
        """Pictures of the way (N, C, H, W) as the attack rounds them: k / 255, within its ball if it has one."""
        return in_eight_bits(x_adv) if self.threat is None else self.threat.in_eight_bits(x_adv)

    @property
    def success(self) -> Tensor:
        """Which 8-bit pictures fool the network, (N,) bool."""
        return self.rounded.success

    def on_the_way(self, step: int, sample: int = 0) -> View:
        """One of the pictures at a step of ``trace``, in 8 bits, with the network's answer to the float one."""
        return View.of(self.trace[step][sample], self.history.logits[step][sample])

    @property
    def wrong_before(self) -> Tensor:
        """Which pictures the network got wrong before anything was done to them, (N,) bool: no merit of the attack."""
        return self.clean.predicted != self.goal.y

    @property
    def linf(self) -> Tensor:
        """The largest change of a channel of the float pictures, (N,)."""
        return self.exact.linf

    @property
    def l2(self) -> Tensor:
        """The Euclidean length of the float pictures' change, (N,)."""
        return self.exact.l2

    @property
    def losses(self) -> Tensor:
        """The objective at each step, (steps, N)."""
        return self.history.losses

    @property
    def first_success(self) -> Tensor:
        """The first step at which the float picture fooled the network, (N,); -1 if none did."""
        return self.history.first_success

    def _pictures(self) -> list[Image.Image]:
        return [part.view().picture for part in (self.clean, self.rounded)] if self.x.shape[1] == 3 else []
