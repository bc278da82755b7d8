"""What a dream climbs: numbers measured at graph nodes or on the picture itself, which can be added and scaled.

After Lucid's objectives (github.com/tensorflow/lucid, optvis/objectives.py). Every one gives one number per picture,
and is a mean, not a sum, so that pictures of different sizes compare (but for the "l2" of a layer). Objectives are
maximised: what should be small is subtracted, as in ``channel("layer3.1.relu_1", 7) - 0.5 * total_variation()``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.cuts import node_named
from cnnlab_core.models.layers import Layer, layer_table
from cnnlab_core.models.loaded import LoadedModel

Measure = Callable[[torch.Tensor], torch.Tensor]
"""From values (N, ...) to one number per picture, (N,)."""

LOGITS = "logits"
"""Stands for the network's last node, whatever its name."""

PICTURE = ""
"""Stands for the picture itself."""

NORMS = ("rms", "l2", "mean")


@dataclass(frozen=True)
class Term:
    """One measured number. ``prepare`` checks it against the node's layer and gives the measure.

    A term that measures one position of the map is ``placed``: it gets the layer as it is for the whole picture.
    """

    name: str
    node: str
    prepare: Callable[[LoadedModel, Layer | None], Measure]
    weight: float = 1.0
    placed: bool = False


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms: ``+``, ``-``, ``*`` and ``/`` by numbers, and ``sum()`` make others of it."""

    terms: tuple[Term, ...]

    @property
    def name(self) -> str:
        """The sum in words."""
        parts = [term.name if term.weight == 1 else f"{term.weight:g} · {term.name}" for term in self.terms]
        return " + ".join(parts)

    def __add__(self, other: "Objective | int") -> "Objective":
        if other == 0:  # what sum() begins with
            return self
        if not isinstance(other, Objective):
            return NotImplemented
        return Objective(self.terms + other.terms)

    __radd__ = __add__

    def __mul__(self, factor: float) -> "Objective":
        if not isinstance(factor, int | float):
            return NotImplemented
        if not math.isfinite(factor):
            raise InputError(f"An objective can be scaled by any finite number, but not by {factor}.")
        return Objective(tuple(replace(term, weight=term.weight * factor) for term in self.terms))

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "Objective":
        if divisor == 0:
            raise InputError("An objective can't be divided by 0.")
        return self * (1 / divisor)

    def __neg__(self) -> "Objective":
        return self * -1.0

    def __sub__(self, other: "Objective") -> "Objective":
        return self + -other

    def bind(self, model: LoadedModel, size: tuple[int, int]) -> tuple["BoundTerm", ...]:
        """The terms for a model and a picture's size (height, width), checked: raises ``InputError``."""
        return tuple(_bound(term, model, size) for term in self.terms)


@dataclass(frozen=True)
class BoundTerm:
    """A term whose node exists: ``node`` by its name in the graph (or ``PICTURE``)."""

    node: str
    weight: float
    measure: Measure


def _bound(term: Term, model: LoadedModel, size: tuple[int, int]) -> BoundTerm:
    if term.node == PICTURE:
        return BoundTerm(PICTURE, term.weight, term.prepare(model, None))
    node = node_named(model, model.nodes()[-1].name if term.node == LOGITS else term.node)
    layers = {layer.name: layer for layer in (layer_table(model.spec.name, size) if term.placed else model.nodes())}
    if node not in layers:
        raise InputError(f"{node} is where the picture enters {model.spec.title}. Choose a layer after it.")
    return BoundTerm(node, term.weight, term.prepare(model, layers[node]))


# --- of a layer -----------------------------------------------------------------------------------------------


@by_annotation
def layer(node: str, norm: str = "rms") -> Objective:
    """All of a layer's n activations a: the "rms", root mean square √(Σa²/n); the "l2" norm √Σa²; or the "mean".

    The l2 norm is √n times the root mean square: its gradient has the same direction, so normalised steps give the
    same dream. That of DeepDream's own Σa²/2 has it too. A picture in tiles is measured tile by tile.
    """
    if norm not in NORMS:
        raise InputError(
            f"A layer's activations are measured as {', '.join(NORMS[:-1])} or {NORMS[-1]}, not as “{norm}”."
        )
    measure = {"rms": _root_mean_square, "l2": _l2_norm, "mean": _mean}[norm]
    return _of_maps(f"{node}, {norm}", node, lambda layer: measure)


