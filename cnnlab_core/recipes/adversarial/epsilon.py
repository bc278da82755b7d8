"""The Python behind one attack at each epsilon."""

from collections.abc import Sequence

from cnnlab_core.recipes.adversarial.arguments import length, lengths, shown_length
from cnnlab_core.recipes.opening import IMPORTS, picture


def code(
    model: str,
    weights: str,
    sample: str | None,
    *,
    eps: Sequence[float],
    method: str,
    norm: str,
    steps: int,
    target: int | None,
    at: int,
) -> str:
    """One attack at each epsilon, and the picture at number ``at``."""
    settings = [f'method="{method}"', f'norm="{norm}"']
    settings += [f"steps={steps}"] * (method == "pgd") + [f"target={target}"] * (target is not None)
    return f"""\
from cnnlab_core.attacks.sweep import sweep
{IMPORTS}
from cnnlab_core.images import to_picture

model = load_model("{model}", weights="{weights}")
x = model.prepare({picture(sample)})  # (1, 3, H, W), pixels in [0, 1]
found = sweep(model, x, {", ".join(settings)}, eps={lengths(eps, norm)})

probabilities = found.logits[:, 0].double().softmax(-1)  # (epsilons, classes), of the 8-bit pictures
for eps, row in zip(found.eps, probabilities):
    best = int(row.argmax())
    print(f"{shown_length("eps", norm)}  {{model.categories[best]}} {{row[best]:.1%}}")
print("smallest epsilon that fools:", found.smallest[0])
to_picture(found.pictures[{at}] / 255).save("adversarial.png")  # at {length(eps[at], norm)}
"""
