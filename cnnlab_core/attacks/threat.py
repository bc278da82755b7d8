"""Threat models: how far, and where, an attack may change a picture. Everything is in pixel units.

A norm knows its ball: a random point of it, the unit step that climbs a gradient fastest, and the way back into it.
``Threat`` puts that ball around each picture, cuts it with the pixel box [0, 1] and, if there is a mask, lets only
those pixels move. Distances ``delta`` have the shape (N, ...); ``eps`` broadcasts against it.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from cnnlab_core.checks import by_annotation, seeded
from cnnlab_core.errors import InputError, LabWarning
from cnnlab_core.images import in_eight_bits
from cnnlab_core.images.levels import LEVELS
from cnnlab_core.runtime.short_repr import short_repr

_SPARSE_SHARE = 0.01
"""The share of the pixels that an l1 step moves: the first percentile of SLIDE."""


_SMALL = 1e-12

_ROUNDING = 1e-6
"""What float32 pictures miss of a whole number of levels."""


Radius = float | Tensor | Sequence[float]
"""One number, or one for each sample, (N,)."""


class Norm(Protocol):
    """A norm's ball around 0."""

    @property
    def name(self) -> str:
        """linf, l2 or l1."""
        ...

    def size(self, delta: Tensor) -> Tensor:
        """The norm of each sample, (N,)."""
        ...

    def random_start(self, like: Tensor, eps: Tensor, generator: torch.Generator | None) -> Tensor:
        """A point of the ball, uniform in its volume, with the shape of ``like``."""
        ...

    def normalise(self, gradient: Tensor) -> Tensor:
        """The step of length 1 that climbs ``gradient`` fastest; 0 where the gradient is 0, finite for any size."""
        ...

    def project(self, delta: Tensor, eps: Tensor) -> Tensor:
        """The nearest point of the ball of radius ``eps``."""
        ...


@dataclass(frozen=True)
class LInf:
    """The largest change of any channel of any pixel. The ball is a box, and the steepest step is the sign."""

    name: str = "linf"

    def size(self, delta: Tensor) -> Tensor:
        return delta.flatten(1).abs().amax(1)

    def random_start(self, like: Tensor, eps: Tensor, generator: torch.Generator | None) -> Tensor:
        return (_uniform(like, generator) * 2 - 1) * eps

    def normalise(self, gradient: Tensor) -> Tensor:
        return gradient.sign()

    def project(self, delta: Tensor, eps: Tensor) -> Tensor:
        return delta.clamp(-eps, eps)


@dataclass(frozen=True)
class L2:
    """The Euclidean length of the change."""

    name: str = "l2"

    def size(self, delta: Tensor) -> Tensor:
        # As foolbox sums it: the last bit decides where a long attack on a deep network ends.
        return delta.flatten(1).square().sum(1).sqrt()

    def random_start(self, like: Tensor, eps: Tensor, generator: torch.Generator | None) -> Tensor:
        direction = torch.randn(like.shape, generator=generator, device=_home(generator, like), dtype=like.dtype)
        return self.normalise(direction.to(like.device)) * _radius(like, generator) * eps

    def normalise(self, gradient: Tensor) -> Tensor:
        # The squares of very small and very large numbers are 0 and inf: those are scaled by their largest entry first.
        extreme = ~((self.size(gradient) > _SMALL) & (self.size(gradient) < 1 / _SMALL))
        largest = LInf().size(gradient).clamp(min=_tiny(gradient))
        scaled = gradient / _per_sample(torch.where(extreme, largest, 1.0).to(gradient), gradient)
        return scaled * (1 / _per_sample(self.size(scaled).clamp(min=_tiny(gradient)), gradient))

    def project(self, delta: Tensor, eps: Tensor) -> Tensor:
        size = _per_sample(self.size(delta), delta).clamp(min=_tiny(delta))
        return delta * (eps / size).clamp(max=1)


