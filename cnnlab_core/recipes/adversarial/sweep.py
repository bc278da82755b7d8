"""The Python behind FGSM and PGD against epsilon."""

from collections.abc import Sequence

from cnnlab_core.recipes.adversarial.arguments import lengths
from cnnlab_core.recipes.opening import IMPORTS, picture


def code(
    model: str,
    weights: str,
    sample: str | None,
    *,
    eps: Sequence[float],
    norm: str,
    steps: int,
    target: int | None,
    highest: float,
) -> str:
    """FGSM and PGD at each epsilon, and the smallest epsilon of each by bisection."""
    tail = "" if target is None else f", target={target}"
    return f"""\
from cnnlab_core.attacks import minimal_epsilon
from cnnlab_core.attacks.sweep import sweep
{IMPORTS}

model = load_model("{model}", weights="{weights}")
x = model.prepare({picture(sample)})  # (1, 3, H, W), pixels in [0, 1]
eps = {lengths(eps, norm)}
curves, smallest = {{}}, {{}}
for method in ("fgsm", "pgd"):
    found = sweep(model, x, method=method, norm="{norm}", steps={steps}, eps=eps{tail})
    curves[method] = found.probability(found.goal.classes)[:, 0]  # of {"the class before" if target is None else "the target"}
    print(method, "on 8-bit pictures, first fooled at", found.smallest[0])
    smallest[method] = minimal_epsilon(
        model, x, method=method, norm="{norm}", steps={steps}, highest={highest!r}, iterations=12{tail}
    )
    print(method, "by bisection", smallest[method].eps.item(), "still after rounding:", smallest[method].rounded.item())
"""  # noqa: E501


def accuracy_code(
    model: str,
    weights: str,
    pictures: Sequence[tuple[str, int]] | None,
    *,
    eps: Sequence[float],
    norm: str,
    steps: int,
) -> str:
    """How many of several pictures, (name in the gallery, true class), stay right; None stands for one's own files."""
    lines = "\n".join(f'    (sample_images()["{name}"].content, {y}),' for name, y in pictures or ())
    own = '    (open("photo.jpg", "rb").read(), 282),  # and so on: your pictures with their true classes'
    return f"""\
import torch
from cnnlab_core.runtime.jobs import finish
{IMPORTS}
from cnnlab_core.attacks.studies.sweep import accuracy, sweep_pictures

model = load_model("{model}", weights="{weights}")
pictures = [
{lines or own}
]
with torch.no_grad():
    right = [(file, y) for file, y in pictures if model(model.prepare(open_image(file))).argmax() == y]
print(len(pictures) - len(right), "of", len(pictures), "wrong before anything was done")
curves = finish(sweep_pictures(model, right, norm="{norm}", steps={steps}, eps={lengths(eps, norm)}))
fgsm, pgd = zip(*curves)
print("FGSM", accuracy(fgsm))
print("PGD ", accuracy(pgd))
"""
