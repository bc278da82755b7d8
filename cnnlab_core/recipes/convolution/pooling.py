"""The PyTorch of the tab Pooling."""

from cnnlab_core.convolution.problem import PoolProblem
from cnnlab_core.recipes.convolution.sliding import HEAD, arguments, backward, tensor


def code(problem: PoolProblem) -> str:
    """Python that leaves ``y`` and the gradient ``x.grad``, each with all of its axes."""
    window = problem.window[0] if len(set(problem.window)) == 1 else problem.window
    lines = [
        tensor("x", problem.x, problem.dims + 2),
        f"y = F.{problem.kind}_pool{problem.dims}d(x, {window}{arguments(problem.options, None)})",
        backward(problem.dy, problem.dims),
    ]
    return "\n".join([HEAD, *lines, "print(y, x.grad, sep='\\n')"])
