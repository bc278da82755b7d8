"""The networks to train, and how their weights begin."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn

from cnnlab_core.errors import InputError
from cnnlab_core.models.stack import MOST_FILTERS, Row, build_layers, map_sides, read_stack
from cnnlab_core.training.config import Init

MOST_PARAMETERS = 30_000_000
MOST_MULTIPLY_ADDS = 3_000_000_000
"""For one picture: 20 times the homework network's."""

STACKS = {
    "homework": "c64k11p5,relu,m2s2,c128k3p1,relu,c128k3p1,relu",
    "homework_bn": "c64k11p5,norm,relu,m2s2,c128k3p1,norm,relu,c128k3p1,norm,relu",
    "glass_digits": "grey,c8k5,norm,relu,m2s2,c16k5,norm,relu,m2s2,c16k3,norm,relu",
    "glass_cifar10": "c16k3p1,norm,relu,c16k3p1,norm,relu,m2s2,c16k3p1,norm,relu,c16k3p1,norm,relu,m2s2,"
    "c16k3p1,norm,relu,c16k3p1,norm,relu",
}


def build_net(net: str, classes: int, side: int, stack: str = "") -> nn.Module:
    """The network called ``net`` for pictures (N, 3, side, side), normalised; gives logits (N, classes).

    Raises ``InputError`` for an unknown name and for a stack that can't be trained (see ``check_stack``).
    """
    if net == "deeper":
        if side < 16:
            raise InputError(f"The network “deeper” halves its map three times; pictures of {side} are too small.")
        return Deeper(classes)
    if net == "airbench":
        if side < 9:
            raise InputError(f"The network “airbench” halves its map three times; pictures of {side} are too small.")
        return Airbench(classes)
    if net not in STACKS and net != "stack":
        choices = ", ".join([*STACKS, "deeper", "airbench", "stack"])
        raise InputError(f"There is no network “{net[:40]}”. Choose one of {choices}.")
    rows = read_stack(STACKS.get(net, stack))
    check_stack(rows, side)
    return build_stack(rows, classes)


def check_stack(rows: Sequence[Row], side: int) -> None:
    """Raise ``InputError`` for rows that can't be trained on pictures ``side`` × ``side``: it says what to change."""
    channels, parameters, multiply_adds = 3, 0, 0
    for number, (row, length) in enumerate(zip(rows, map_sides(rows, side), strict=True), 1):
        if row.kind == "grey":
            channels = 1
        if row.kind != "convolution":
            continue
        if not 1 <= row.filters <= MOST_FILTERS:
            raise InputError(f"Row {number} has {row.filters or 'no'} filters. Make it 1 to {MOST_FILTERS}.")
        weights = row.filters * channels * row.kernel**2
        parameters += weights
        multiply_adds += weights * length**2
        channels = row.filters
    if not parameters:
        raise InputError("The network has no convolution, so there is nothing for it to see with. Add one.")
    for what, count, most in (
        ("weights", parameters, MOST_PARAMETERS),
        ("multiplications for one picture", multiply_adds, MOST_MULTIPLY_ADDS),
    ):
        if count > most:
            raise InputError(
                f"This network has {count / 1e6:.0f} million {what}, more than {most / 1e6:.0f} million. "
                "Use fewer filters, smaller kernels, or pool earlier."
            )


def build_stack(rows: Sequence[Row], classes: int) -> nn.Sequential:
    """The network of checked rows; it ends with the average over the map and a dense layer to the classes."""
    network = build_layers(rows)
    network.add_module("average", nn.AdaptiveAvgPool2d(1))
    network.add_module("flatten", nn.Flatten())
    filters = [row.filters for row in rows if row.kind == "convolution"]
    network.add_module("classifier", nn.Linear(filters[-1], classes))
    return network


class Deeper(nn.Module):
    """A small residual network: a 3 × 3 stem and three groups, each a convolution, max pooling and a residual block.

    Its proportions follow Keller Jordan's airbench (2024, arXiv:2404.00498): pool right behind the first convolution
    of a group, few wide layers, everything 3 × 3. 3.6 million weights for ten classes.
    """

    def __init__(self, classes: int, widths: tuple[int, ...] = (64, 128, 256, 256)) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, widths[0]), nn.BatchNorm2d(widths[0]), nn.ReLU())
        groups = itertools.pairwise(widths)
        self.groups = nn.Sequential(*(_group(before, after) for before, after in groups))
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes)."""
        x = self.groups(self.stem(x))
        return self.classifier(self.flatten(self.average(x)))


class Residual(nn.Module):
    """x + (two convolutions of x), He et al. 2015, arXiv:1512.03385."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.norm1, self.relu1 = _conv(channels, channels), nn.BatchNorm2d(channels), nn.ReLU()
        self.conv2, self.norm2, self.relu2 = _conv(channels, channels), nn.BatchNorm2d(channels), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape as ``x``."""
        y = self.relu1(self.norm1(self.conv1(x)))
        return x + self.relu2(self.norm2(self.conv2(y)))


class Airbench(nn.Module):
    """Keller Jordan's network for CIFAR-10 (2024, arXiv:2404.00498): quick to learn, with two million weights.

    A layer of 2 × 2 that is there to whiten (see ``whiten``), three groups of two convolutions with GELU, the largest
    value of each map, and logits that are scaled down. Norms have biases and no weights.
    """

    def __init__(self, classes: int, widths: tuple[int, ...] = (64, 256, 256)) -> None:
        super().__init__()
        self.whiten, self.gelu = nn.Conv2d(3, 24, 2), nn.GELU()
        self.groups = nn.Sequential(*(AirbenchGroup(*pair) for pair in itertools.pairwise((24, *widths))))
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(widths[-1], classes, bias=False)
        self.scale = Scale(1 / 9)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes)."""
        x = self.groups(self.gelu(self.whiten(x)))
        return self.scale(self.classifier(self.flatten(self.pool(x))))


