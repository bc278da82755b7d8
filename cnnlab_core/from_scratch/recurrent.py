"""Recurrent cells in numpy float64: one table of equations for each, and what reads a sequence by any of them.

A cell is a list of nodes, each a function of a sum whose terms are weights times a vector, a bias, or products of
vectors. So one loop over the nodes goes forward, one back through time, and one explains every number
(:mod:`cnnlab_core.from_scratch.recurrent_explain`). The readout is y = V h + by, p = softmax(y), and the loss adds up
the cross-entropies of all steps, -log p[target].

Sources: Goodfellow, Bengio and Courville, "Deep Learning" (2016), sections 10.2 and 10.10; gates, their order and what
stands in them as in PyTorch's RNNCell, LSTMCell and GRUCell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, IntArray, by_annotation, choice, limit_cells, numbers, whole
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.short_repr import short_repr

MAX_CELLS = 2**22  # of all steps of one sequence


class Vector(NamedTuple):
    """A vector that takes part in a term: of this step, or the one ``before``; ``form`` is one of :data:`FORMS`."""

    name: str
    before: bool = False
    form: str = ""


class Weighted(NamedTuple):
    """The rows of one ``gate`` of a matrix, times a vector."""

    matrix: str
    gate: int
    of: Vector


class Bias(NamedTuple):
    """The part of one ``gate`` of a bias."""

    name: str
    gate: int = 0


class Product(NamedTuple):
    """Vectors multiplied unit by unit."""

    factors: tuple[Vector, ...]


Summand = Weighted | Bias | Product


class Node(NamedTuple):
    """A vector of the cell: ``function`` ("tanh", "sigmoid", or "" for none) of the sum of its ``terms``."""

    name: str
    terms: tuple[Summand, ...]
    function: str = ""


def gate(number: int, of: Vector | None = None) -> tuple[Summand, ...]:
    """W x + U h' + b of one gate; ``of`` is what else takes U's place."""
    recurrent = Weighted("U", number, Vector("h", before=True)) if of is None else Product((of, Vector("u")))
    return Weighted("W", number, Vector("x")), recurrent, Bias("b", number)


READOUT = Node("y", (Weighted("V", 0, Vector("h")), Bias("by")))


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: the names of its ``gates`` in the order in which W, U and b stack them, its ``nodes`` in the
    order in which they are computed, and its ``states``, which the next step reads."""

    name: str
    gates: tuple[str, ...]
    nodes: tuple[Node, ...]
    states: tuple[str, ...] = ("h",)
    inner_bias: str = ""
    """A bias that stands inside a product: bu, the GRU's."""

    def shapes(self, inputs: int, hidden: int, outputs: int = 0) -> dict[str, tuple[int, ...]]:
        """The parameters' shapes; with a readout if there are ``outputs``."""
        stacked = len(self.gates) * hidden
        shapes: dict[str, tuple[int, ...]] = {"W": (stacked, inputs), "U": (stacked, hidden), "b": (stacked,)}
        if self.inner_bias:
            shapes[self.inner_bias] = (hidden,)
        return shapes | ({"V": (outputs, hidden), "by": (outputs,)} if outputs else {})

    def gradient_of(self, node: Node) -> str:
        """The name of the gradient before the node's function: da, daf; of a node without a function dc, du, dy."""
        if not node.function:
            return f"d{node.name}"
        return "da" if node.name in self.states else f"da{node.name}"


def _sigmoid(v: Array) -> Array:
    return 0.5 * (1 + np.tanh(v / 2))  # overflows nowhere


FORMS: Mapping[str, Callable[[Any], Any]] = {
    "": lambda v: v,
    "tanh": np.tanh,
    "rest": lambda v: 1 - v,
    "sigmoid": _sigmoid,
    "minus": lambda v: -np.ones_like(v),
    "tanh slope": lambda v: 1 - np.tanh(v) ** 2,
    "from tanh": lambda v: 1 - v**2,
    "from sigmoid": lambda v: v * (1 - v),
}
"""What is made of a number: "rest" is 1 - v; slopes "from" a function take the function's result."""
SLOPES = {"tanh": "tanh slope", "rest": "minus"}
"""The derivative of a form by its number."""


