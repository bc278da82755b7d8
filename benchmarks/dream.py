"""A step of DeepDream against torch-lucent and the untruncated passes, and a whole dream against its bare passes."""

import statistics
import sys
import time
import types
from collections.abc import Callable, Generator
from typing import Any

import torch

from benchmarks.measure import Row, count
from cnnlab_core.dream import channel, dream_steps, layer, visualise
from cnnlab_core.dream.dream import octave_sizes
from cnnlab_core.dream.goal import bind, gradient
from cnnlab_core.models import LoadedModel, load_model
from cnnlab_core.models.cuts import cut_behind
from cnnlab_core.runtime.jobs import finish

NODE, MODULE = "_blocks.5._bn2", "_blocks_5"
"""One place by its names here and in torch-lucent: the end of the sixth block."""

CHANNEL, SIZE, STEPS = 3, 224, count(12)


def render_vis() -> Callable[..., Any]:
    """torch-lucent's way to draw, without the notebook that it imports to show pictures in."""
    for name in ("IPython", "IPython.display"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["IPython"].display = sys.modules["IPython.display"]  # type: ignore[attr-defined]
    from lucent.optvis import render

    return render.render_vis


def lucent(model: LoadedModel, steps: int) -> None:
    """The same question as ``ours``: Adam on Fourier coefficients and decorrelated colours, nothing moved at random."""
    from lucent.optvis import objectives, param

    render_vis()(
        model.network,
        objectives.channel(MODULE, CHANNEL),
        param_f=lambda: param.image(SIZE, fft=True, decorrelate=True),
        transforms=[],
        thresholds=(steps,),
        progress=False,
        show_image=False,
    )
    for module in model.network.modules():  # it leaves its hooks behind
        module._forward_hooks.clear()


def ours(model: LoadedModel, steps: int) -> None:
    visualise(model, channel(NODE, CHANNEL), size=SIZE, steps=steps, transforms=())


def untruncated(model: LoadedModel) -> Callable[[torch.Tensor], object]:
    """Forward through all of the network as it is, and back from the node."""
    part = cut_behind(model, (NODE, model.nodes()[-1].name))

    def work(x: torch.Tensor) -> object:
        point = x.clone().requires_grad_()
        values, _ = part(model.normalise(point))
        return torch.autograd.grad(values[:, CHANNEL].mean(), point)

    return work


def ms(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begun)


def interleaved(*works: Callable[[], object], rounds: int = 5) -> list[float]:
    """The median milliseconds of each, taken in turns, after one turn to warm up."""
    times = [[ms(work) for work in works] for _ in range(count(rounds) + 1)][1:]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def first_and_all(steps: Generator[Any, None, Any]) -> tuple[float, float]:
    """Milliseconds to the first picture, and to the end."""
    begun = time.perf_counter()
    next(steps)
    first = time.perf_counter()
    finish(steps)
    return 1000 * (first - begun), 1000 * (time.perf_counter() - begun)


def measure() -> list[Row]:
    torch.set_num_threads(1)  # as in the lab: a job a core
    render_vis()
    model = load_model("efficientnet_lite0", device="cpu")
    hooked = load_model("efficientnet_lite0", "random", device="cpu", seed=1)  # not the shared one: it gets hooks
    ours_ms, lucent_ms = interleaved(lambda: ours(model, STEPS), lambda: lucent(hooked, STEPS))
    rows = [Row(f"step at {NODE}, {SIZE} pixels", ours_ms / STEPS, "torch-lucent's", lucent_ms / STEPS, "ms")]

    generator = torch.Generator().manual_seed(0)
    pictures = {side: torch.rand(1, 3, side, side, generator=generator) for side in (112, 224, 448, 672)}
    whole, goal = untruncated(model), bind(model, channel(NODE, CHANNEL), (SIZE, SIZE))
    x = pictures[SIZE]
    step_ms, whole_ms = interleaved(lambda: gradient(goal, x), lambda: whole(x), rounds=15)
    rows.append(Row("forward and gradient, cut and folded", step_ms, "untruncated", whole_ms, "ms"))

    def dreamt(side: int) -> Callable[[], object]:
        picture = pictures[side]
        return lambda: finish(dream_steps(model, picture, layer(NODE), octaves=1, steps=4))

    times = dict(zip(pictures, interleaved(*(dreamt(side) for side in pictures), rounds=3), strict=True))
    for side in (112, 448, 672):
        area = (side / SIZE) ** 2
        rows.append(
            Row(
                f"four steps at {side} pixels, per pixel as at {SIZE}",
                times[side] / area,
                f"at {SIZE}",
                times[SIZE],
                "ms",
            )
        )

    photo = pictures[448]
    sizes = [size for size in octave_sizes((448, 448), 4, 1.4) for _ in range(10)]
    goal = bind(model, layer(NODE), (448, 448))

    def bare() -> None:
        for height, width in sizes:
            gradient(goal, photo[..., :height, :width])

    bare_ms = interleaved(bare, rounds=3)[0]
    first_ms, all_ms = (
        statistics.median(column)
        for column in zip(
            *(first_and_all(dream_steps(model, photo, layer(NODE))) for _ in range(count(3))), strict=True
        )
    )
    rows.append(Row("dream of 448 pixels, 4 octaves × 10 steps", all_ms, "its 40 bare passes", bare_ms, "ms"))
    rows.append(Row("its first picture", first_ms, "half a second", 500.0, "ms"))
    return rows
