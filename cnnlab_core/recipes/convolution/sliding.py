"""The PyTorch of the tabs 1-D, 2-D and Backward: runnable as it is, ending with every result by name."""

from typing import Any

from cnnlab_core.checks import Array
from cnnlab_core.convolution.problem import ConvProblem


def code(problem: ConvProblem) -> str:
    """Python that leaves ``y``, and the gradients ``x.grad``, ``w.grad`` and ``b.grad``; each with all of its axes."""
    dims, options = problem.dims, problem.options
    ends = [end for axis in reversed(problem.geometry.axes) for end in (axis.before, axis.after)]
    mode = options.get("padding_mode", "zeros")
    mode = "constant" if mode == "zeros" else mode
    kernel = f"w.flip({', '.join(str(axis) for axis in range(-dims, 0))})" if options.get("flip") else "w"
    spread = {name: options.get(name, 1) for name in ("stride", "dilation", "groups")}
    lines = [
        tensor("x", problem.x, dims + 2),
        tensor("w", problem.w, dims + 2),
        tensor("b", problem.b, 1),
        f'padded = F.pad(x, {tuple(ends)}, mode="{mode}")' if any(ends) else "padded = x",
        f"y = F.conv{dims}d(padded, {kernel}, b{arguments(spread, 1)})",
        backward(problem.dy, dims),
    ]
    return "\n".join([HEAD, *lines, "print(y, x.grad, w.grad, b.grad, sep='\\n')"])


HEAD = "import torch\nimport torch.nn.functional as F\n"


def tensor(name: str, array: Array, ndim: int) -> str:
    """A line that makes ``name`` a tensor of ``ndim`` axes, with a gradient."""
    cells = array.reshape((1,) * (ndim - array.ndim) + array.shape).tolist()
    return f"{name} = torch.tensor({cells}, dtype=torch.float64, requires_grad=True)"


def backward(dy: Array, dims: int) -> str:
    """The line that goes back from y."""
    cells = dy.reshape((1,) * (dims + 2 - dy.ndim) + dy.shape).tolist()
    return f"y.backward(torch.tensor({cells}, dtype=torch.float64))"


def arguments(options: dict[str, Any], default: object) -> str:
    """Options as keyword arguments, without those that are the default anyway."""
    return "".join(f", {name}={value!r}" for name, value in options.items() if value != default)
