"""Deletion and insertion: does the class go when the hottest pixels go, and come when they come?

Petsiuk, Das & Saenko, "RISE", BMVC 2018, arXiv:1806.07421, section 4.2.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torchvision.transforms.functional import gaussian_blur

from cnnlab_core.checks import by_annotation, seeded, whole
from cnnlab_core.errors import InputError
from cnnlab_core.images import check_pixels
from cnnlab_core.interpretability.attribution import check_explained
from cnnlab_core.interpretability.methods import Array
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress, plainly
from cnnlab_core.runtime.short_repr import short_repr

Baseline = Literal["blurred", "grey"]
BASELINES: tuple[Baseline, ...] = ("blurred", "grey")
RANDOM = "Random order"
"""The curve to beat: pixels in an order that is drawn."""
MOST_STEPS = 500


@short_repr
@dataclass(frozen=True, eq=False)
class Curves:
    """P(class) after 0, 1, ... steps for each map: as its hottest pixels are taken away, and as they come.

    ``shares`` (steps + 1,) is how much of the picture is changed.
    """

    shares: Array
    deletion: dict[str, Array]
    insertion: dict[str, Array]

    def areas(self, which: Literal["deletion", "insertion"]) -> dict[str, float]:
        """The area under each curve, 0 to 1: of deletion low is good, of insertion high."""
        curves = self.deletion if which == "deletion" else self.insertion
        return {name: float(np.trapezoid(curve, self.shares)) for name, curve in curves.items()}


@by_annotation
def baseline_picture(x: torch.Tensor, baseline: Baseline) -> torch.Tensor:
    """What stands for nothing: an even grey of 0.5, or the picture ``x`` (1, 3, H, W) blurred by a Gaussian.

    Its deviation is a sixteenth of the picture's shorter side.
    """
    check_pixels(x)
    if baseline == "grey":
        return torch.full_like(x, 0.5)
    sigma = min(x.shape[2:]) / 16
    reach = min(int(3 * sigma), min(x.shape[2:]) - 1)  # torch mirrors the border, which goes no further
    return gaussian_blur(x, [2 * reach + 1] * 2, [sigma] * 2).clamp(0, 1)


@by_annotation
def deletion_steps(
    model: LoadedModel,
    x: torch.Tensor,
    target: int,
    maps: Mapping[str, np.ndarray],
    *,
    steps: int = 14,
    baseline: Baseline = "blurred",
    generator: torch.Generator | int = 0,
) -> Generator[Progress[None], None, Curves]:
    """The curves of maps (H, W) by name, and of ``RANDOM``, an order drawn by the ``generator``.

    A step replaces the same number of pixels, the hottest that are left, by those of the baseline (deletion), or brings
    them back into it (insertion). Equally hot ones go in reading order.

    Args:
        model: the network.
        x: the picture (1, 3, H, W) in [0, 1].
        target: the class whose probability it is.
        maps: numbers as large as the picture.
        steps: how many steps lead from the whole picture to none of it.
        baseline: see ``baseline_picture``.
        generator: or a seed.

    Raises:
        InputError: for maps of another size, and numbers out of range.
    """
    check_explained(model, x, target, most=1)
    height, width = x.shape[2:]
    steps = whole("steps", steps, least=1, most=min(MOST_STEPS, height * width))
    for name, values in maps.items():
        if np.shape(values) != (height, width):
            raise InputError(f"The map of {name} is {np.shape(values)}: make it as large as the picture.")
    drawn = seeded(generator)
    orders = {name: np.argsort(-values.ravel(), kind="stable") for name, values in maps.items()}
    orders[RANDOM] = torch.randperm(height * width, generator=drawn, device=drawn.device).cpu().numpy()
    nothing = baseline_picture(x, baseline)
    counts = np.linspace(0, height * width, steps + 1).round().astype(int)
    done, total = 0, 2 * len(orders) * (steps + 1)
    found: list[dict[str, Array]] = []
    for first, then in ((x, nothing), (nothing, x)):
        curves = {name: np.empty(steps + 1) for name in orders}
        for name, order in orders.items():
            for step, count in enumerate(counts.tolist()):
                changed = torch.zeros(height * width, dtype=torch.bool)
                changed[torch.from_numpy(order[:count])] = True
                picture = torch.where(changed.view(1, 1, height, width).to(x.device), then, first)
                with torch.no_grad():
                    curves[name][step] = model.published(picture).double().softmax(1)[0, target].item()
                done += 1
                yield Progress(done, total)
        found.append(curves)
    return Curves(counts / counts[-1], *found)


deletion = plainly(deletion_steps)


def curves_table(curves: Curves) -> str:
    """Each curve's points as CSV."""
    rows = (
        (which, name, f"{share:.6f}", f"{value:.9g}")
        for which, found in (("deletion", curves.deletion), ("insertion", curves.insertion))
        for name, values in found.items()
        for share, value in zip(curves.shares, values, strict=True)
    )
    return csv_table(("curve", "map", "share_of_pixels", "probability"), rows)
