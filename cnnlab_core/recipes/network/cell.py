"""One number of a layer: the products that make it, and the gradients there."""

from collections.abc import Mapping

from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(
    model: str, weights: str, sample: str | None, node: str, channel: int, row: int, col: int,
    asked: int | None = None, changes: Mapping[tuple[str, int], float] | None = None,
) -> str:  # fmt: skip
    asks = "" if asked is None else f", asked={asked}"
    change = f"model = changed(model, {dict(changes)!r})  # by layer and channel\n" if changes else ""
    import_ = "from cnnlab_core.network.intervene import changed\n" if changes else ""
    return f"""\
import numpy as np
from cnnlab_core.network.cell import explain_backward, explain_cell
{import_}from cnnlab_core.network.layer import chain_of
{IMPORTS}

{prepared(model, weights, sample)}
{change}for node in chain_of(model, "{node}"):  # the layer that reads maps, and what is done to its sum
    cell = explain_cell(model, x, node, {channel}, {row}, {col})
    print(node, cell.operation, f"{{cell.value:.6f}}, the network says {{cell.said:.6f}}")

first = explain_cell(model, x, chain_of(model, "{node}")[0], {channel}, {row}, {col})
products = first.products  # (maps that come in, rows, columns of the window)
print(np.sort(np.abs(products), axis=None)[::-1][:8], products.sum() + first.bias)
back = explain_backward(model, x, first.node, {channel}, {row}, {col}{asks})
print(back.upstream, back.dx.shape)  # dL/dx of each number in the window, L the logit of the class
"""
