"""What a model is, as data: enough to build it, find its weights, and tell people about it. Needs no torch."""

from dataclasses import dataclass, field
from typing import Literal

WeightsKind = Literal["pretrained", "random"]
WEIGHTS_KINDS: tuple[WeightsKind, ...] = ("pretrained", "random")


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes the network's input: shorter side to ``resize``, centre ``crop``, (x - mean) / std."""

    resize: int = 256
    crop: int = 224
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class WeightsFile:
    """A checkpoint: where it comes from and how its keys become the network's.

    ``sha256`` is the digest or its first characters (torch's hub writes eight into the file's name); None means
    that the publisher's own digest, sent along with a download, is the only one known. ``package`` names the
    installed package that carries the file, ``folder`` the one place of a network that was trained here; one that is
    ``shipped`` lies among the lab's own networks, one that is ``held`` is in memory, for as long as its owner has it.
    ``inner`` is the key under which a checkpoint keeps the weights, ``prefix`` the only part of those keys that belongs
    to the network, ``drop`` keys of parts that aren't used for classification, ``rename`` regular-expression
    replacements for keys written by older torch versions.
    """

    file: str
    megabytes: float
    sha256: str | None
    url: str = ""
    package: str = ""
    folder: str = ""
    shipped: bool = False
    held: bool = False
    inner: str = ""
    prefix: str = ""
    drop: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()

    @property
    def identity(self) -> str:
        """Identifies these weights without reading them."""
        return f"{self.file} {self.sha256}"


@dataclass(frozen=True)
class ModelSpec:
    """One row of the zoo. ``builder`` is ``module:function``; ``top1`` the accuracy in percent as ``measured``."""

    name: str
    title: str
    builder: str
    weights: WeightsFile
    parameters: int
    top1: float
    licence: str
    source: str
    about: str
    options: tuple[tuple[str, object], ...] = ()
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    measured: str = "on ImageNet, as published"
    classes: tuple[str, ...] = ()
    """The names of the classes in the order of the logits; empty means ImageNet's thousand."""


def wrong_size(spec: ModelSpec, rows: int, cols: int) -> str:
    """The sentence for pictures of a size that a network can't take."""
    crop = spec.preprocessing.crop
    if min(rows, cols) < crop:
        return f"Pictures of {rows} × {cols} are too small for {spec.title}. Use at least {crop} × {crop}."
    return f"{spec.title} can't take pictures of {rows} × {cols}. Use {crop} × {crop}."
