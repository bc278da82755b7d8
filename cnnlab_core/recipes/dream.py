"""The Python behind each view of the DeepDream page: a few lines that give the same pictures in a notebook."""

import re
from collections.abc import Mapping
from typing import Any

from cnnlab_core.recipes.opening import IMPORTS, picture

_SHRUNK = """\
photo = {picture}
photo.thumbnail(({side}, {side}))
x = to_tensor(photo).to(model.device)  # (1, 3, H, W), pixels in [0, 1]"""


def dream_code(
    model: str, weights: str, sample: str | None, side: int, objective: str, settings: Mapping[str, Any], seed: int
) -> str:
    """A dream from a picture whose longer side is ``side``; ``objective`` is an expression, as ``layer("x")``."""
    return f"""\
import torch
from cnnlab_core.dream import {_names(objective, "dream")}
from cnnlab_core.images import open_image, sample_images, to_picture, to_tensor
from cnnlab_core.models import load_model

model = load_model("{model}", weights="{weights}")
{_SHRUNK.format(picture=picture(sample), side=side)}
generator = torch.Generator().manual_seed({seed})
for step in dream(
    model,
    x,
    {objective},
{_arguments(settings)}
    generator=generator,
):
    print(step.octave, step.step, step.objective)
dreamt = to_picture(step.image)
"""


def zoom_code(
    model: str,
    weights: str,
    sample: str | None,
    side: int,
    objective: str,
    frames: int,
    factor: float,
    settings: Mapping[str, Any],
    seed: int,
) -> str:
    """A zoom into a dream."""
    return f"""\
import torch
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.dream import {_names(objective, "zoom")}
from cnnlab_core.images import open_image, sample_images, to_tensor
from cnnlab_core.models import load_model

model = load_model("{model}", weights="{weights}")
{_SHRUNK.format(picture=picture(sample), side=side)}
frames = finish(zoom(  # uint8 (frames, 3, H, W)
    model,
    x,
    {objective},
    frames={frames},
    factor={factor},
{_arguments(settings)}
    generator=torch.Generator().manual_seed({seed}),
))
"""


def visualise_code(
    model: str, weights: str, sample: str | None, objective: str, settings: Mapping[str, Any], seed: int, *, photo: bool
) -> str:
    """A visualisation from noise, or from a photo."""
    start = f"    start=model.prepare({picture(sample)}),\n" if photo else ""
    imports = IMPORTS if photo else "from cnnlab_core.models import load_model"
    return f"""\
import torch
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.dream import {_names(objective, "visualise")}
{imports}

model = load_model("{model}", weights="{weights}")
found = finish(visualise(
    model,
    {objective},
{start}{_arguments(settings)}
    generator=torch.Generator().manual_seed({seed}),
))
print(found.before, found.after, found.image.shape)  # pixels in [0, 1]
"""


def atlas_code(model: str, weights: str) -> str:
    """The atlas of a network."""
    return f"""\
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.dream.atlas import atlas
from cnnlab_core.models import load_model

for entry in finish(atlas(load_model("{model}", weights="{weights}"))):
    print(entry.node, entry.channel, entry.picture.size)
"""


def _names(objective: str, function: str) -> str:
    """What is imported for an objective and the function that climbs it."""
    return ", ".join(sorted({*re.findall(r"(\w+)\(", objective), function}))


def _arguments(settings: Mapping[str, Any]) -> str:
    return "\n".join(f"    {name}={value!r}," for name, value in settings.items())
