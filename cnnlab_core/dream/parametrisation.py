"""What an optimiser moves, and the picture that results: pixels, or Lucid's Fourier coefficients.

In both, a sigmoid keeps colours within (0, 1), so that no step can leave the range.
"""

from typing import Protocol

import torch

_NEAREST = 1 / 512
"""A photo's black and white start half a byte inside the range: a sigmoid never quite reaches 0 or 1."""

# The square root of the covariance of colours over ImageNet, as Lucid has it (lucid/optvis/param/color.py), divided by
# its largest column: moving one coefficient moves the three colours as photos do.
_COLOURS = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], dtype=torch.float64)
COLOURS = _COLOURS / torch.linalg.vector_norm(_COLOURS, dim=0).max()
"""(RGB, decorrelated)."""


class Parametrisation(Protocol):
    """``parameters`` are the leaves to optimise; ``image()`` is the picture (N, 3, H, W) in (0, 1) they stand for."""

    parameters: list[torch.Tensor]

    def image(self) -> torch.Tensor: ...

    def to(self, device: torch.device) -> None: ...


class Pixels:
    """Each pixel's colour, before the sigmoid."""

    def __init__(self, colours: torch.Tensor) -> None:
        self.parameters = [colours]  # (N, 3, H, W)

    @classmethod
    def of(cls, start: torch.Tensor) -> "Pixels":
        """Begin at pictures (N, 3, H, W) in [0, 1]; their extremes are moved in by 1/512."""
        return cls(_before_sigmoid(start))

    @classmethod
    def noise(cls, shape: tuple[int, int, int], generator: torch.Generator, sd: float = 0.01) -> "Pixels":
        """Grey with normal noise of deviation ``sd`` before the sigmoid; ``shape`` is (N, H, W)."""
        count, height, width = shape
        noise = torch.randn(count, 3, height, width, generator=generator, device=generator.device)
        return cls(sd * noise)

    def image(self) -> torch.Tensor:
        """The picture."""
        return torch.sigmoid(self.parameters[0])

    def to(self, device: torch.device) -> None:
        """Move to a device, before anything is optimised."""
        self.parameters = [self.parameters[0].to(device)]


class Fourier:
    """The picture's spectrum, each frequency divided by its size, in decorrelated colours.

    A step of the same length in every coefficient then changes a picture as photos differ from each other: mostly in
    the coarse, and in all colours at once (Lucid's ``fft_image`` and ``to_valid_rgb(decorrelate=True)``; Olah,
    Mordvintsev & Schubert 2017, doi.org/10.23915/distill.00007, "Preconditioning").
    """

    _SIZE = 4.0  # Lucid's constant; it keeps the first steps out of the sigmoid's flat ends

    def __init__(self, spectrum: torch.Tensor, size: tuple[int, int]) -> None:
        self.parameters = [spectrum]  # (N, 3, H, W // 2 + 1, 2): real and imaginary parts
        self._size = size
        self._scale = _frequency_scale(size).to(spectrum.device)
        self._colours = COLOURS.float().to(spectrum.device)

    @classmethod
    def noise(cls, shape: tuple[int, int, int], generator: torch.Generator, sd: float = 0.01) -> "Fourier":
        """Normal coefficients of deviation ``sd``: clouds of all sizes, nearly grey; ``shape`` is (N, H, W)."""
        count, height, width = shape
        half = (count, 3, height, width // 2 + 1, 2)
        return cls(sd * torch.randn(half, generator=generator, device=generator.device), (height, width))

    @classmethod
    def of(cls, start: torch.Tensor) -> "Fourier":
        """Begin at pictures (N, 3, H, W) in [0, 1]; their extremes are moved in by 1/512."""
        size = (start.shape[2], start.shape[3])
        back = torch.linalg.inv(COLOURS).float().to(start.device)
        colours = torch.einsum("dc,nchw->ndhw", back, _before_sigmoid(start)) * cls._SIZE
        spectrum = torch.fft.rfft2(colours, norm="ortho") / _frequency_scale(size).to(start.device)
        return cls(torch.view_as_real(spectrum).contiguous(), size)

    def image(self) -> torch.Tensor:
        """The picture."""
        spectrum = torch.view_as_complex(self.parameters[0]) * self._scale
        colours = torch.fft.irfft2(spectrum, s=self._size, norm="ortho") / self._SIZE
        return torch.sigmoid(torch.einsum("cd,ndhw->nchw", self._colours, colours))

    def to(self, device: torch.device) -> None:
        """Move to a device, before anything is optimised."""
        self.parameters = [self.parameters[0].to(device)]
        self._scale, self._colours = self._scale.to(device), self._colours.to(device)


def _frequency_scale(size: tuple[int, int]) -> torch.Tensor:
    """1 / frequency for the half spectrum, (H, W // 2 + 1); the mean counts as the lowest frequency there is."""
    height, width = size
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    return 1 / frequency.clamp(min=1 / max(height, width))


def _before_sigmoid(x: torch.Tensor) -> torch.Tensor:
    return torch.logit(x.detach().clone(), eps=_NEAREST)
