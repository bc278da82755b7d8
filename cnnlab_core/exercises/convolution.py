"""The exercises of the convolution package, in the form that all exercises have."""

from cnnlab_core.exercises.convolution_tasks import make_exercise
from cnnlab_core.exercises.exercise import Numbers, Task

_HINTS = {
    "conv1d": "Lay the kernel on the first cells, multiply cell by cell and add up. Then move it on by the stride. "
    "Padding is a border of zeros; dilation leaves gaps between the kernel's cells.",
    "conv2d": "Lay the kernel on the upper left corner, multiply cell by cell and add up (over all channels). Move it "
    "on by the stride, first along the row, then down.",
    "output_size": r"$\left\lfloor \frac{n + 2p - d (k - 1) - 1}{s} \right\rfloor + 1$ for each axis.",
    "max_pool": "Every window gives its largest cell. Padding of a maximum counts as $-\\infty$: it never wins.",
    "gradient_cell": "Which outputs does the cell take part in, and what is it multiplied with there? Add up those "
    "factors, each times the gradient $dy$ of its output.",
    "update_step": "$w - \\eta \\, dw$, cell by cell. If $dw$ isn't given: each of its cells adds up $dy$ times the "
    "input that the kernel's cell met.",
}


def make_task(kind: str, seed: int, level: int) -> Task:
    """One of :data:`cnnlab_core.exercises.convolution_tasks.KINDS`."""
    made = make_exercise(kind, seed, level)
    part = Numbers("", made.answer, made.tolerance)
    return Task(made.prompt, (part,), _HINTS[kind], tuple(made.solution), {**made.givens, **made.options})
