"""The patches of the sample pictures, or of a data set, with the highest activations of one channel."""

from cnnlab_core.recipes.opening import IMPORTS

_GALLERY = "pictures = [open_image(sample.content) for sample in sample_images().values()]  # or your own"


def _of_a_set(name: str, most: int) -> str:
    return f"""\
import numpy as np
from PIL import Image
from cnnlab_core.data import open_data

train = open_data("{name}").train
chosen = np.linspace(0, len(train) - 1, min({most}, len(train))).astype(int)
pictures = [Image.fromarray(train.images[int(at)].numpy()) for at in chosen]"""


def code(model: str, weights: str, node: str, channel: int, most: int, per_picture: int, data: str, many: int) -> str:
    """``data`` is the name of a set, of which ``many`` pictures are looked through; "" for the samples."""
    return f"""\
from cnnlab_core.interpretability.top_patches import top_patches
from cnnlab_core.receptive_field import receptive_fields
{IMPORTS}

model = load_model("{model}", weights="{weights}")
{_of_a_set(data, many) if data else _GALLERY}
field = receptive_fields(model)["{node}"]
patches = top_patches(model, field, {channel}, pictures, most={most}, per_picture={per_picture})
for patch in patches:
    print(patch.picture, (patch.row, patch.col), patch.activation, patch.box)
"""
