"""The Python of the tab Filters and gradients."""


def code(run: str, step: int, scale: str) -> str:
    """The first layer's filters before a step as one RGB array."""
    return f"""\
from PIL import Image
from cnnlab_core.interpretability.first_layer_filters import as_colours
from cnnlab_core.plots.mosaic import rgb, tiles
from cnnlab_core.training import find_run
from cnnlab_core.training.snapshots import filter_steps, read_filters

run = find_run("{run}")
print("kept before steps", filter_steps(run))
weights = read_filters(run, {step})  # (filters, 3, rows, columns)
picture = tiles(rgb(as_colours(weights, "{scale}")), cols=16, tile=44).picture
picture.save("filters.png")
"""
