"""A model that is ready to use: pixels in [0, 1] go in, logits come out."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from cnnlab_core.checks import by_annotation
from cnnlab_core.classification.softmax import Prediction, top_k
from cnnlab_core.errors import InputError
from cnnlab_core.images import check_pixels, to_tensor
from cnnlab_core.models.layers import Layer, layer_table
from cnnlab_core.models.spec import ModelSpec, Preprocessing, WeightsKind, wrong_size
from cnnlab_core.runtime.device import is_out_of_memory
from cnnlab_core.runtime.short_repr import short_repr

if TYPE_CHECKING:
    from cnnlab_core.models.own.pixels import Pixels


@short_repr
@dataclass(frozen=True)
class Stage:
    """A step from photo to network: a picture to look at, its shape (channels, height, width) and range of numbers."""

    name: str
    picture: Image.Image
    shape: tuple[int, ...]
    range: tuple[float, float]

    def _pictures(self) -> list[Image.Image]:
        return [self.picture]


@short_repr
@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A network of the registry, in eval mode, frozen and shared: never change it, never hook it.

    ``network`` takes normalised pixels; calling the model itself normalises first, so everything outside works in
    pixel space: float32 (N, 3, H, W) in [0, 1]. Gradients flow through to the input. ``quick`` is a copy of the network
    that answers in its place with the same logits but for rounding, if there is one (see ``models.folding``).
    """

    spec: ModelSpec
    weights: WeightsKind
    device: torch.device
    network: nn.Module
    categories: tuple[str, ...]
    quick: nn.Module | None = None
    held: object = None
    """What has to be there as long as the model is: of a network of one's own, its entry in the lab's table."""

    @classmethod
    def from_module(
        cls,
        module: nn.Module,
        *,
        side: int,
        channels: int = 3,
        categories: Sequence[str] | None = None,
        preprocessing: "Pixels | None" = None,
        title: str = "Your network",
    ) -> "LoadedModel":
        """A network of one's own as a model that all of ``cnnlab_core`` takes.

        The module stays as it is: its weights are copied as they are now, and the copy is in eval mode.

        Args:
            module: takes normalised pictures (N, channels, side, side) and gives logits (N, classes), on any device.
            channels: 3, or 1: then it gets the mean of red, green and blue.
            categories: the names of its classes in the order of its logits; “class 0” and so on without them.
            preprocessing: what it wants of pixels; in [0, 1] as they are, without it.

        Raises:
            InputError: a module that can't be copied or doesn't answer so, with the reason.
        """
        from cnnlab_core.models.own.network import own_of

        own = own_of(module, side=side, channels=channels, categories=categories, pixels=preprocessing, title=title)
        return own.on(own.device)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of pixels (N, 3, H, W), float32 in [0, 1]. Raises ``InputError`` for other inputs."""
        check_pixels(x)
        with self.refusing_small(x):
            return (self.quick or self.network)(self.normalise(x))

    def published(self, x: torch.Tensor) -> torch.Tensor:
        """The same by the published graph, layer by layer as maps and explanations see it: other in the last digits."""
        check_pixels(x)
        with self.refusing_small(x):
            return self.network(self.normalise(x))

    @contextmanager
    def refusing_small(self, x: torch.Tensor) -> Iterator[None]:
        """Turn the error of a layer that can't take a picture of this size into an ``InputError``."""
        try:
            yield
        except (RuntimeError, AssertionError) as error:
            own, (rows, cols) = self.spec.preprocessing.crop, x.shape[2:]
            if is_out_of_memory(error) or rows == cols == own or (min(rows, cols) > own and not self.spec.weights.held):
                raise
            raise InputError(wrong_size(self.spec, rows, cols)) from error

    @by_annotation
    def prepare(self, picture: Image.Image) -> torch.Tensor:
        """The picture resized and cropped for this model: float32 (1, 3, H, W) in [0, 1], on its device."""
        return to_tensor(crop(picture, self.spec.preprocessing)).to(self.device)

    def normalise(self, x: torch.Tensor) -> torch.Tensor:
        """(x - mean) / std per channel, what the network was trained to see."""
        mean, std = self._statistics
        return (x - mean) / std

    @by_annotation
    def top_k(self, x: torch.Tensor, k: int | None = None) -> list[Prediction]:
        """The ``k`` most probable classes of one picture (1, 3, H, W), best first: five, or all of fewer."""
        if x.ndim != 4 or x.shape[0] != 1:
            raise InputError(f"top_k takes one picture of shape (1, 3, H, W), but this has {tuple(x.shape)}.")
        with torch.no_grad():
            return top_k(
                self(x)[0].double().cpu().numpy(), self.categories, min(5, len(self.categories)) if k is None else k
            )

    def nodes(self) -> tuple[Layer, ...]:
        """The graph's nodes in forward order: name, module type, output shape, parameters, multiply-adds."""
        return layer_table(self.spec.name)

    @cached_property
    def identity(self) -> str:
        """Identifies these weights: the published file, or of random ones the first numbers drawn."""
        if self.weights == "pretrained":
            return self.spec.weights.identity
        return hashlib.sha256(next(self.network.parameters()).cpu().numpy().tobytes()).hexdigest()

    @cached_property
    def _statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        steps = self.spec.preprocessing
        with torch.inference_mode(False):  # whoever asks first: gradients have to flow through them for everybody
            mean, std = (torch.tensor(values, device=self.device) for values in (steps.mean, steps.std))
            return mean.view(1, 3, 1, 1), std.view(1, 3, 1, 1)


def resize(picture: Image.Image, steps: Preprocessing) -> Image.Image:
    """The picture with its shorter side at ``steps.resize``, antialiased."""
    return F.resize(picture.convert("RGB"), [steps.resize], InterpolationMode(steps.interpolation))


def crop(picture: Image.Image, steps: Preprocessing) -> Image.Image:
    """The centre ``steps.crop`` square of the resized picture: exactly what the network sees, 8 bits a channel."""
    return F.center_crop(resize(picture, steps), [steps.crop])


def preprocessing_stages(picture: Image.Image, steps: Preprocessing) -> list[Stage]:
    """The way of a photo into a network: original, resized, cropped, normalised.

    The normalised stage holds numbers outside [0, 1]; its picture maps their minimum..maximum to black..white.
    """
    resized, cropped = resize(picture, steps), crop(picture, steps)
    stages = [
        Stage(name, image, (3, image.height, image.width), _extremes(image))
        for name, image in (("original", picture), ("resized", resized), ("cropped", cropped))
    ]
    normalised = F.normalize(to_tensor(cropped)[0], steps.mean, steps.std)
    low, high = torch.aminmax(normalised)
    shown = F.to_pil_image((normalised - low) / (high - low).clamp(min=1e-12))
    return [*stages, Stage("normalised", shown, tuple(normalised.shape), (low.item(), high.item()))]


def _extremes(picture: Image.Image) -> tuple[float, float]:
    pixels = np.asarray(picture)
    return float(pixels.min()) / 255, float(pixels.max()) / 255
