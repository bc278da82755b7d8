"""A picture that a layer takes for the photo."""

from collections.abc import Mapping
from typing import Any

from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(model: str, weights: str, sample: str | None, node: str, arguments: Mapping[str, Any]) -> str:
    settings = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"""\
from cnnlab_core.images import to_picture
from cnnlab_core.interpretability import distance_at, inversion
{IMPORTS}

{prepared(model, weights, sample)}
found = inversion(model, x, "{node}", {settings})
print(f"{{distance_at(model, x, found.image, '{node}'):.1%}} of the size of the layer's maps apart")
to_picture(found.image).save("inverted.png")
"""