@by_annotation
def channel(node: str, index: int) -> Objective:
    """The mean of one channel's map."""

    def prepare(layer: Layer) -> Measure:
        _check_index(index, layer.shape[0], f"{node} has channels")
        return lambda maps: maps[:, index].mean((1, 2))

    return _of_maps(f"{node}, channel {index}", node, prepare)


@by_annotation
def unit(node: str, index: int, row: int | None = None, col: int | None = None) -> Objective:
    """One unit of channel ``index``: at ``row`` and ``col`` of the map of the whole picture (default: the middle).

    On the smaller maps of smaller octaves, it is the unit at the same relative position.
    """

    def prepare(layer: Layer) -> Measure:
        channels, *extent = layer.shape
        _check_index(index, channels, f"{node} has channels")
        at = [length // 2 if index is None else index for index, length in zip((row, col), extent, strict=True)]
        for axis, position, length in zip(("rows", "columns"), at, extent, strict=True):
            _check_index(position, length, f"The map of {node} has {axis}")
        shares = [(position + 0.5) / length for position, length in zip(at, extent, strict=True)]
        return lambda maps: maps[:, index, int(shares[0] * maps.shape[2]), int(shares[1] * maps.shape[3])]

    position = "" if row is None and col is None else f", unit ({row}, {col})"
    return _of_maps(f"{node}, unit of channel {index}{position}", node, prepare, placed=True)


@by_annotation
def direction(node: str, vector: torch.Tensor, *, cosine_power: float = 0.0) -> Objective:
    """The mean over all positions of a·v/‖v‖, the activations along ``vector`` (C,).

    With ``cosine_power`` p each position is weighted by max(0.1, cos(a, v))^p, which prefers the direction itself to
    sheer size (Lucid's ``dot_compare``).
    """
    if not isinstance(vector, torch.Tensor) or vector.ndim != 1 or not torch.isfinite(vector).all() or not vector.any():
        raise InputError("A direction is a vector of finite numbers, one per channel, not all zero.")
    unit_vector = (vector.detach() / torch.linalg.vector_norm(vector.detach())).float()

    def prepare(layer: Layer) -> Measure:
        if len(unit_vector) != layer.shape[0]:
            raise InputError(f"{node} has {layer.shape[0]} channels, but the direction has {len(unit_vector)} numbers.")

        def measure(maps: torch.Tensor) -> torch.Tensor:
            along = torch.einsum("nchw,c->nhw", maps, unit_vector.to(maps.device))
            if cosine_power:
                cosine = along / torch.linalg.vector_norm(maps, dim=1).clamp(min=1e-6)
                along = along * cosine.clamp(min=0.1) ** cosine_power
            return along.mean((1, 2))

        return measure

    return _of_maps(f"{node}, a direction", node, prepare)


@by_annotation
def match(node: str, values: torch.Tensor) -> Objective:
    """Minus the squared distance of a layer's maps from given ``values`` (C, h, w), as a share of their squared size.

    So 0 is the best there is: the layer can't tell the picture from the one that the values come from (Mahendran &
    Vedaldi 2015, arXiv:1412.0035, eq. 2).
    """
    if values.ndim != 3 or not torch.isfinite(values).all() or not values.any():
        raise InputError("What is to be matched are maps (channels, h, w) of finite numbers, not all zero.")
    wanted = values.detach().float()

    def prepare(layer: Layer) -> Measure:
        def measure(maps: torch.Tensor) -> torch.Tensor:
            if maps.shape[1:] != wanted.shape:
                shapes = tuple(maps.shape[1:]), tuple(wanted.shape)
                raise InputError(f"{node} has maps of {shapes[0]} for this picture; they can't match {shapes[1]}.")
            goal = wanted.to(maps.device)
            return -(maps - goal).square().sum((1, 2, 3)) / goal.square().sum()

        return measure

    return _of_maps(f"{node}, match", node, prepare)


@by_annotation
def diversity(node: str) -> Objective:
    """How different several pictures look to a layer: minus the mean cosine of their Gram matrices.

    With it, one objective gives several different pictures (Olah, Mordvintsev & Schubert 2017,
    doi.org/10.23915/distill.00007, "Diversity"). Needs at least two pictures at once.
    """

    def measure(maps: torch.Tensor) -> torch.Tensor:
        count = len(maps)
        if count < 2:
            raise InputError("Diversity compares pictures, so it needs at least two of them at once.")
        flat = maps.flatten(2)
        grams = F.normalize((flat @ flat.transpose(1, 2)).flatten(1), dim=1)
        alike = grams @ grams.T
        return -(alike.sum(1) - alike.diagonal()) / (count - 1)

    return _of_maps(f"{node}, diversity", node, lambda layer: measure)


# --- of a class -----------------------------------------------------------------------------------------------


@by_annotation
def class_logit(index: int) -> Objective:
    """The logit of a class, which can grow by making others small too, or everything large."""
    return _of_classes(f"logit of class {index}", index, lambda logits: logits[:, index])


@by_annotation
def class_log_probability(index: int) -> Objective:
    """log P(class): its logit less the log of the sum of all exponentials; at most 0."""
    return _of_classes(f"log P of class {index}", index, lambda logits: logits.log_softmax(1)[:, index])


# --- of the picture -------------------------------------------------------------------------------------------


def total_variation() -> Objective:
    """The mean |difference| between neighbours, down and across (Rudin, Osher & Fatemi 1992): high for noise."""
    return _of_picture("total variation", _total_variation)


@by_annotation
def l2(grey: float = 0.5) -> Objective:
    """The mean squared distance from an even ``grey``."""
    return _of_picture(f"l2 from {grey:g}", lambda x: ((x - grey) ** 2).mean((1, 2, 3)))


def blur() -> Objective:
    """The mean squared distance from the picture's own 5 × 5 binomial blur: its fine detail."""
    return _of_picture("blur", lambda x: ((x - blurred(x)) ** 2).mean((1, 2, 3)))


def binomial_kernel(channels: int, like: torch.Tensor) -> torch.Tensor:
    """[1 4 6 4 1]ᵀ[1 4 6 4 1] / 256 for each channel, (channels, 1, 5, 5): Burt & Adelson's of 1983."""
    row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=like.device, dtype=like.dtype)
    return (row[:, None] * row / 256).expand(channels, 1, 5, 5)


