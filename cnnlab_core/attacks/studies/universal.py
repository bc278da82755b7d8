"""One change for several pictures, tried on others that it was not made on."""

from collections.abc import Generator, Sequence

import torch

from cnnlab_core.attacks.universal import Universal, UniversalStep, universal_steps
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table

BATCH = 8
EPOCHS = 5


def universal_change_steps(
    model: LoadedModel,
    x: torch.Tensor,
    seen: Sequence[bool],
    *,
    eps: float,
    norm: str = "linf",
    epochs: int = EPOCHS,
    target: int | None = None,
    seed: int = 0,
) -> Generator[UniversalStep, None, Universal]:
    """``attacks.universal`` on those of the pictures ``x`` (N, 3, H, W) that are ``seen``, in an order by ``seed``."""
    generator = torch.Generator().manual_seed(seed)
    return universal_steps(
        model, x, eps=eps, norm=norm, epochs=epochs, batch=BATCH, target=target, seen=seen, generator=generator
    )


def universal_table(found: Universal, names: Sequence[str], labels: Sequence[str]) -> str:
    """Each picture's class and probability before and with the change, as CSV."""
    header = ("picture", "made_on_it", "label_before", "p_before", "label_after", "p_after", "fooled")
    rows = []
    for sample, name in enumerate(names):
        before, after = found.clean.view(sample), found.rounded.view(sample)
        shown = [(labels[view.best], f"{view.probability(view.best):.6g}") for view in (before, after)]
        rows.append((name, bool(found.seen[sample]), *shown[0], *shown[1], bool(found.rounded.success[sample])))
    return csv_table(header, rows)
