"""The Python behind one perturbation for many pictures."""

from collections.abc import Sequence

from cnnlab_core.images.levels import distance_code
from cnnlab_core.recipes.adversarial.arguments import target_code
from cnnlab_core.recipes.opening import IMPORTS, picture


def code(
    model: str,
    weights: str,
    seen: Sequence[str | None],
    unseen: Sequence[str | None],
    *,
    eps: float,
    norm: str,
    epochs: int,
    batch: int,
    target: int | None,
    seed: int,
) -> str:
    """One change made on the gallery's ``seen`` samples, and tried on the ``unseen`` ones; None is one's own."""
    goal = "!= clean" if target is None else f"== {target}"
    return f"""\
import torch
from cnnlab_core.attacks import universal
{IMPORTS}

model = load_model("{model}", weights="{weights}")
seen = torch.cat([model.prepare(one) for one in [
{_listed(seen)}
]])  # (N, 3, H, W), pixels in [0, 1]
found = universal(
    model, seen, eps={distance_code(eps, norm)}, norm="{norm}", epochs={epochs}, batch={batch}{target_code(target)},
    generator=torch.Generator().manual_seed({seed}),
)
print(f"made on: {{found.rounded.success.double().mean():.0%}} fooled in 8 bits")
delta = found.delta  # (1, 3, H, W)
""" + (
        f"""
unseen = torch.cat([model.prepare(one) for one in [
{_listed(unseen)}
]])
with torch.no_grad():
    clean = model(unseen).argmax(-1)
    changed = model((unseen + delta).clamp(0, 1).mul(255).round() / 255).argmax(-1)
print(f"never seen: {{(changed {goal}).double().mean():.0%}} fooled")
"""
        if unseen
        else ""
    )


def _listed(samples: Sequence[str | None]) -> str:
    return "\n".join(f"    {picture(sample)}," for sample in samples)
