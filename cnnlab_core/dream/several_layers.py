"""Dreams of several layers from the same noise: what does each of them add to nothing?"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from cnnlab_core.dream.dream import dream_steps
from cnnlab_core.dream.objectives import layer
from cnnlab_core.images import to_picture
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import Progress, part, plainly
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True)
class LayerDream:
    """The picture (1, 3, S, S) in [0, 1] of the layer ``node``; its objective on the noise and on the 8-bit picture."""

    node: str
    image: torch.Tensor
    before: float
    after: float

    def _pictures(self) -> list[Image.Image]:
        return [to_picture(self.image[:1])]


def grey_noise(size: int, seed: int) -> torch.Tensor:
    """A picture (1, 3, size, size) of grey levels drawn evenly from 96/255 to 159/255."""
    levels = torch.randint(96, 160, (1, 3, size, size), generator=torch.Generator().manual_seed(seed))
    return levels.float() / 255


def dream_layers_steps(
    model: LoadedModel, nodes: Sequence[str], *, norm: str = "rms", size: int = 224, seed: int = 0, **settings: Any
) -> Generator[Progress[None], None, tuple[LayerDream, ...]]:
    """For each node a dream of the whole layer, measured as ``norm`` (see ``objectives.layer``), from the same noise.

    The random shifts are the same too. ``settings`` are those of ``dream``. Raises ``InputError`` as that does.
    """
    start, found = grey_noise(size, seed).to(model.device), []
    for done, node in enumerate(nodes):
        generator = torch.Generator().manual_seed(seed)
        steps = dream_steps(model, start, layer(node, norm), generator=generator, **settings)
        dreamt = yield from part(steps, done, 1, len(nodes))
        found.append(LayerDream(node, dreamt.image, dreamt.before, dreamt.after))
    return tuple(found)


dream_layers = plainly(dream_layers_steps)
