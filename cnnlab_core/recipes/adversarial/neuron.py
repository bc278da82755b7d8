"""The Python behind an attack on a single neuron."""

from collections.abc import Sequence


def code(
    w: Sequence[float],
    b: float,
    x: Sequence[float],
    y: int,
    *,
    norm: str,
    eps: float,
    box: tuple[float, float] | None,
    step_sizes: Sequence[float],
    step_size: float,
    steps: int,
    seed: int | None,
    raw: bool = False,
) -> str:
    """The optimum, single steps, PGD (from a random start if there is a seed), and the smallest epsilon."""
    start = "None" if seed is None else f"ball.random_point(np.random.default_rng({seed}))"
    way = ", raw=True" if raw else ""
    numpy = "" if seed is None else "import numpy as np\n"
    return f"""\
{numpy}from cnnlab_core.attacks.exact.ball import Ball
from cnnlab_core.attacks.exact.neuron import Neuron, fgsm, minimal_epsilon, optimum, pgd

neuron = Neuron({list(w)!r}, {b!r})  # f(x) = sigmoid(w.x + b)
ball, y = Ball({list(x)!r}, {eps!r}, "{norm}", {box!r}), {y}

best = optimum(neuron, ball, y)
print("optimum", best, "loss", neuron.loss(best, y))
single = [fgsm(neuron, ball, y, size{way}) for size in {list(step_sizes)!r}]
for step in single:
    print(step.before, step.place, "->", step.after, "P(class 1)", neuron.probability(step.after))
path = pgd(neuron, ball, y, step_size={step_size!r}, steps={steps}, start={start}{way})
print("PGD ends at", path[-1].after, "loss", neuron.loss(path[-1].after, y))
smallest = {{norm: minimal_epsilon(neuron, ball.centre, y, norm=norm, box=ball.box) for norm in ("linf", "l2", "l1")}}
print({{norm: crossing.eps for norm, crossing in smallest.items()}})
"""
