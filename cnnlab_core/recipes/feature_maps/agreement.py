"""How far several explanations of one answer agree."""

from collections.abc import Sequence

from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(model: str, weights: str, sample: str | None, target: int, methods: Sequence[str]) -> str:
    return f"""\
from cnnlab_core.interpretability import agreement, attribute_all, usual
{IMPORTS}

{prepared(model, weights, sample)}
requests = [usual(model.spec, method, {target}) for method in {list(methods)}]
found = attribute_all(model, x, requests)
matrix = agreement(found)  # rank correlations (methods, methods)
for name, row in zip(found, matrix):
    print(f"{{name:20}}", *(f"{{value:6.2f}}" for value in row))
"""