class AirbenchGroup(nn.Module):
    """Two convolutions, of which the first is followed by max pooling; each with a norm and GELU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1, self.pool = _conv(before, after), nn.MaxPool2d(2)
        self.norm1, self.gelu1 = _bias_norm(after), nn.GELU()
        self.conv2, self.norm2, self.gelu2 = _conv(after, after), _bias_norm(after), nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Half the side, ``after`` channels."""
        x = self.gelu1(self.norm1(self.pool(self.conv1(x))))
        return self.gelu2(self.norm2(self.conv2(x)))


class Scale(nn.Module):
    """x times a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape as ``x``."""
        return x * self.factor


def _bias_norm(channels: int) -> nn.BatchNorm2d:
    """A norm without learned weights, whose statistics follow quickly: a short training has few steps."""
    norm = nn.BatchNorm2d(channels, momentum=0.4)
    norm.weight.requires_grad_(False)
    return norm


def _group(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(_conv(before, after), nn.MaxPool2d(2, 2), nn.BatchNorm2d(after), nn.ReLU(), Residual(after))


def _conv(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1, bias=False)


@torch.no_grad()
def initialise(network: nn.Module, how: Init, generator: torch.Generator) -> None:
    """Set every weight of a fresh network: convolutions and dense layers by ``how``, biases 0, norms 1 and 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            _begin(module.weight, how, generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.reset_parameters()


def _begin(weight: torch.Tensor, how: Init, generator: torch.Generator) -> None:
    match how:
        case "he":
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
        case "xavier":
            nn.init.xavier_uniform_(weight, generator=generator)
        case "orthogonal":
            nn.init.orthogonal_(weight, gain=math.sqrt(2), generator=generator)
        case "dirac":
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
            if weight.ndim == 4:
                nn.init.dirac_(weight[: weight.shape[1]])
        case "small":
            weight.normal_(0.0, 0.01, generator=generator)
        case "zeros":
            weight.zero_()


WHITENED_BY = 2000
"""Pictures whose patches the first layer is to whiten."""
_LEAST_VARIANCE = 5e-4
"""Added to each variance, as in airbench: where patches hardly differ, noise would be blown up."""
_AT_ONCE = 100


@torch.no_grad()
def whiten(network: nn.Module, normalised: torch.Tensor) -> None:
    """Set the first convolution so that patches of pictures (N, 3, H, W) come out uncorrelated, and freeze it.

    Its filters are the eigenvectors of the patches' covariance, each over the square root of its eigenvalue, those of
    the largest first, and then the same with the other sign, since an activation cuts off what is below 0
    (Jordan 2024, arXiv:2404.00498). If there are more filters than that, the others stay as they began.
    ``network`` is in eval mode.
    """
    x, layers = normalised, (layer for layer in network.modules() if not any(layer.children()))
    while not isinstance(layer := next(layers), nn.Conv2d):
        x = layer(x)
    values, vectors = torch.linalg.eigh(_patch_covariance(x, layer))
    filters = (vectors / (values + _LEAST_VARIANCE).sqrt()).T.flip(0)[: -(-len(layer.weight) // 2)]
    both = torch.cat([filters, -filters])[: len(layer.weight)]
    layer.weight[: len(both)] = both.view(-1, *layer.weight.shape[1:])
    layer.weight.requires_grad_(False)


def _patch_covariance(x: torch.Tensor, layer: nn.Conv2d) -> torch.Tensor:
    """Of what a filter of the layer sees within pictures, float64 on the CPU, square."""
    size = layer.weight[0].numel()
    count, total, products = 0, torch.zeros(size, dtype=torch.float64), torch.zeros(size, size, dtype=torch.float64)
    for part in x.split(_AT_ONCE):
        patches = nn.functional.unfold(part, layer.kernel_size, layer.dilation).transpose(0, 1).flatten(1).cpu()
        count += patches.shape[1]
        total += patches.sum(1)
        products += patches @ patches.T
    mean = total / count
    return products / count - mean.outer(mean)