def blurred(x: torch.Tensor) -> torch.Tensor:
    """Pictures (N, C, H, W) under the binomial kernel; the border is repeated outwards."""
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), binomial_kernel(x.shape[1], x), groups=x.shape[1])


def _total_variation(x: torch.Tensor) -> torch.Tensor:
    return x.diff(dim=2).abs().mean((1, 2, 3)) + x.diff(dim=3).abs().mean((1, 2, 3))


# --- pieces ---------------------------------------------------------------------------------------------------


def _l2_norm(maps: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(maps, dim=(1, 2, 3))


def _root_mean_square(maps: torch.Tensor) -> torch.Tensor:
    return _l2_norm(maps) / math.sqrt(maps[0].numel())


def _mean(maps: torch.Tensor) -> torch.Tensor:
    return maps.mean((1, 2, 3))


def _of_maps(name: str, node: str, prepare: Callable[[Layer], Measure], *, placed: bool = False) -> Objective:
    def checked(model: LoadedModel, layer: Layer | None) -> Measure:
        assert layer is not None
        if len(layer.shape) != 3 or min(layer.shape[1:]) < 2:
            before = [each.name for each in model.nodes() if len(each.shape) == 3 and min(each.shape[1:]) > 1][-1]
            raise InputError(
                f"{node} comes after the global pooling of {model.spec.title}: it has one number per channel and no "
                f"map left. Choose {before} or an earlier layer, or dream of a class."
            )
        return prepare(layer)

    return Objective((Term(name, node, checked, placed=placed),))


def _of_classes(name: str, index: int, measure: Measure) -> Objective:
    def checked(model: LoadedModel, layer: Layer | None) -> Measure:
        _check_index(index, len(model.categories), f"{model.spec.title} has classes")
        return measure

    return Objective((Term(name, LOGITS, checked),))


def _of_picture(name: str, measure: Measure) -> Objective:
    return Objective((Term(name, PICTURE, lambda model, layer: measure),))


def _check_index(index: int, count: int, has: str) -> None:
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        raise InputError(f"{has} 0 to {count - 1}, but {index} was asked for.")
