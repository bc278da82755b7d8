"""The filters of the first convolution, as numbers and as colours."""


def code(model: str, weights: str, index: int) -> str:
    return f"""\
from cnnlab_core.interpretability.first_layer_filters import as_colours, first_layer_filters
from cnnlab_core.models import load_model

filters = first_layer_filters(load_model("{model}", weights="{weights}"))
tiles = as_colours(filters.weights, "all filters")  # (filters, rows, columns, RGB) in [0, 1], 0.5 is weight 0
print(filters.node, filters.weights.shape)
print(filters.weights[{index}])  # (RGB, rows, columns)
"""
