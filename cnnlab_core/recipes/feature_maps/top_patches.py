"""The patches of the sample pictures with the highest activations of one channel."""

from cnnlab_core.recipes.opening import IMPORTS


def code(model: str, weights: str, node: str, channel: int, most: int, per_picture: int) -> str:
    return f"""\
from cnnlab_core.interpretability.top_patches import top_patches
from cnnlab_core.receptive_field import receptive_fields
from cnnlab_core.runtime.jobs import finish
{IMPORTS}

model = load_model("{model}", weights="{weights}")
gallery = [open_image(sample.content) for sample in sample_images().values()]  # or your own
field = receptive_fields(model)["{node}"]
patches = finish(top_patches(model, field, {channel}, gallery, most={most}, per_picture={per_picture}))
for patch in patches:
    print(patch.picture, (patch.row, patch.col), patch.activation, patch.box)
"""
