"""The probability of a class while a map's hottest pixels go and come."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(
    model: str, weights: str, sample: str | None, target: int, methods: Sequence[str], arguments: Mapping[str, Any]
) -> str:
    settings = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"""\
from cnnlab_core.interpretability import attribute_all, deletion, usual
from cnnlab_core.interpretability.methods import enlarged
{IMPORTS}

{prepared(model, weights, sample)}
requests = [usual(model.spec, method, {target}) for method in {list(methods)}]
found = attribute_all(model, x, requests)
maps = {{name: enlarged(each.values, tuple(x.shape[2:])) for name, each in found.items()}}
curves = deletion(model, x, {target}, maps, {settings})
for name, area in curves.areas("deletion").items():
    print(f"{{name:20}} deletion {{area:.3f}}, insertion {{curves.areas('insertion')[name]:.3f}}")
"""
