"""The PyTorch that computes a problem: short, runnable as it is, ending with every result by name."""

from typing import Any

from cnnlab_core.checks import Array
from cnnlab_core.convolution.problem import ConvProblem, PoolProblem


def conv_code(problem: ConvProblem) -> str:
    """Python that leaves ``y``, and the gradients ``x.grad``, ``w.grad`` and ``b.grad``; each with all of its axes."""
    dims, options = problem.dims, problem.options
    ends = [end for axis in reversed(problem.geometry.axes) for end in (axis.before, axis.after)]
    mode = options.get("padding_mode", "zeros")
    mode = "constant" if mode == "zeros" else mode
    kernel = f"w.flip({', '.join(str(axis) for axis in range(-dims, 0))})" if options.get("flip") else "w"
    spread = {name: options.get(name, 1) for name in ("stride", "dilation", "groups")}
    lines = [
        _tensor("x", problem.x, dims + 2),
        _tensor("w", problem.w, dims + 2),
        _tensor("b", problem.b, 1),
        f'padded = F.pad(x, {tuple(ends)}, mode="{mode}")' if any(ends) else "padded = x",
        f"y = F.conv{dims}d(padded, {kernel}, b{_arguments(spread, 1)})",
        _backward(problem.dy, dims),
    ]
    return "\n".join([_HEAD, *lines, "print(y, x.grad, w.grad, b.grad, sep='\\n')"])


def pool_code(problem: PoolProblem) -> str:
    """Python that leaves ``y`` and the gradient ``x.grad``, each with all of its axes."""
    window = problem.window[0] if len(set(problem.window)) == 1 else problem.window
    lines = [
        _tensor("x", problem.x, problem.dims + 2),
        f"y = F.{problem.kind}_pool{problem.dims}d(x, {window}{_arguments(problem.options, None)})",
        _backward(problem.dy, problem.dims),
    ]
    return "\n".join([_HEAD, *lines, "print(y, x.grad, sep='\\n')"])


_HEAD = "import torch\nimport torch.nn.functional as F\n"


def _tensor(name: str, array: Array, ndim: int) -> str:
    cells = array.reshape((1,) * (ndim - array.ndim) + array.shape).tolist()
    return f"{name} = torch.tensor({cells}, dtype=torch.float64, requires_grad=True)"


def _backward(dy: Array, dims: int) -> str:
    cells = dy.reshape((1,) * (dims + 2 - dy.ndim) + dy.shape).tolist()
    return f"y.backward(torch.tensor({cells}, dtype=torch.float64))"


def _arguments(options: dict[str, Any], default: object) -> str:
    """Options as keyword arguments, without those that are the default anyway."""
    return "".join(f", {name}={value!r}" for name, value in options.items() if value != default)
