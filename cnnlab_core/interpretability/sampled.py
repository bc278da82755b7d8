"""Attributions that are means over random views of a picture: SmoothGrad and RISE, as generators of steps."""

from collections.abc import Generator

import torch
from torch.nn import functional as F

from cnnlab_core.attacks.inputs import Classes
from cnnlab_core.checks import by_annotation, seeded, whole
from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.attribution import MOST_AT_ONCE, check_explained, logit_gradient, logits_at
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import Progress, plainly

MOST_VIEWS = 10_000


@by_annotation
def smooth_grad_steps(
    model: LoadedModel,
    x: torch.Tensor,
    target: Classes,
    *,
    draws: int = 25,
    noise: float = 0.15,
    generator: torch.Generator | int = 0,
) -> Generator[Progress[None], None, torch.Tensor]:
    """SmoothGrad (Smilkov et al. 2017, arXiv:1706.03825): the mean gradient of a logit over noisy pictures.

    All pictures of a batch get the same noise.

    Args:
        model: the network.
        x: the pictures (N, 3, H, W) in [0, 1].
        target: the class whose logit it is, for all or (N,).
        draws: how many noisy pictures.
        noise: the standard deviation of the noise, in pixel units; noisy pictures are clipped to [0, 1].
        generator: draws the noise, or a seed.

    Returns:
        The gradients' mean (N, 3, H, W), signed.

    Raises:
        InputError: for numbers out of range.
    """
    classes = check_explained(model, x, target)
    draws = whole("draws", draws, least=1, most=MOST_VIEWS)
    if not 0 <= noise <= 1:
        raise InputError(f"The noise is a standard deviation from 0 to 1, black to white, but is {noise:g}.")
    generator, total = seeded(generator), torch.zeros_like(x)
    for done in range(1, draws + 1):
        drawn = torch.randn(x.shape[1:], generator=generator, device=generator.device).to(x)
        total += logit_gradient(model, (x.detach() + noise * drawn).clamp(0, 1), classes)
        yield Progress(done, draws)
    return total / draws


smooth_grad = plainly(smooth_grad_steps)


@by_annotation
def rise_steps(
    model: LoadedModel,
    x: torch.Tensor,
    target: Classes,
    *,
    masks: int = 500,
    cells: int = 7,
    keep: float = 0.5,
    batch: int = 1,
    generator: torch.Generator | int = 0,
) -> Generator[Progress[None], None, torch.Tensor]:
    """RISE (Petsiuk et al. 2018, arXiv:1806.07421, eq. 6): the mean of random masks, each times P(class | x mask).

    It asks for answers only. The mean is divided by ``keep``, the mean of a mask. All pictures get the same masks.

    Args:
        model: the network.
        x: the pictures (N, 3, H, W) in [0, 1].
        target: the class, for all or (N,).
        masks: how many of them.
        cells: of a mask's grid, along each side.
        keep: the chance of a cell to be seen, between 0 and 1.
        batch: how many masks the network is asked about at once.
        generator: draws the masks, or a seed.

    Returns:
        One number per pixel (N, 1, H, W), not negative.

    Raises:
        InputError: for numbers out of range.
    """
    classes = check_explained(model, x, target)
    masks = whole("masks", masks, least=1, most=MOST_VIEWS)
    batch = whole("batch", batch, least=1, most=MOST_AT_ONCE)
    generator, total = seeded(generator), torch.zeros_like(x[:, :1])
    for start in range(0, masks, batch):
        few = range(start, min(start + batch, masks))
        drawn = torch.cat([rise_mask(x.shape[2], x.shape[3], cells, keep, generator) for _ in few]).to(x)
        with torch.no_grad():
            masked = (x * drawn[:, None]).flatten(0, 1)
            says = logits_at(model.published(masked).softmax(1).unflatten(0, (len(few), len(x))), classes)
        total += torch.einsum("mn,mchw->nchw", says, drawn)
        yield Progress(few.stop, masks)
    return total / (masks * keep)


rise = plainly(rise_steps)


@by_annotation
def rise_mask(height: int, width: int, cells: int, keep: float, generator: torch.Generator | int) -> torch.Tensor:
    """A mask (1, 1, height, width) in [0, 1]: a grid of 0 and 1, enlarged smoothly by one cell more than the picture
    takes and cut out at random (section 3.2). Raises ``InputError`` for impossible numbers."""
    cells = whole("cells", cells, least=1, most=max(1, min(height, width)))
    if not 0 < keep < 1:
        raise InputError(f"A cell is seen with a chance between 0 and 1, not {keep:g}.")
    generator = seeded(generator)
    rows, columns = -(-height // cells), -(-width // cells)
    place = torch.rand(2, generator=generator, device=generator.device).tolist()
    grid = (torch.rand(1, 1, cells, cells, generator=generator, device=generator.device) < keep).float()
    large = F.interpolate(grid, ((cells + 1) * rows, (cells + 1) * columns), mode="bilinear", align_corners=False)
    top, left = int(place[0] * rows), int(place[1] * columns)
    return large[..., top : top + height, left : left + width]
