"""Maps of a network that becomes random layer by layer."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(
    model: str, weights: str, sample: str | None, target: int, methods: Sequence[str], arguments: Mapping[str, Any]
) -> str:
    settings = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"""\
from cnnlab_core.interpretability import randomisation, usual
{IMPORTS}

{prepared(model, weights, sample)}
requests = [usual(model.spec, method, {target}) for method in {list(methods)}]
found = randomisation(model, x, requests, {settings})
for name, signed, sizes in zip(
    found.methods, found.correlations(absolute=False), found.correlations(absolute=True)
):
    for place, one, other in zip(found.layers, signed, sizes):
        print(f"{{name:20}} random from {{place or 'nowhere'}}: {{one:.2f}}, sizes alone {{other:.2f}}")
"""