@short_repr
@dataclass(frozen=True, eq=False)
class Unrolled:
    """A sequence read by a cell; made by :func:`unroll`. With a batch, arrays are (steps, batch, units), else
    (steps, units); step 0 reads the first input.

    ``parameters`` are the cell's and the readout's, ``x`` (steps, batch, inputs), ``targets`` (steps, batch) the right
    output of each step (-1: that step has no loss), ``start`` the states before the first step, (batch, hidden), and
    ``dh`` a gradient of h from elsewhere, shaped like h.
    """

    cell: Cell
    parameters: Mapping[str, Array]
    x: Array
    targets: IntArray | None
    start: Mapping[str, Array]
    dh: Array | None
    batched: bool
    nodes: tuple[Node, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", (*self.cell.nodes, *((READOUT,) if "V" in self.parameters else ())))

    @property
    def hidden(self) -> int:
        """Units of a state."""
        return self.parameters["U"].shape[1]

    def rows(self, name: str, number: int) -> Array:
        """The part of a parameter that belongs to one gate."""
        size = len(self.parameters[name]) if name in ("V", "by") else self.hidden
        return self.parameters[name][number * size : (number + 1) * size]

    def vector(self, name: str, step: int) -> Array:
        """x, a node or a state at a step, (batch, units); -1 is the state before the first one."""
        if step < 0:
            return self.start[name]
        return self.x[step] if name == "x" else self.full[name][step]

    def _value(self, vector: Vector, step: int) -> Array:
        return FORMS[vector.form](self.vector(vector.name, step - vector.before))

    # --- forward ---

    @cached_property
    def full(self) -> dict[str, Array]:
        """Every node by name, (steps, batch, units), and with a readout p and loss (steps, batch, 1)."""
        steps, batch = self.x.shape[:2]
        sizes = {node.name: self.hidden for node in self.cell.nodes} | {"y": len(self.parameters.get("V", ()))}
        found = {node.name: np.zeros((steps, batch, sizes[node.name])) for node in self.nodes}
        self.__dict__["full"] = found  # a node reads those before it
        for step in range(steps):
            for node in self.nodes:
                total = sum(self._summand(term, step) for term in node.terms)
                found[node.name][step] = FORMS[node.function](total)
        if "y" in found:
            shifted = found["y"] - found["y"].max(axis=2, keepdims=True)  # nothing overflows
            logs = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
            found["p"] = np.exp(logs)
            if self.targets is not None:
                right = np.take_along_axis(logs, np.maximum(self.targets, 0)[..., None], 2)
                found["loss"] = np.where(self.targets[..., None] < 0, 0.0, -right)
        return found

    def _summand(self, term: Summand, step: int) -> Array:
        if isinstance(term, Weighted):
            return self._value(term.of, step) @ self.rows(term.matrix, term.gate).T
        if isinstance(term, Bias):
            return self.rows(term.name, term.gate)
        return np.prod([self._value(vector, step) for vector in term.factors], axis=0)

    @cached_property
    def loss(self) -> float:
        """The sum of the cross-entropies of all steps (and of the batch); 0 without targets."""
        return float(self.full["loss"].sum()) if "loss" in self.full else 0.0

    # --- backward through time ---

    @cached_property
    def back(self) -> "Gradients":
        """The gradients of the loss (and of ``dh``)."""
        return self._back(range(len(self.x)), self.dh)

    @cached_property
    def back_by_loss(self) -> list["Gradients"]:
        """The same of the loss of each step alone: they add up to :attr:`back`, but for ``dh``."""
        return [self._back([step], None) for step in range(len(self.x))]

    def _back(self, losses: Sequence[int], dh: Array | None) -> "Gradients":
        steps, batch = self.x.shape[:2]
        after = {name: np.zeros_like(array) for name, array in self.full.items() if name not in ("p", "loss")}
        after |= {"x": np.zeros_like(self.x)}
        start = {name: np.zeros((batch, self.hidden)) for name in self.cell.states}
        shares = {name: np.zeros((steps, *array.shape)) for name, array in self.parameters.items()}
        before = {self.cell.gradient_of(node): np.zeros_like(self.full[node.name]) for node in self.nodes}
        if dh is not None:
            after["h"] += dh
        if self.targets is not None and "y" in after:
            for step in losses:
                counted = self.targets[step] >= 0
                right = np.eye(after["y"].shape[2])[np.maximum(self.targets[step], 0)]
                after["y"][step] = (self.full["p"][step] - right) * counted[:, None]

        def pass_on(vector: Vector, step: int, gradient: Array) -> None:
            place = step - vector.before
            target = start[vector.name] if place < 0 else after[vector.name][place]
            target += gradient

        for step in reversed(range(steps)):
            for node in reversed(self.nodes):
                slope = FORMS[f"from {node.function}"](self.full[node.name][step]) if node.function else 1.0
                gradient = before[self.cell.gradient_of(node)][step] = after[node.name][step] * slope
                for term in node.terms:
                    if isinstance(term, Product):
                        for n, vector in enumerate(term.factors):
                            others = [self._value(v, step) for m, v in enumerate(term.factors) if m != n]
                            inner = self._value(vector._replace(form=SLOPES[vector.form]), step) if vector.form else 1.0
                            pass_on(vector, step, gradient * np.prod(others, axis=0) * inner)
                        continue
                    size = gradient.shape[1]
                    here = slice(term.gate * size, (term.gate + 1) * size)
                    if isinstance(term, Bias):
                        shares[term.name][step, here] += gradient.sum(axis=0)
                    else:
                        shares[term.matrix][step, here] += gradient.T @ self._value(term.of, step)
                        pass_on(term.of, step, gradient @ self.rows(term.matrix, term.gate))
        states = {f"d{name}": after[name] for name in self.cell.states}
        return Gradients({**before, **states, "dx": after["x"]}, start, shares)

    # --- as the caller sees it ---

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """Every array of both passes by name, without the batch's axis where there is no batch: x, the cell's nodes, y,
        p, loss; dy, dh and the others; dx, dh0; and dW, dU, db, ..., shaped like the parameters."""
        squeeze = (lambda array: array) if self.batched else (lambda array: array[..., 0, :])
        found = {"x": self.x} | self.full | self.back.by_step
        found |= {f"{name}0": array for name, array in self.start.items()}
        found |= {f"d{name}0": array for name, array in self.back.start.items()}
        return {name: squeeze(array) for name, array in found.items()} | self.back.parameters

    @cached_property
    def shares(self) -> dict[str, Array]:
        """What each step adds to the gradient of each parameter: dW, dU, ..., each (steps, *shape)."""
        return {f"d{name}": array for name, array in self.back.shares.items()}


class Gradients(NamedTuple):
    """The gradients of the nodes ``by_step``, (steps, batch, units), of the states before the first step, ``start``,
    and what each step adds to those of the parameters, ``shares`` (steps, *shape)."""

    by_step: dict[str, Array]
    start: dict[str, Array]
    shares: dict[str, Array]

    @property
    def parameters(self) -> dict[str, Array]:
        """dW, dU, db and so on."""
        return {f"d{name}": array.sum(axis=0) for name, array in self.shares.items()}


class Clipped(NamedTuple):
    """Gradients scaled so that together their norm is at most the limit; ``norm`` is that before."""

    gradients: dict[str, Array]
    norm: float


def read_sequence(
    cell: Cell,
    parameters: Mapping[str, npt.ArrayLike],
    x: npt.ArrayLike,
    targets: npt.ArrayLike | None,
    start: Mapping[str, npt.ArrayLike | None],
    dh: npt.ArrayLike | None,
) -> Unrolled:
    """See :func:`cnnlab_core.from_scratch.unroll`, which finds the cell by its name."""
    inputs = numbers("x", x, [2, 3])
    batched = inputs.ndim == 3
    rows = inputs if batched else inputs[:, None]
    steps, batch, width = rows.shape
    found = _read_parameters(cell, parameters, width)
    hidden = found["U"].shape[1]
    limit_cells("All steps together", (steps, batch, len(cell.nodes) * hidden + len(found.get("V", ()))), MAX_CELLS)
    shape = (batch, hidden) if batched else (hidden,)
    states = {
        name: np.zeros((batch, hidden))
        if start.get(name) is None
        else _shaped(f"{name}0", start[name], shape).reshape(batch, hidden)
        for name in cell.states
    }
    right = None
    if targets is not None:
        if "V" not in found:
            raise InputError("targets need outputs: give the readout V and by among the parameters.")
        wanted = _shaped("targets", targets, rows.shape[:2] if batched else (steps,)).reshape(steps, batch)
        right = wanted.astype(np.int64)
        if (right != wanted).any() or right.min() < -1 or right.max() >= len(found["V"]):
            raise InputError(f"targets are whole numbers from 0 to {len(found['V']) - 1}, or -1 for no loss.")
    given = None
    if dh is not None:
        given = _shaped("dh", dh, (steps, *shape)).reshape(steps, batch, hidden)
    return Unrolled(cell, found, rows, right, states, given, batched)


@by_annotation
def clip_by_norm(gradients: dict[str, Array], most: float) -> Clipped:
    """Gradients as they are if the norm of all of them together is at most ``most``, else scaled down to it.

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013), section 3.2.

    Raises:
        InputError: ``most`` isn't above 0.
    """
    if not most > 0:
        raise InputError(f"most is {most:g}: make the largest norm more than 0.")
    largest = max((float(np.abs(array).max()) for array in gradients.values()), default=0.0) or 1.0
    norm = largest * float(np.sqrt(sum(((array / largest) ** 2).sum() for array in gradients.values())))
    factor = min(1.0, most / norm) if norm else 1.0
    return Clipped({name: array * factor for name, array in gradients.items()}, norm)


def random_parameters(cell: Cell, inputs: int, hidden: int, outputs: int, seed: int) -> dict[str, Array]:
    """Parameters with one decimal, from -1 to 1, the same for the same ``seed``; biases begin at 0."""
    generator = np.random.Generator(np.random.PCG64(whole("seed", seed, most=2**53)))
    inputs, hidden = whole("inputs", inputs, 1, 256), whole("hidden", hidden, 1, 256)
    shapes = cell.shapes(inputs, hidden, outputs)
    return {
        name: generator.integers(-10, 11, shape) / 10 if len(shape) == 2 else np.zeros(shape)
        for name, shape in shapes.items()
    }


def _read_parameters(cell: Cell, parameters: Mapping[str, npt.ArrayLike], width: int) -> dict[str, Array]:
    needed = cell.shapes(width, 1)
    names = [*needed, *(("V", "by") if "V" in parameters or "by" in parameters else ())]
    for name in names:
        if name not in parameters:
            raise InputError(f"The parameter {name} is missing: a {cell.name} takes {', '.join(names)}.")
    for name in parameters:
        choice("A parameter's name", name, names)
    hidden = numbers("U", parameters["U"], [2]).shape[1]
    outputs = len(numbers("V", parameters["V"], [2])) if "V" in parameters else 0
    shapes = cell.shapes(width, hidden, outputs)
    return {name: _shaped(name, parameters[name], shapes[name]) for name in shapes}


def _shaped(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    array = numbers(name, value)
    if array.shape != shape:
        raise InputError(f"{name} has the shape {array.shape}: make it {shape}.")
    return array
