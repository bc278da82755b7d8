"""Recurrent cells to and from PyTorch, and how far the numbers made by hand are from autograd's.

PyTorch has two biases, of W x and of U h', that only ever occur as their sum; but for the one in the GRU's product.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnlab_core.checks import Array, by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch.cells import CELLS
from cnnlab_core.from_scratch.recurrent import Unrolled

if TYPE_CHECKING:
    import torch


@by_annotation
def to_torch(kind: str, parameters: dict[str, Array]) -> "torch.nn.Module":
    """The float64 RNNCell, LSTMCell or GRUCell with these W, U, b (and bu); a readout among them is left out.

    Raises:
        InputError: an unknown cell, or parameters that don't fit it.
    """
    import torch

    cell = CELLS[_kind(kind)]
    if {"W", "U", "b"} - set(parameters) or any(parameters[name].ndim != 2 for name in ("W", "U")):
        raise InputError("parameters hold W and U, a matrix each, and b: give these.")
    (inputs,), (hidden,) = parameters["W"].shape[1:], parameters["U"].shape[1:]
    for name, shape in cell.shapes(inputs, hidden).items():
        if name not in parameters or parameters[name].shape != shape:
            raise InputError(f"{name} must have the shape {shape} for a {kind} of {inputs} inputs, {hidden} units.")
    module = getattr(torch.nn, f"{kind}Cell")(inputs, hidden, dtype=torch.float64)
    second = np.zeros(len(parameters["b"]))
    if cell.inner_bias:
        second[-hidden:] = parameters[cell.inner_bias]
    values = (parameters["W"], parameters["U"], parameters["b"], second)
    with torch.no_grad():
        for parameter, value in zip(_parameters(module), values, strict=True):
            parameter.copy_(torch.tensor(value))
    return module


@by_annotation
def from_torch(module: "torch.nn.Module") -> dict[str, Array]:
    """W, U, b (and bu) of an RNNCell (tanh), LSTMCell or GRUCell, in float64.

    Raises:
        InputError: another module, or a cell without biases or with ReLU.
    """
    kind = type(module).__name__.removesuffix("Cell")
    cell = CELLS[_kind(kind)]
    if not getattr(module, "bias", False) or getattr(module, "nonlinearity", "tanh") != "tanh":
        raise InputError("The cell has no biases, or a ReLU: give one with biases and tanh.")
    w, u, first, second = (parameter.detach().cpu().double().numpy() for parameter in _parameters(module))
    if not cell.inner_bias:
        return {"W": w, "U": u, "b": first + second}
    inner = second[-u.shape[1] :].copy()
    second = np.concatenate([second[: -u.shape[1]], np.zeros(u.shape[1])])
    return {"W": w, "U": u, "b": first + second, cell.inner_bias: inner}


@by_annotation
def torch_arrays(unrolled: Unrolled) -> dict[str, Array]:
    """The states, logits, loss and gradients of the same sequence by torch: names as in ``Unrolled.arrays``."""
    import torch

    given = {name: torch.tensor(array, requires_grad=True) for name, array in unrolled.parameters.items()}
    module: Any = to_torch(unrolled.cell.name, {n: a for n, a in unrolled.parameters.items() if n not in ("V", "by")})
    x = torch.tensor(unrolled.x, requires_grad=True)
    start = {name: torch.tensor(array, requires_grad=True) for name, array in unrolled.start.items()}
    state: Any = tuple(start.values()) if len(start) > 1 else start["h"]
    found: dict[str, list[torch.Tensor]] = {name: [] for name in (*unrolled.cell.states, "y", "loss")}
    total = torch.zeros((), dtype=torch.float64)
    for step, row in enumerate(x):
        state = module(row, state)
        now = dict(zip(unrolled.cell.states, state if isinstance(state, tuple) else (state,), strict=True))
        for name, value in now.items():
            value.retain_grad()
            found[name].append(value)
        if unrolled.dh is not None:
            total = total + (now["h"] * torch.tensor(unrolled.dh[step])).sum()
        if "V" in given:
            logits = now["h"] @ given["V"].T + given["by"]
            logits.retain_grad()
            found["y"].append(logits)
            if unrolled.targets is not None:
                right = torch.tensor(unrolled.targets[step])
                lost = torch.nn.functional.cross_entropy(logits, right, ignore_index=-1, reduction="none")
                found["loss"].append(lost[:, None])
                total = total + lost.sum()
    if total.requires_grad:
        total.backward()
    w, u, first, second = _parameters(module)
    leaves: dict[str, Any] = {"x": x, "W": w, "U": u, "b": first}
    leaves |= {name: given[name] for name in ("V", "by") if name in given}
    arrays = {name: torch.stack(values) for name, values in found.items() if values}
    for name in arrays.keys() - {"loss"}:
        arrays[f"d{name}"] = torch.stack([_gradient(value) for value in found[name]])
    arrays |= {f"d{name}": _gradient(leaf) for name, leaf in leaves.items()}
    arrays |= {f"d{name}0": _gradient(leaf) for name, leaf in start.items()}
    if unrolled.cell.inner_bias:
        arrays[f"d{unrolled.cell.inner_bias}"] = _gradient(second)[-unrolled.hidden :]
    plain = {name: value.detach().numpy() for name, value in arrays.items()}
    parameters = {f"d{name}" for name in unrolled.parameters}
    return {n: a if unrolled.batched or n in parameters else a[..., 0, :] for n, a in plain.items()}


@by_annotation
def recurrent_difference(unrolled: Unrolled) -> float:
    """The largest difference from torch in any array of both passes, relative to that array's largest cell."""
    return max(
        float(np.abs(unrolled.arrays[name] - expected).max() / (np.abs(expected).max() or 1.0))
        for name, expected in torch_arrays(unrolled).items()
    )


def _kind(kind: str) -> str:
    if kind not in CELLS:
        raise InputError(f"'{kind[:20]}' isn't a cell that is known here: choose one of {', '.join(CELLS)}.")
    return kind


def _parameters(module: Any) -> tuple[Any, Any, Any, Any]:
    return module.weight_ih, module.weight_hh, module.bias_ih, module.bias_hh


def _gradient(leaf: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
