"""A convolution or a pooling with all of its numbers: what a page shows, a link carries and code reproduces.

A drawing thinks of every array as a stack of planes: x and y by channel, row and column, w by output channel, channel
of its group, row and column. The functions of this package think of it as the caller gave it: a signal has no rows,
and a lone channel may go without saying. ``board`` and ``own_index`` go from the one to the other.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cnnlab_core.checks import Array
from cnnlab_core.convolution.conv import Gradients, conv1d, conv1d_backward, conv2d, conv2d_backward, make_layer
from cnnlab_core.convolution.explain import Explanation, explain, explain_pool
from cnnlab_core.convolution.geometry import Geometry, geometry, pool_geometry
from cnnlab_core.convolution.plain import to_plain
from cnnlab_core.convolution.pooling import (
    avg_pool1d,
    avg_pool1d_backward,
    avg_pool2d,
    avg_pool2d_backward,
    divisors,
    make_pool,
    max_pool1d,
    max_pool1d_backward,
    max_pool1d_routes,
    max_pool2d,
    max_pool2d_backward,
    max_pool2d_routes,
)
from cnnlab_core.convolution.windows import Index, pad
from cnnlab_core.runtime.short_repr import short_repr

LEADING_AXES = {"x": 1, "y": 1, "dx": 1, "dy": 1, "w": 2, "dw": 2, "b": 1, "db": 1}
"""How many axes come before rows and columns."""

_POOLS: dict[tuple[str, int], tuple[Any, Any]] = {
    ("max", 1): (max_pool1d, max_pool1d_backward),
    ("max", 2): (max_pool2d, max_pool2d_backward),
    ("avg", 1): (avg_pool1d, avg_pool1d_backward),
    ("avg", 2): (avg_pool2d, avg_pool2d_backward),
}


class _Board:
    """What both kinds of problem share: how a drawing counts cells, and how the caller does."""

    dims: int
    is_bare: bool

    def own_index(self, array: str, index: Index) -> Index:
        """A drawing's index of a cell of ``array``, as the functions of this package count: no axis to spare."""
        lead = LEADING_AXES[array]
        space = index[lead:][2 - self.dims :]
        return tuple(space if self.is_bare else (*index[:lead], *space))

    def board_index(self, array: str, index: Index) -> Index:
        """The way back of :meth:`own_index`."""
        lead = LEADING_AXES[array]
        own_lead = () if self.is_bare else index[:lead]
        space = () if array in ("b", "db") else (0,) * (2 - self.dims) + tuple(index[len(own_lead) :])
        return (*((0,) * lead if self.is_bare else own_lead), *space)

    def planes(self, name: str, array: Array) -> Array:
        """``array`` with all the axes that a drawing has for it."""
        lead = LEADING_AXES[name]
        if name in ("b", "db"):
            return array.reshape(-1)
        space = (1,) * (2 - self.dims) + array.shape[array.ndim - self.dims :]
        return array.reshape((*((1,) * lead if self.is_bare else array.shape[:lead]), *space))

    def _plain(self, kind: str, where: Geometry, arrays: dict[str, Array]) -> dict[str, Any]:
        axes = to_plain(where)["axes"]
        return {
            "kind": kind,
            "dims": self.dims,
            "channels": not self.is_bare,
            "axes": axes if self.dims == 2 else [_LONE_ROW, *axes],
            "arrays": {name: to_plain(self.planes(name, array)) for name, array in arrays.items()},
        }


# A signal is drawn as an image of one row, over which the window doesn't slide.
_LONE_ROW = to_plain(geometry(1, 1).axes[0])


