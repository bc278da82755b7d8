"""A model that is ready to use: pixels in [0, 1] go in, logits come out."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

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
from cnnlab_core.models.spec import ModelSpec, Preprocessing, WeightsKind


@dataclass(frozen=True)
class Stage:
    """A step from photo to network: a picture to look at, its shape (channels, height, width) and range of numbers."""

    name: str
    picture: Image.Image
    shape: tuple[int, ...]
    range: tuple[float, float]


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
        """Turn the error of a layer that finds nothing left of a small picture into an ``InputError``."""
        try:
            yield
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            smallest = self.spec.preprocessing.crop
            if min(x.shape[2:]) >= smallest:
                raise
            raise InputError(
                f"Pictures of {x.shape[2]} × {x.shape[3]} are too small for {self.spec.title}. "
                f"Use at least {smallest} × {smallest}."
            ) from error

    @by_annotation
    def prepare(self, picture: Image.Image) -> torch.Tensor:
        """The picture resized and cropped for this model: float32 (1, 3, H, W) in [0, 1], on its device."""
        return to_tensor(crop(picture, self.spec.preprocessing)).to(self.device)

    def normalise(self, x: torch.Tensor) -> torch.Tensor:
        """(x - mean) / std per channel, what the network was trained to see."""
        mean, std = self._statistics
        return (x - mean) / std

    @by_annotation
    def top_k(self, x: torch.Tensor, k: int = 5) -> list[Prediction]:
        """The ``k`` most probable classes of one picture (1, 3, H, W), most probable first."""
        if x.ndim != 4 or x.shape[0] != 1:
            raise InputError(f"top_k takes one picture of shape (1, 3, H, W), but this has {tuple(x.shape)}.")
        with torch.no_grad():
            return top_k(self(x)[0].double().cpu().numpy(), self.categories, k)

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
