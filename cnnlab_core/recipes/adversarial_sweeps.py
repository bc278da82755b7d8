"""The Python behind the adversarial page's sweeps over epsilon and over step sizes."""

from collections.abc import Sequence

from cnnlab_core.recipes.opening import IMPORTS, picture


def sweep_code(
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
    return f"""\
from cnnlab_core.attacks.sweep import sweep
{IMPORTS}
from cnnlab_core.images import to_picture

model = load_model("{model}", weights="{weights}")
x = model.prepare({picture(sample)})  # (1, 3, H, W), pixels in [0, 1]
found = sweep(model, x, {_settings(method, norm, steps, target)}, eps={_epsilons(eps, norm)})

probabilities = found.logits[:, 0].double().softmax(-1)  # (epsilons, classes), of the 8-bit pictures
for eps, row in zip(found.eps, probabilities):
    best = int(row.argmax())
    print(f"{_shown(norm)}  {{model.categories[best]}} {{row[best]:.1%}}")
print("smallest epsilon that fools:", found.smallest[0])
to_picture(found.pictures[{at}] / 255).save("adversarial.png")  # at {_number(eps[at], norm)}
"""


def methods_code(
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
eps = {_epsilons(eps, norm)}
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
curves = finish(sweep_pictures(model, right, norm="{norm}", steps={steps}, eps={_epsilons(eps, norm)}))
fgsm, pgd = zip(*curves)
print("FGSM", accuracy(fgsm))
print("PGD ", accuracy(pgd))
"""


def map_code(
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
    model, x, norm="{norm}", eps={_number(eps, norm)}, step_sizes={_epsilons(step_sizes, norm)}, steps={tuple(steps)}{tail}
)
for cell in cells:
    best = int(cell.logits.argmax())
    size = {"255 * cell.step_size" if norm == "linf" else "cell.step_size"}
    print(f"step {{size:g}} × {{cell.steps}}: {{model.categories[best]}}, objective {{cell.loss:.3f}}")
"""  # noqa: E501


def _settings(method: str, norm: str, steps: int, target: int | None) -> str:
    parts = [f'method="{method}"', f'norm="{norm}"']
    parts += [f"steps={steps}"] if method == "pgd" else []
    return ", ".join(parts + ([] if target is None else [f"target={target}"]))


def _number(value: float, norm: str) -> str:
    """A length as it is read: levels of 255 as such."""
    return f"{255 * value:g} / 255" if norm == "linf" else f"{value:g}"


def _epsilons(values: Sequence[float], norm: str) -> str:
    """Lengths as a list."""
    if norm == "linf":
        return f"[k / 255 for k in ({', '.join(f'{255 * value:g}' for value in values)})]"
    return f"[{', '.join(f'{value:g}' for value in values)}]"


def _shown(norm: str) -> str:
    return "{255 * eps:g}/255" if norm == "linf" else "{eps:g}"