@dataclass(frozen=True)
class L1:
    """The sum of all changes. The steepest step moves a single number; moving the first percentile of them is nearly
    as steep and needs far fewer steps (SLIDE: Tramèr & Boneh 2019, arXiv:1904.13000, section 3.2)."""

    name: str = "l1"

    def size(self, delta: Tensor) -> Tensor:
        return delta.flatten(1).abs().sum(1)

    def random_start(self, like: Tensor, eps: Tensor, generator: torch.Generator | None) -> Tensor:
        # Exponential magnitudes with random signs, scaled to length 1, are uniform on the ball's surface.
        magnitudes = -torch.log1p(-_uniform(like, generator))
        direction = magnitudes * (_uniform(like, generator) - 0.5).sign()
        scale = _per_sample(self.size(direction), like).clamp(min=_tiny(like))
        return direction / scale * _radius(like, generator) * eps

    def normalise(self, gradient: Tensor) -> Tensor:
        flat = gradient.flatten(1)
        count = max(1, round(_SPARSE_SHARE * flat.shape[1]))
        largest = flat.abs().topk(count, dim=1).indices
        step = torch.zeros_like(flat).scatter(1, largest, flat.gather(1, largest).sign())
        return (step / step.abs().sum(1, keepdim=True).clamp(min=1)).view_as(gradient)

    def project(self, delta: Tensor, eps: Tensor) -> Tensor:
        # Duchi et al. 2008 (ICML), figure 1: shrink all magnitudes by the theta that leaves eps in sum.
        magnitudes = delta.flatten(1).abs()
        radius = eps.expand(len(delta), *[1] * (delta.ndim - 1)).flatten(1)
        ordered = magnitudes.sort(dim=1, descending=True).values
        excess = (ordered.cumsum(1) - radius) / torch.arange(1, ordered.shape[1] + 1, device=delta.device)
        kept = (ordered > excess).sum(1, keepdim=True).clamp(min=1)
        theta = excess.gather(1, kept - 1).clamp(min=0)
        return (delta.flatten(1).sign() * (magnitudes - theta).clamp(min=0)).view_as(delta)


NORMS: dict[str, Norm] = {norm.name: norm for norm in (LInf(), L2(), L1())}


def find_norm(name: str) -> Norm:
    """The norm of this name. Raises ``InputError`` for an unknown one."""
    if name not in NORMS:
        raise InputError(f"There is no norm “{name}”. Choose one of {', '.join(NORMS)}.")
    return NORMS[name]