@short_repr
@dataclass(frozen=True)
class ConvProblem(_Board):
    """A convolution over ``dims`` axes; arrays and options as :func:`conv1d` and :func:`conv2d` take them.

    ``dy`` is shaped like y; ``is_bare`` says that x and w come without channels.
    """

    dims: int
    x: Array
    w: Array
    b: Array
    dy: Array
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_bare(self) -> bool:  # type: ignore[override]
        return self.w.ndim == self.dims

    @cached_property
    def y(self) -> Array:
        """The output. Raises ``InputError`` if there can't be one."""
        return (conv1d if self.dims == 1 else conv2d)(self.x, self.w, self.b, **self.options)

    @cached_property
    def gradients(self) -> Gradients:
        return (conv1d_backward if self.dims == 1 else conv2d_backward)(self.x, self.w, self.dy, **self.options)

    @cached_property
    def geometry(self) -> Geometry:
        options = {name: value for name, value in self.options.items() if name != "groups"}
        return geometry(self.x.shape[-self.dims :], self.w.shape[-self.dims :], **options)

    @property
    def padded(self) -> Array:
        """The padded input, its first channel; a signal as one row."""
        layer = make_layer(self.dims, self.x, self.w, **self.options)
        plane = pad(layer.x, layer.axes)[0, 0]
        return plane.reshape((1,) * (2 - self.dims) + plane.shape)

    def explain(self, target: str, index: Index, *, first: int = 0) -> Explanation:
        """See :func:`cnnlab_core.convolution.explain`."""
        return explain(target, index, self.x, self.w, self.b, self.dy, first=first, **self.options)

    @property
    def numbers(self) -> dict[str, Array]:
        """All arrays by name, given and computed."""
        return {"x": self.x, "w": self.w, "b": self.b, "dy": self.dy, "y": self.y, **self.gradients._asdict()}

    def board(self, *, backward: bool = False) -> dict[str, Any]:
        """Everything that a drawing needs, as plain data: the forward pass, or the backward pass."""
        arrays = {"x": self.x, "w": self.w}
        if backward:
            arrays |= {"dy": self.dy, **self.gradients._asdict()}
        else:
            arrays |= {"b": self.b, "y": self.y}
        return self._plain("conv", self.geometry, arrays) | {"groups": self.options.get("groups", 1)}


@short_repr
@dataclass(frozen=True)
class PoolProblem(_Board):
    """A pooling over the last ``len(window)`` axes of x; ``kind`` is "max" or "avg", options as the functions take."""

    kind: str
    window: Index
    x: Array
    dy: Array
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def dims(self) -> int:  # type: ignore[override]
        return len(self.window)

    @property
    def is_bare(self) -> bool:  # type: ignore[override]
        return self.x.ndim == self.dims

    @cached_property
    def y(self) -> Array:
        return _POOLS[self.kind, self.dims][0](self.x, self.window, **self.options)

    @cached_property
    def dx(self) -> Array:
        return _POOLS[self.kind, self.dims][1](self.x, self.window, self.dy, **self.options)

    @cached_property
    def geometry(self) -> Geometry:
        options = {name: value for name, value in self.options.items() if name != "count_include_pad"}
        return pool_geometry(self.x.shape[-self.dims :], self.window, **options)

    def explain(self, target: str, index: Index, *, first: int = 0) -> Explanation:
        """See :func:`cnnlab_core.convolution.explain_pool`."""
        return explain_pool(self.kind, target, index, self.x, self.window, self.dy, first=first, **self.options)

    @cached_property
    def routes(self) -> np.ndarray:
        """Which input cell won each window, as row * width + column; for a maximum only."""
        return (max_pool1d_routes if self.dims == 1 else max_pool2d_routes)(self.x, self.window, **self.options)

    @property
    def numbers(self) -> dict[str, Array]:
        """All arrays by name, given and computed."""
        return {"x": self.x, "dy": self.dy, "y": self.y, "dx": self.dx}

    def board(self) -> dict[str, Any]:
        """Everything that a drawing needs, as plain data, with both passes."""
        plain = self._plain(self.kind, self.geometry, {"x": self.x, "y": self.y, "dy": self.dy, "dx": self.dx})
        if self.kind == "max":
            return plain | {"routes": to_plain(self.planes("y", self.routes))}
        options = dict(self.options)
        counted = options.pop("count_include_pad", True)
        counts = divisors(make_pool(self.dims, self.x, self.window, **options).axes, counted)
        return plain | {"counts": to_plain(counts.reshape((1,) * (2 - self.dims) + counts.shape))}
