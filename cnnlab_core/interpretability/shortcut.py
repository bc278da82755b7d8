"""The planted shortcut: a network reads a mark in the corner; which explanation says so?

The pointing game is Zhang et al.'s (2016, arXiv:1608.00507); the trial with something planted, whose place is known, is
that of Adebayo et al. (2020, arXiv:2011.05429) and Yang & Kim (2019, arXiv:1907.09701).
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.data.marked_shapes import Planted
from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.methods import METHODS, Array, Method, attribute_all_steps, heat, usual
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress, part, plainly
from cnnlab_core.runtime.short_repr import short_repr

MASKS = 200
"""Of RISE, for each picture."""


@short_repr
@dataclass(frozen=True, eq=False)
class Trial:
    """What each of the ``methods`` says of each picture's answer: how much of its heat lies on the mark.

    ``shares`` (methods, pictures) are shares of the heat, and ``hits`` say whether its hottest pixel is on the mark.
    ``heats`` (methods, pictures, H, W) are the maps. ``answers`` are the network's classes for the pictures and
    ``before`` those without the mark, both (pictures,).
    """

    methods: tuple[Method, ...]
    shares: Array
    hits: npt.NDArray[np.bool_]
    heats: npt.NDArray[np.float32]
    answers: npt.NDArray[np.int64]
    before: npt.NDArray[np.int64]

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Which methods find the mark: their hottest pixel is on it in more than half of the pictures."""
        return self.hits.mean(1) > 0.5


@by_annotation
def shortcut_steps(
    model: LoadedModel, planted: Planted, methods: Sequence[Method] = METHODS
) -> Generator[Progress[Trial], None, Trial]:
    """Explain a network's answer to each marked picture by each method, and measure the heat on the mark.

    Heat is what speaks for the class that the network names (see ``methods.heat``). Each step holds what is known.

    Args:
        model: the network; its pictures must be as large as the marked ones.
        planted: the pictures with their marks.
        methods: which explanations are on trial, with the settings of ``methods.usual``.

    Raises:
        InputError: if the network takes pictures of another size, or there are no methods.
    """
    x, plain = (_pixels(kind.images, model) for kind in (planted.pictures, planted.plain))
    side, size = x.shape[-1], (x.shape[-2], x.shape[-1])
    if model.spec.preprocessing.crop != side or not methods:
        raise InputError(f"The trial takes a network for pictures of {side} × {side}, and at least one method.")
    with torch.no_grad():
        answers, before = (model(pictures).argmax(1).cpu().numpy() for pictures in (x, plain))
    maps: list[list[Array]] = []

    def known() -> Trial:
        heats = np.array(maps).swapaxes(0, 1)
        on_mark = (heats * planted.mask[: len(maps)]).sum((2, 3))
        whole = heats.sum((2, 3))
        shares = np.divide(on_mark, whole, out=np.zeros_like(whole), where=whole > 0)
        flat = heats.reshape(*heats.shape[:2], -1)
        marks = planted.mask[: len(maps)].reshape(len(maps), -1)
        hits = np.take_along_axis(marks[None].repeat(len(flat), 0), flat.argmax(2)[..., None], 2)[..., 0] & (whole > 0)
        return Trial(tuple(methods), shares, hits, heats.astype(np.float32), answers, before)

    for index in range(len(x)):
        requests = [
            replace(usual(model.spec, method, int(answers[index])), masks=MASKS, seed=index) for method in methods
        ]
        latest = known() if maps else None
        found = yield from part(attribute_all_steps(model, x[index : index + 1], requests), index, 1, len(x), latest)
        maps.append([heat(found[method], size) for method in methods])
    return known()


shortcut = plainly(shortcut_steps)


def trial_table(trials: dict[str, Trial]) -> str:
    """The share of heat on the mark and the hit of each network, picture and method, as CSV."""
    rows = (
        (network, picture, method, f"{trial.shares[place, picture]:.6f}", int(trial.hits[place, picture]))
        for network, trial in trials.items()
        for place, method in enumerate(trial.methods)
        for picture in range(trial.shares.shape[1])
    )
    return csv_table(("network", "picture", "method", "share_on_mark", "hottest_on_mark"), rows)


def _pixels(images: torch.Tensor, model: LoadedModel) -> torch.Tensor:
    return images.permute(0, 3, 1, 2).float().div(255).to(model.device)
