"""How a network wants its pixels: their range, mean and deviation, and the order of the colours."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from cnnlab_core.checks import choice, fit_fields
from cnnlab_core.errors import InputError
from cnnlab_core.models.stack import Grey

Range = Literal["0..1", "-1..1", "0..255"]
Order = Literal["RGB", "BGR", "grey"]
Three = tuple[float, float, float]
RANGES: dict[str, tuple[float, float]] = {"0..1": (1, 0), "-1..1": (2, -1), "0..255": (255, 0)}
"""What pixels in [0, 1] are multiplied by, and what is added."""
ORDERS = ("RGB", "BGR", "grey")
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Pixels:
    """Pixels are brought into ``range`` and ``order``; then ``mean`` is taken away, and the rest divided by ``std``.

    Both have a number for each colour in this ``order``, in units of this ``range``; of grey the first counts.
    """

    range: Range = "0..1"
    mean: Three = (0.0, 0.0, 0.0)
    std: Three = (1.0, 1.0, 1.0)
    order: Order = "RGB"

    def __post_init__(self) -> None:
        choice("range", self.range, RANGES)
        choice("order", self.order, ORDERS)
        fit_fields(self)
        if min(self.std) <= 0:
            raise InputError(f"The deviations are divided by, so they are greater than 0, not {min(self.std):g}.")

    @property
    def statistics(self) -> tuple[Three, Three]:
        """The mean and deviation that do the same to red, green and blue in [0, 1]."""
        factor, shift = RANGES[self.range]
        mean, std = ([*values] for values in (self.mean, self.std))
        if self.order == "grey":
            mean, std = mean[:1] * 3, std[:1] * 3
        if self.order == "BGR":
            mean, std = mean[::-1], std[::-1]
        red, green, blue = ((m - shift) / factor for m in mean)
        reds, greens, blues = (s / factor for s in std)
        return (red, green, blue), (reds, greens, blues)

    def before(self, network: nn.Module) -> nn.Module:
        """The network behind what its colours need: nothing, their reverse, or their mean."""
        if self.order == "RGB":
            return network
        first = Grey() if self.order == "grey" else Reversed()
        return nn.Sequential(OrderedDict(colours=first, network=network)).eval()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """What a network gets of pixels (N, 3, H, W) in [0, 1]."""
        mean, std = (torch.tensor(values, device=x.device).view(1, 3, 1, 1) for values in self.statistics)
        return self.before(nn.Identity())((x - mean) / std)


class Reversed(nn.Module):
    """Red, green, blue to blue, green, red."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The channels of (N, 3, H, W) in the other order."""
        return x.flip(1)


USUAL: dict[str, Pixels] = {
    "0..1, mean and deviation of ImageNet": Pixels("0..1", *IMAGENET),
    "0..1": Pixels(),
    "-1..1": Pixels("-1..1"),
    "0..255": Pixels("0..255"),
    "BGR, 0..255 less 104, 117, 123": Pixels("0..255", (103.939, 116.779, 123.68), order="BGR"),
}
"""What networks for colour pictures usually want: of torchvision, plain, of TensorFlow, without scaling, of Caffe."""
USUAL_GREY: dict[str, Pixels] = {
    "0..1, mean 0.1307 and deviation 0.3081 (MNIST)": Pixels("0..1", (0.1307,) * 3, (0.3081,) * 3, "grey"),
    **{name: Pixels(name, order="grey") for name in ("0..1", "-1..1", "0..255")},
}
"""The same for networks that take one channel."""


def usual(channels: int) -> dict[str, Pixels]:
    """The usual ways for one channel or three."""
    return USUAL if channels == 3 else USUAL_GREY
