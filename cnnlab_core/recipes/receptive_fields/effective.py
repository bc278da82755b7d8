"""How much each pixel affects a unit, and the radii that hold its influence."""

from collections.abc import Sequence

from cnnlab_core.recipes.opening import IMPORTS


def code(
    model: str, weights: Sequence[str], unit: tuple[str, int, int], channel: int | None, count: int, *, noise: bool
) -> str:
    """For a unit (node, row, col), for each kind of weights; ``channel`` None: the sum of all of them."""
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
{start}{IMPORTS}
from cnnlab_core.receptive_field.effective import {names}

{samples}influence = {{}}
for weights in {tuple(weights)!r}:
    model = load_model("{model}", weights=weights)
    pictures = {pictures}
    influence[weights] = effective_field(model, "{node}", {row}, {col}, pictures, channel={channel})
    centre, radii = mass_radii(influence[weights])  # of 25, 50 and 95 % of the mass
    print(weights, centre, radii)
"""