@short_repr
@dataclass(frozen=True, eq=False)
class Threat:
    """What an attack may do to the pictures ``x`` (N, ...): the ball of radius ``eps`` (N, 1, ...) around each, within
    [0, 1], at the pixels where ``mask`` (broadcasting against x, 0 or 1) is 1."""

    norm: Norm
    x: Tensor
    eps: Tensor
    mask: Tensor | None = None

    @staticmethod
    @by_annotation
    def around(x: Tensor, norm: str, eps: Radius, mask: Tensor | None = None) -> "Threat":
        """The threat of a ``norm`` by name; ``eps`` is one number or one for each sample, (N,)."""
        ball = find_norm(norm)
        if isinstance(eps, Tensor) and eps.is_complex():
            raise InputError(f"Epsilon is a real number, but this is {eps.dtype}.")
        radii = torch.as_tensor(eps, dtype=x.dtype, device=x.device).detach()
        if radii.ndim > 1 or (radii.ndim == 1 and len(radii) != len(x)):
            raise InputError(f"Epsilon is one number or {len(x)}, one for each picture, not of shape {radii.shape}.")
        if not ((radii >= 0) & torch.isfinite(radii)).all():
            raise InputError(f"Epsilon must be a number from 0 up, in pixel units (4/255, say), but is {eps}.")
        if norm == "linf" and (radii > 1).any():
            warn_of_levels("Epsilon", radii.max().item())
        if mask is not None:
            mask = _checked(mask, x)
        return Threat(ball, x, radii.expand(len(x)).view(-1, *[1] * (x.ndim - 1)), mask)

    def random_start(self, generator: torch.Generator | int | None = None) -> Tensor:
        """Pictures drawn from the ball, then cut to the box."""
        return self._inside(self._masked(self.norm.random_start(self.x, self.eps, seeded(generator))))

    def normalise(self, gradient: Tensor, at: Tensor | None = None) -> Tensor:
        """The steepest unit step within the mask. Given the pictures ``at`` which it starts, an l1 step spends nothing
        on pixels that the box holds back; the other norms are as everybody defines them."""
        gradient = self._masked(gradient)
        if at is not None and self.norm.name == "l1":
            held = ((at >= 1) & (gradient > 0)) | ((at <= 0) & (gradient < 0))
            gradient = gradient.masked_fill(held, 0)
        return self.norm.normalise(gradient)

    def project(self, x_adv: Tensor) -> Tensor:
        """Back into the ball, then into the box: the box only shortens the way to x, so both hold."""
        return self._inside(self.norm.project(self._masked(x_adv - self.x), self.eps))

    def in_eight_bits(self, x_adv: Tensor) -> Tensor:
        """Pictures of the ball as 8 bits hold them, k / 255, still in the ball: rounded to the nearest and, where that
        leads out of it, towards ``x``; of the l2 and l1 balls as few numbers as it takes, those nearest to the middle
        between two levels first. Where no level lies in the ball (``x`` isn't in 8 bits itself), the nearest to ``x``.
        """
        near = in_eight_bits(x_adv)
        power = {"l1": 1.0, "l2": 2.0}.get(self.norm.name)
        size, radius = (near - self.x).double().abs(), self.eps.double() + _ROUNDING
        if not (self.norm.size(size) > radius.flatten()).any():
            return near
        back = in_eight_bits((near + (self.x - near).sign() / LEVELS).clamp(0, 1))
        nearer = (back - self.x).double().abs()
        if power is None:
            turned = (size > radius) & (nearer < size)
        else:
            gain = (size**power - nearer**power).clamp(min=0).flatten(1)
            cost = ((x_adv - back).abs() - (x_adv - near).abs()).flatten(1).masked_fill(gain <= 0, torch.inf)
            order = cost.argsort(dim=1)
            excess = (size**power).flatten(1).sum(1, keepdim=True) - radius.flatten(1) ** power
            gained = gain.gather(1, order)
            needed = (gained.cumsum(1) - gained < excess) & (gained > 0)
            turned = torch.zeros_like(needed).scatter(1, order, needed).view_as(near)
        return torch.where(turned, back, near)

    def _inside(self, delta: Tensor) -> Tensor:
        return (self.x + delta).clamp(0, 1)

    def _masked(self, values: Tensor) -> Tensor:
        return values if self.mask is None else values * self.mask


def warn_of_levels(what: str, value: float) -> None:
    """Say that a length of the linf norm is more than black to white, as 8 for 8/255 is."""
    warnings.warn(
        f"{what} is {value:g}, but pixels run from 0 (black) to 1 (white), so this allows any picture. If you mean "
        f"{value:g} of 255 levels, write {value:g} / 255.",
        LabWarning,
        stacklevel=3,
    )


def _checked(mask: Tensor, x: Tensor) -> Tensor:
    mask = mask.detach().to(device=x.device, dtype=x.dtype)
    try:
        fits = torch.broadcast_shapes(mask.shape, x.shape) == x.shape and mask.ndim == x.ndim
    except RuntimeError:
        fits = False
    if not fits:
        raise InputError(f"A mask of shape {tuple(mask.shape)} doesn't fit pictures of shape {tuple(x.shape)}.")
    if not ((mask == 0) | (mask == 1)).all():
        raise InputError("A mask holds 1 where pixels may change and 0 where they may not, nothing else.")
    return mask


def _home(generator: torch.Generator | None, like: Tensor) -> torch.device:
    """Random numbers are drawn where their generator lives, so that a seed gives the same ones on every device."""
    return generator.device if generator is not None else like.device


def _uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    home = _home(generator, like)
    return torch.rand(like.shape, generator=generator, device=home, dtype=like.dtype).to(like.device)


def _radius(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Radii (N, 1, ...) that make a uniform direction uniform in the ball's volume: u^(1 / dimensions)."""
    return _uniform(like.flatten(1)[:, :1], generator).pow(1 / like[0].numel()).view(-1, *[1] * (like.ndim - 1))


def _per_sample(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.ndim - 1))


def _tiny(like: Tensor) -> float:
    return torch.finfo(like.dtype).tiny
