"""The Python behind each view of the feature maps page: a few lines that give the same numbers in a notebook."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlab_core.recipes.opening import IMPORTS, picture


def maps_code(model: str, weights: str, sample: str | None, node: str, channel: int) -> str:
    """All maps of a node, and the numbers of one channel."""
    return f"""\
import torch
from cnnlab_core.interpretability.map_statistics import order, statistics
from cnnlab_core.interpretability.activations import capture
{IMPORTS}

model = load_model("{model}", weights="{weights}")
x = model.prepare({picture(sample)})  # (1, 3, H, W), pixels in [0, 1]
with torch.no_grad():
    maps = capture(model, x, ["{node}"])["{node}"][0].cpu().numpy()

print(maps.shape)  # channels, rows, columns
channel, found = {channel}, statistics(maps)
print(f"channel {{channel}}: mean {{found.mean[channel]:.3g}}, {{found.sparsity[channel]:.0%}} at or below 0")
print("interpretable first:", order(maps, "interpretable first")[:10])
"""


def compare_code(first: tuple[str, str | None], second: tuple[str, str | None], model: str, node: str) -> str:
    """The same channels of two (weights, sample) pairs, and how alike they are."""
    sides = "\n".join(f'    ("{weights}", {picture(sample)}),' for weights, sample in (first, second))
    return f"""\
import torch
from cnnlab_core.interpretability.map_statistics import correlations, differences
from cnnlab_core.interpretability.activations import capture
{IMPORTS}

def maps_of(weights, picture):
    model = load_model("{model}", weights=weights)
    with torch.no_grad():
        return capture(model, model.prepare(picture), ["{node}"])["{node}"][0].cpu().numpy()

left, right = (maps_of(weights, picture) for weights, picture in (
{sides}
))
correlation, difference = correlations(left, right), differences(left, right)  # one number per channel
"""


def depths_code(model: str, weights: str, sample: str | None, chosen: dict[str, list[int]]) -> str:
    """Chosen channels of several nodes."""
    return f"""\
import torch
from cnnlab_core.interpretability.activations import capture
{IMPORTS}

chosen = {chosen!r}  # the channels of each layer
model = load_model("{model}", weights="{weights}")
with torch.no_grad():
    found = capture(model, model.prepare({picture(sample)}), chosen)
maps = {{node: found[node][0, channels].cpu().numpy() for node, channels in chosen.items()}}
"""


def patches_code(model: str, weights: str, node: str, channel: int, most: int, per_picture: int) -> str:
    """The strongest patches of the gallery for one channel."""
    return f"""\
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.interpretability.top_patches import strongest_patches
from cnnlab_core.receptive_field import receptive_fields
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model

model = load_model("{model}", weights="{weights}")
gallery = [open_image(sample.content) for sample in sample_images().values()]  # or your own
field = receptive_fields(model)["{node}"]
patches = finish(
    strongest_patches(model, field, {channel}, gallery, most={most}, per_picture={per_picture})
)
for patch in patches:
    print(patch.picture, (patch.row, patch.col), patch.activation, patch.box)
"""


def filters_code(model: str, weights: str, index: int) -> str:
    """The filters of the first convolution, as numbers and as colours."""
    return f"""\
from cnnlab_core.interpretability.first_layer_filters import as_colours, first_filters
from cnnlab_core.models import load_model

filters = first_filters(load_model("{model}", weights="{weights}"))
tiles = as_colours(filters.weights, "all filters")  # (filters, rows, columns, RGB) in [0, 1], 0.5 is weight 0
print(filters.node, filters.weights.shape)
print(filters.weights[{index}])  # (RGB, rows, columns)
"""


def field_code(model: str, node: str, row: int, col: int) -> str:
    """The receptive field of a node, and the pixels that one unit sees."""
    return f"""\
from cnnlab_core.models import load_model
from cnnlab_core.receptive_field import receptive_fields

field = receptive_fields(load_model("{model}", weights="random"))["{node}"]  # the weights don't matter
print(field.size, field.jump, field.start)
print(field.box({row}, {col}))  # top, left, bottom, right: from 0, both ends included
"""


def attribution_code(model: str, weights: str, sample: str | None, questions: Sequence[Mapping[str, Any]]) -> str:
    """One line for each question: the fields of an ``explanation.Question`` by name."""
    lines = {
        "Saliency": "saliency_map = saliency(model, x, {target}).amax(1)[0]  # the largest over the colours",
        "Grad-CAM": 'cam = grad_cam(model, x, {target}, "{node}")[0, 0]',
        "Integrated gradients": (
            "found = finish(integrated_gradients(model, x, {target}, steps={steps}, baseline={baseline}))\n"
            "print(found.difference, found.gap)  # f(x) - f(baseline), and what the sum misses of it\n"
            "gradients = found.attribution.sum(1)[0]"
        ),
        "Occlusion": (
            "falls = finish(occlusion(model, x, {target}, window={window}, stride={stride}, baseline={baseline}))[0, 0]"
        ),
    }
    calls = "\n".join(lines[question["method"]].format(**question) for question in questions)
    functions = [name for name in ("grad_cam", "integrated_gradients", "occlusion", "saliency") if f"{name}(" in calls]
    finish = "from cnnlab_core.runtime.jobs import finish\n" if "finish(" in calls else ""
    return f"""\
from cnnlab_core.interpretability.attribution import {", ".join(functions)}
{finish}{IMPORTS}

model = load_model("{model}", weights="{weights}")
x = model.prepare({picture(sample)})  # (1, 3, H, W), pixels in [0, 1]
{calls}
"""


def effective_field_code(
    model: str, weights: Sequence[str], unit: tuple[str, int, int], channel: int | None, count: int, *, noise: bool
) -> str:
    """The influence of each pixel on a unit (node, row, col), for each kind of weights, and the radii of its mass."""
    node, row, col = unit
    pictures = (
        f"noise_pictures(model, {count}, torch.Generator().manual_seed(0))"
        if noise
        else "[model.prepare(open_image(sample.content)) for sample in samples]"
    )
    start = "import torch\n" if noise else ""
    names = "effective_field, mass_radii" + (", noise_pictures" if noise else "")
    samples = "" if noise else f"samples = list(sample_images().values())[:{count}]\n"
    return f"""\
{start}from cnnlab_core.runtime.jobs import finish
{IMPORTS}
from cnnlab_core.receptive_field.effective import {names}

{samples}influence = {{}}
for weights in {tuple(weights)!r}:
    model = load_model("{model}", weights=weights)
    pictures = {pictures}
    influence[weights] = finish(effective_field(model, "{node}", {row}, {col}, pictures, channel={channel}))
    centre, radii = mass_radii(influence[weights])  # of 25, 50 and 95 % of the mass
    print(weights, centre, radii)
"""


def stack_code(stack: str, side: int) -> str:
    """The field of every row of a stack."""
    return f"""\
from cnnlab_core.models.stack import read_stack
from cnnlab_core.receptive_field.stack import stack_fields

fields = stack_fields(read_stack("{stack}"), {side})
for field in fields:
    print(field.name, field.map_size, field.size, field.jump, field.start)
"""
