"""The Python behind the map over step size and number of steps."""

from collections.abc import Sequence

from cnnlab_core.recipes.adversarial.arguments import length, lengths, shown_length
from cnnlab_core.recipes.opening import IMPORTS, picture


def code(
    model: str,
    weights: str,
    sample: str | None,
    *,
    eps: float,
    step_sizes: Sequence[float],
    steps: Sequence[int],
    norm: str,
    target: int | None,
) -> str:
    """PGD for each step size, looked at after each number of steps."""
    tail = "" if target is None else f", target={target}"
    return f"""\
from cnnlab_core.attacks.step_map import step_map
{IMPORTS}

model = load_model("{model}", weights="{weights}")
x = model.prepare({picture(sample)})  # (1, 3, H, W), pixels in [0, 1]
cells = step_map(
    model, x, norm="{norm}", eps={length(eps, norm)}, step_sizes={lengths(step_sizes, norm)}, steps={tuple(steps)}{tail}
)
for cell in cells:
    best = int(cell.logits.argmax())
    size = f"{shown_length("cell.step_size", norm)}"
    print(f"step {{size}} × {{cell.steps}}: {{model.categories[best]}}, objective {{cell.loss:.3f}}")
"""
