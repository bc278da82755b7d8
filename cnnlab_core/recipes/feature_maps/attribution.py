"""Which pixels speak for a class, by each of the methods shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlab_core.recipes.opening import IMPORTS, prepared

FUNCTIONS = ("grad_cam", "grad_cam_plus_plus", "integrated_gradients", "occlusion", "rise", "saliency", "smooth_grad")


def code(model: str, weights: str, sample: str | None, requests: Sequence[Mapping[str, Any]]) -> str:
    """One line for each request: the fields of an ``attribution.Request`` by name."""
    lines = {
        "SmoothGrad": (
            "mean = smooth_grad(model, x, {target}, draws={draws}, noise={noise})\nsmooth = mean.abs().amax(1)[0]"
        ),
        "Grad-CAM++": 'cam_plus = grad_cam_plus_plus(model, x, {target}, "{node}")[0, 0]',
        "RISE": "seen = rise(model, x, {target}, masks={masks})[0, 0]\nabove = seen - seen.mean()",
        "Saliency": "saliency_map = saliency(model, x, {target}).amax(1)[0]  # the largest over the colours",
        "Grad-CAM": 'cam = grad_cam(model, x, {target}, "{node}")[0, 0]',
        "Integrated gradients": (
            "found = integrated_gradients(model, x, {target}, steps={steps}, baseline={baseline})\n"
            "print(found.difference.item(), found.gap.item())  # f(x) - f(baseline), and what the sum misses of it\n"
            "gradients = found.attribution.sum(1)[0]"
        ),
        "Occlusion": (
            "falls = occlusion(model, x, {target}, window={window}, stride={stride}, baseline={baseline})[0, 0]"
        ),
    }
    calls = "\n".join(lines[request["method"]].format(**request) for request in requests)
    functions = [name for name in FUNCTIONS if f" {name}(" in calls]
    return f"""\
from cnnlab_core.interpretability import {", ".join(functions)}
{IMPORTS}

{prepared(model, weights, sample)}
{calls}
"""
