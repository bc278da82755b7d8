"""What happens to pictures in the world: mirrored, cropped, compressed, ... Each with one strength and a gradient.

Two uses. The robustness lab asks what survives *exactly this* strength: ``transform(x, strength)``. An attack by
expectation over transforms (EOT; Athalye et al. 2017, arXiv:1707.07397, eq. 2) averages gradients over *random*
instances up to a strength: ``transform.sample(x, generator, strength)``.

Gradients reach the picture through all of them. JPEG and bit depth round, so their true gradient is zero nearly
everywhere; they are real in the forward pass and the identity in the backward pass (BPDA; Athalye et al. 2018,
arXiv:1802.00420, section 4.1.1). Where a transform shows what lies outside the picture, there is mid-grey.
"""

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from cnnlab_core.errors import InputError
from cnnlab_core.images import check_pixels, to_picture, to_tensor

GREY = 128 / 255
"""What lies outside a picture: a byte, and near every network's mean, so that the network sees about nothing there."""

Change = Callable[[torch.Tensor, float, torch.Generator | None], torch.Tensor]


@dataclass(frozen=True)
class Transform:
    """One row of the table; call it with pixels.

    ``strength`` runs from ``low`` to ``high`` (whole numbers only where ``whole``), in ``unit``; ``written`` puts
    it into words. At ``identity`` nothing changes; JPEG does the least that it can there, and bit depth nothing to
    8-bit pictures. ``both_ways`` says that random instances lie on both sides of it, ``drawn`` that a strength leaves
    something open. ``straight_through`` tells that the backward pass is the identity. ``change`` is the function behind
    it, which checks nothing.
    """

    name: str
    title: str
    about: str
    change: Change
    low: float
    high: float
    step: float
    default: float
    identity: float
    unit: str
    written: Callable[[float], str]
    whole: bool = False
    both_ways: bool = False
    drawn: bool = False
    straight_through: bool = False

    def __call__(
        self, x: torch.Tensor, strength: float | None = None, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Pixels (N, 3, H, W), float32 in [0, 1], at exactly this strength (``default`` if None): a new tensor alike.

        A strength may leave something open (``drawn``): the noise's pattern, the crop's place, the direction of a
        translation.
        Without a ``generator`` these are the same each time (noise of seed 0, the middle, to the right); with one
        they are drawn, once for all N, so that pictures side by side meet the same. Raises ``InputError``.
        """
        check_pixels(x)
        return self.change(x, self.check(strength), generator)

    def sample(self, x: torch.Tensor, generator: torch.Generator, strength: float | None = None) -> torch.Tensor:
        """A random instance for EOT, up to ``strength``: each of the N pictures gets a draw of its own.

        The strength is drawn by ``draw``, and what it leaves open is drawn too. Raises ``InputError``.
        """
        check_pixels(x)
        return torch.cat([self.change(one, self.draw(generator, strength), generator) for one in x.split(1)])

    def draw(self, generator: torch.Generator, strength: float | None = None) -> float:
        """A strength at random, uniform from ``identity`` to ``strength``; where ``both_ways``, as far on both sides.

        Rotation by 30° draws from -30° to 30°, brightness of 70 % from 70 % to 130 %, JPEG at 40 from 40 to 100.
        """
        reach = self.check(strength) - self.identity
        start, end = sorted((-reach if self.both_ways else 0.0, reach))
        if self.whole:
            step = torch.randint(int(start), int(end) + 1, (), generator=generator, device=generator.device).item()
        else:
            step = start + (end - start) * _uniform(generator)
        return min(max(self.identity + step, self.low), self.high)

    def on_picture(
        self, picture: Image.Image, strength: float | None = None, generator: torch.Generator | None = None
    ) -> Image.Image:
        """An 8-bit picture, transformed and rounded to 8 bits again: what is shown and kept of a result."""
        return to_picture(self(to_tensor(picture), strength, generator))

    def check(self, strength: float | None) -> float:
        """The strength as a number, ``default`` for None. Raises ``InputError`` unless it is in the range."""
        if strength is None:
            return self.default
        try:
            value = float(strength)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        if not self.low <= value <= self.high or (self.whole and not value.is_integer()):
            numbers = "whole numbers" if self.whole else "numbers"
            raise InputError(
                f"“{self.title}” takes {numbers} from {self.low:g} to {self.high:g} ({self.unit}), not {strength}."
            )
        return value

    def sweep(self, count: int = 11, reach: float = math.inf) -> tuple[float, ...]:
        """At most ``count`` strengths, evenly on multiples of ``step``: the places of a curve.

        They lie over the range, as far as it is within ``reach`` of ``identity``.
        """
        if count < 2 or not reach >= self.step:
            raise InputError(
                f"A sweep takes at least 2 strengths, not {count}, and reaches {self.step:g} or further, not {reach:g}."
            )
        first, last = (
            round((min(max(self.identity + way, self.low), self.high) - self.low) / self.step)
            for way in (-reach, reach)
        )
        places = torch.linspace(first, last, min(count, last - first + 1), dtype=torch.float64).round().tolist()
        return tuple(round(self.low + self.step * place, 9) for place in places)

    def label(self, strength: float | None = None) -> str:
        """The transform and its strength in words, such as “Rotate: 30°”."""
        return f"{self.title}: {self.written(self.check(strength))}"


def find_transform(name: str) -> Transform:
    """The transform called ``name``. Raises ``InputError`` that lists the names there are."""
    if name not in TRANSFORMS:
        raise InputError(f"There is no transform called “{name}”. Choose one of: {', '.join(TRANSFORMS)}.")
    return TRANSFORMS[name]


def with_strength(wanted: object) -> tuple[Transform, float]:
    """A transform, or its name, and its strength: of one given alone, its default. Raises ``InputError``."""
    found, strength = wanted if isinstance(wanted, tuple | list) and len(wanted) == 2 else (wanted, None)
    if isinstance(found, str):
        found = find_transform(found)
    if not isinstance(found, Transform):
        raise InputError(
            f"“{str(wanted)[:60]}” isn't a transform. Give one by its name or as find_transform returns it, alone or "
            "with a strength: (“rotate”, 30)."
        )
    return found, found.check(strength)


def _mirror(x: torch.Tensor, strength: float, _: torch.Generator | None) -> torch.Tensor:
    return F.horizontal_flip(x) if strength else x.clone()


def _crop(x: torch.Tensor, strength: float, generator: torch.Generator | None) -> torch.Tensor:
    height, width = x.shape[2:]
    rows, columns = _percent(x, strength)
    down, right = (_uniform(generator), _uniform(generator)) if generator else (0.5, 0.5)
    top, left = round(down * (height - rows)), round(right * (width - columns))
    return _without_dust(F.resized_crop(x, top, left, rows, columns, [height, width], antialias=True))


def _rotate(x: torch.Tensor, strength: float, _: torch.Generator | None) -> torch.Tensor:
    return _over_grey(x, lambda picture: F.rotate(picture, strength, InterpolationMode.BILINEAR))


def _grayscale(x: torch.Tensor, strength: float, _: torch.Generator | None) -> torch.Tensor:
    return torch.lerp(x, F.rgb_to_grayscale(x, num_output_channels=3), strength / 100)


def _resize(x: torch.Tensor, strength: float, _: torch.Generator | None) -> torch.Tensor:
    small = F.resize(x, _percent(x, strength), antialias=True)
    return _without_dust(F.resize(small, list(x.shape[2:]), antialias=True))


def _blur(x: torch.Tensor, strength: float, _: torch.Generator | None) -> torch.Tensor:
    if strength < 0.1:  # a neighbour weighs less than e^-50: nothing in float32, and sigma = 0 would be NaN
        return x.clone()
    # Up to 3 sigma to each side, but no further than the edges can be mirrored. First down, then across: same
    # result as one square kernel, at a fraction of the work.
    rows, columns = (2 * min(math.ceil(3 * strength), side - 1) + 1 for side in x.shape[2:])
    down = F.gaussian_blur(x, [1, rows], [strength, strength])
    return _without_dust(F.gaussian_blur(down, [columns, 1], [strength, strength]))


def _jpeg(x: torch.Tensor, strength: float, _: torch.Generator | None) -> torch.Tensor:
    decoded = []
    for picture in x.split(1):
        file = io.BytesIO()
        to_picture(picture).save(file, "JPEG", quality=int(strength))
        decoded.append(to_tensor(Image.open(file)))
    return _straight_through(torch.cat(decoded).to(x), x)


def _bit_depth(x: torch.Tensor, strength: float, _: torch.Generator | None) -> torch.Tensor:
    highest = 2**strength - 1
    return _straight_through(x.detach().mul(highest).round().div(highest), x)


def _brightness(x: torch.Tensor, strength: float, _: torch.Generator | None) -> torch.Tensor:
    return F.adjust_brightness(x, strength / 100)


def _noise(x: torch.Tensor, strength: float, generator: torch.Generator | None) -> torch.Tensor:
    generator = generator or torch.Generator().manual_seed(0)
    noise = torch.randn((1, *x.shape[1:]), generator=generator, device=generator.device)
    return (x + strength / 255 * noise.to(x)).clamp(0, 1)


def _translate(x: torch.Tensor, strength: float, generator: torch.Generator | None) -> torch.Tensor:
    angle = 2 * math.pi * _uniform(generator) if generator else 0.0
    places = (strength * math.sin(angle), strength * math.cos(angle))
    # No further than out of sight: F.crop is wrong beyond.
    down, right = (round(min(max(place, -side), side)) for place, side in zip(places, x.shape[2:], strict=True))
    return _over_grey(x, lambda picture: F.crop(picture, -down, -right, *x.shape[2:]))


def _percent(x: torch.Tensor, percent: float) -> list[int]:
    """So much of the height and width, in whole pixels."""
    return [max(1, round(side * percent / 100)) for side in x.shape[2:]]


def _over_grey(x: torch.Tensor, move: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """The moved picture on a mid-grey ground; ``move`` fills with zeros. (torchvision's own fill darkens the rim.)"""
    covered = move(x.new_ones(1, 1, *x.shape[2:]))
    return _without_dust(move(x) + GREY * (1 - covered))


def _without_dust(x: torch.Tensor) -> torch.Tensor:
    """Weighted means of pixels miss [0, 1] by float error: clipped, but a white pixel keeps its gradient."""
    return _straight_through(x.detach().clamp(0, 1), x)


def _straight_through(value: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """``value`` exactly, with the gradient of ``x``."""
    return value + (x - x.detach())


def _uniform(generator: torch.Generator) -> float:
    return torch.rand((), generator=generator, device=generator.device, dtype=torch.float64).item()


TRANSFORMS: Mapping[str, Transform] = MappingProxyType(
    {
        transform.name: transform
        for transform in (
            Transform(
                "mirror", "Mirror", "Left and right change places.", _mirror,
                low=0, high=1, step=1, default=1, identity=0, unit="0 is off, 1 is on",
                written=lambda strength: "on" if strength else "off", whole=True,
            ),
            Transform(
                "crop", "Crop", "Only a part is kept and enlarged to the picture's size: bilinear, antialiased.", _crop,
                low=20, high=100, step=1, default=80, identity=100, unit="% of each side", written="{:g} %".format,
                drawn=True,
            ),
            Transform(
                "rotate", "Rotate", "Turned about the middle, counter-clockwise; bilinear. Empty corners are mid-grey.",
                _rotate,
                low=-180, high=180, step=1, default=30, identity=0, unit="degrees", written="{:g}°".format,
                both_ways=True,
            ),
            Transform(
                "grayscale", "Grayscale", "The brightness that eyes see (0.299 R + 0.587 G + 0.114 B) in all three "
                "channels; below 100 %, some colour is left.", _grayscale,
                low=0, high=100, step=1, default=100, identity=0, unit="% of the colour taken", written="{:g} %".format,
            ),
            Transform(
                "resize", "Resize", "Made smaller, then as large as before: bilinear, antialiased. Fine detail goes.",
                _resize,
                low=5, high=100, step=1, default=50, identity=100, unit="% of each side", written="{:g} %".format,
            ),
            Transform(
                "blur", "Blur", "Gaussian blur; the edges are mirrored.", _blur,
                low=0, high=8, step=0.1, default=1.5, identity=0, unit="sigma in pixels", written="{:g} px".format,
            ),
            Transform(
                "jpeg", "JPEG", "Saved as a JPEG file of this quality and opened again. Even at 100 it rounds, and "
                "four pixels share a colour.", _jpeg,
                low=1, high=100, step=1, default=50, identity=100, unit="quality", written="quality {:g}".format,
                whole=True, straight_through=True,
            ),
            Transform(
                "bit_depth", "Bit depth", "Each channel rounded to so many bits: 2 to the power of bits levels, black "
                "and white among them. 8 is what a picture file holds.", _bit_depth,
                low=1, high=8, step=1, default=4, identity=8, unit="bits per channel", written="{:g} bits".format,
                whole=True, straight_through=True,
            ),
            Transform(
                "brightness", "Brightness", "Every value times a factor, clipped at white.", _brightness,
                low=0, high=200, step=5, default=70, identity=100, unit="% of the light", written="{:g} %".format,
                both_ways=True,
            ),
            Transform(
                "noise", "Noise", "Gaussian noise on every value, clipped at black and white.", _noise,
                low=0, high=128, step=1, default=16, identity=0, unit="sigma in 1/255", written="{:g}/255".format,
                drawn=True,
            ),
            Transform(
                "translate", "Translate", "Moved to the right, or to the left if negative. What comes in is mid-grey.",
                _translate,
                low=-64, high=64, step=1, default=8, identity=0, unit="pixels", written="{:g} px".format,
                whole=True, both_ways=True, drawn=True,
            ),
        )
    }
)  # fmt: skip
"""All transforms by name, in the order shown. Do they undo an attack? Compression: Dziugaite et al. 2016,
arXiv:1608.00853; bit depth: Xu et al. 2017, arXiv:1704.01155; photographed prints: Kurakin et al. 2016,
arXiv:1607.02533; crops and more: Guo et al. 2018, arXiv:1711.00117."""
