"""The lab on a GPU: its speed beside its peers', and what breaks on one, in under eight minutes.

``python -m benchmarks.gpu --to docs/gpu.md`` writes the table. ``--rehearse`` goes through every line on the CPU, so
small that the figures mean nothing. A part that breaks is a row of its own; the others go on, and the exit status is 1.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

HEADING = "## The table"
EPS, STEP = 4 / 255, 1 / 255


@dataclass(frozen=True)
class Size:
    """How much is done; ``train_seconds`` is when a training is stopped and tested, ``goals`` are shares to reach."""

    device: str
    data: str
    network: str = "efficientnet_lite0"
    node: str = "_blocks.5._bn2"
    epochs: int = 0
    stack: str = ""
    train_seconds: float = 150.0
    goals: tuple[float, float] = (0.84, 0.94)
    pictures: int = 32
    rounds: int = 7
    steps: int = 20
    threads: int = 30


REHEARSED = Size(
    "cpu",
    "own:rehearsed",
    network="glass_cifar10",
    node="relu6",
    epochs=1,
    stack="c4k3s2,norm,relu,m2s2",
    goals=(0.0, 0.0),
    pictures=2,
    rounds=1,
    steps=1,
)


@dataclass(frozen=True)
class Row:
    """A figure, and what stands beside it."""

    what: str
    found: str
    beside: str = ""


def trained(size: Size) -> Iterator[Row]:
    """Pictures a second, and the time until so many held-out pictures are right: homework_bn, then the preset Deep."""
    from cnnlab_core.training.presets import PRESETS

    presets = {preset.title: preset.config for preset in PRESETS}
    # Twice the epochs of the preset that is made for a processor: it reaches 82 % in four.
    for title, epochs, goal in (("Quick", 8, size.goals[0]), ("Deep", 0, size.goals[1])):
        what = f"the preset “{title}”" + (f", {epochs} epochs" if epochs else "")
        if title not in presets:
            yield Row(what, "there is no such preset")
            continue
        config = replace(presets[title], data=size.data, validation=0.1)
        config = replace(config, epochs=size.epochs or epochs or config.epochs)
        if size.stack:
            config = replace(config, net="stack", stack=size.stack)
        yield from _run(what, config, goal, size)


def _run(what: str, config: Any, goal: float, size: Size) -> Iterator[Row]:
    from cnnlab_core.runtime.device import pick_device
    from cnnlab_core.training import create_run
    from cnnlab_core.training.curves import curves
    from cnnlab_core.training.loop import train

    run, begun = create_run(config), time.monotonic()
    late = lambda: "stop" if time.monotonic() - begun > size.train_seconds else ""  # noqa: E731
    train(run, device=pick_device(size.device), wish=late)
    found, metrics, finals = curves(run.metrics()), run.metrics(), run.finals or {}
    precision = (run.machine or {})["precision"]
    yield Row(f"{what}: training", f"{found.speed_now:,.0f} pictures/s", f"{precision}, batch {config.batch}")
    reached = [epoch["seconds"] for epoch in metrics.epochs if (epoch["validation_accuracy"] or 0) >= goal]
    told = f"{reached[0]:.1f} s" if reached else f"not in {found.seconds[-1]:.0f} s"
    tested = finals.get("views_accuracy", finals["accuracy"])
    yield Row(f"{what}: {goal:.0%} of held-out pictures", told, f"{tested:.2%} of the test pictures at the end")


def attacked(size: Size) -> Iterator[Row]:
    """A step of PGD on a batch, beside torchattacks where it is there, else beside a loop by hand."""
    import torch
    from torch.nn import functional as F

    from cnnlab_core.attacks import pgd_steps
    from cnnlab_core.models import load_model

    model, x = load_model(size.network, device=size.device), _pictures(size)
    y = model(x).argmax(-1)
    steps = pgd_steps(model, x, y, eps=EPS, step_size=STEP, steps=100_000)
    next(steps)
    try:
        import torchattacks
    except ImportError:
        peer = "a loop by hand"

        def theirs() -> None:
            point = x.clone()
            for _ in range(size.steps):
                point.requires_grad_()
                (slope,) = torch.autograd.grad(F.cross_entropy(model.published(point), y, reduction="sum"), point)
                point = (point.detach() + STEP * slope.sign()).clamp(x - EPS, x + EPS).clamp(0, 1)
    else:
        peer = "torchattacks"
        attack = torchattacks.PGD(_module(model), eps=EPS, alpha=STEP, steps=size.steps, random_start=False)
        theirs = lambda: attack(x, y)  # noqa: E731
    ours = _ms(lambda: [next(steps) for _ in range(size.steps)], size) / size.steps
    other = _ms(theirs, size) / size.steps
    yield Row(f"a step of PGD on {len(x)} photos, {size.network}", f"{ours:.1f} ms", f"{peer}: {other:.1f} ms")


def dreamt(size: Size) -> Iterator[Row]:
    """A step of a drawn channel, beside torch-lucent where it is there, else beside a loop by hand."""
    import torch

    from cnnlab_core.dream import channel, visualise
    from cnnlab_core.models import load_model
    from cnnlab_core.models.cuts import cut_behind

    node, place = size.node, 3
    model = load_model(size.network, device=size.device)
    side = model.spec.preprocessing.crop
    try:
        from benchmarks.dream import NODE, lucent

        if node != NODE:
            raise ImportError
    except ImportError:
        peer, part = "a loop by hand", cut_behind(model, (node,))

        def theirs() -> None:
            point = torch.rand(1, 3, side, side, device=model.device, requires_grad=True)
            adam = torch.optim.Adam([point], 0.05)
            for _ in range(size.steps):
                adam.zero_grad()
                (-part(model.normalise(point.sigmoid()))[0][:, place].mean()).backward()
                adam.step()
    else:
        peer, hooked = "torch-lucent", load_model(size.network, "random", device=size.device, seed=1)
        theirs = lambda: lucent(hooked, size.steps)  # noqa: E731
    drawn = lambda: visualise(model, channel(node, place), size=side, steps=size.steps, transforms=())  # noqa: E731
    ours, other = _ms(drawn, size) / size.steps, _ms(theirs, size) / size.steps
    yield Row(f"a step of drawing a channel, {side} pixels", f"{ours:.1f} ms", f"{peer}: {other:.1f} ms")


def asked_by_many(size: Size) -> Iterator[Row]:
    """Threads that ask at once for a network nobody has loaded, and for its answer, through the gate."""
    from cnnlab_core.models import load_model
    from cnnlab_core.models.registry import registry
    from cnnlab_core.runtime.gate import gate
    from cnnlab_core.runtime.jobs import finish

    registry().put_away_idle()
    x, answers = _pictures(size)[:1], list[Any]()
    start = threading.Barrier(size.threads + 1)

    def asking(model: Any) -> Generator[None, None, Any]:
        yield
        return model.top_k(x)

    def session() -> None:
        start.wait()
        model = load_model(size.network, "random", device=size.device, seed=7)
        best = finish(gate(x.device.type).drive(asking(model), who=threading.get_ident()))
        answers.append([(one.index, one.logit) for one in best])

    threads = [threading.Thread(target=session) for _ in range(size.threads)]
    for thread in threads:
        thread.start()
    begun = time.perf_counter()
    start.wait()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    _want(len(answers) == size.threads, f"{size.threads - len(answers)} threads got no answer")
    _want(all(answer == answers[0] for answer in answers), "the answers differ")
    loaded = [key for key in registry().loaded() if key.weights == "random" and key.seed == 7]
    _want(len(loaded) == 1, f"the network was loaded {len(loaded)} times")
    yield Row(f"{size.threads} threads: one network, an answer for each", f"{seconds:.2f} s", "loaded once")


def answered_in_a_batch(size: Size) -> Iterator[Row]:
    """Requests answered one by one, and as one batch."""
    import torch

    from cnnlab_core.models import load_model

    model, x = load_model(size.network, device=size.device), _pictures(size)

    @torch.no_grad()
    def one_by_one() -> "torch.Tensor":
        return torch.cat([model(row).cpu() for row in x.split(1)])

    @torch.no_grad()
    def at_once() -> "torch.Tensor":
        return model(x).cpu()

    apart = (one_by_one() - at_once()).abs().max().item()
    _want(apart < 1e-2, f"a batch gives logits that differ by {apart:.3g}")
    single, batch = (len(x) / _ms(work, size) * 1000 for work in (one_by_one, at_once))
    yield Row(f"requests as a batch of {len(x)}", f"{batch:,.0f} photos/s", f"one by one: {single:,.0f}")
    yield Row("logits of a batch and of single photos", f"differ by {apart:.1e} at most")


def out_of_memory(size: Size) -> Iterator[Row]:
    """An attack that finds the memory full, and again once it was freed: the same result, and nothing left over."""
    import torch

    from cnnlab_core.attacks import pgd
    from cnnlab_core.models import load_model
    from cnnlab_core.runtime.device import with_memory_retry

    model, x = load_model(size.network, device=size.device), _pictures(size)
    y = model(x).argmax(-1)
    work = lambda: pgd(model, x, y, eps=EPS, step_size=STEP, steps=1)  # noqa: E731
    before, used = work().x_adv, _allocated()
    full, attempts = _filled(x.device), list[int]()

    def attempt() -> Any:
        attempts.append(1)
        if full and x.device.type == "cpu":
            torch.empty(1 << 50, dtype=torch.uint8)  # a processor's memory is everybody's: it is only asked for
        return work()

    after = with_memory_retry(attempt, full.clear).x_adv
    _want(len(attempts) == 2, f"the attack was tried {len(attempts)} times, not twice")
    _want(torch.equal(before, after), "the attack ended elsewhere after it")
    del after
    _want(_allocated() <= used, f"{_allocated() - used:,} bytes stayed behind")
    yield Row("out of memory", "caught, freed, tried again", "the same bytes, and nothing left over")


def the_same_bytes(size: Size) -> Iterator[Row]:
    """The same seed twice: a training's checkpoint, an attack's pictures, a dream's."""
    import torch

    from cnnlab_core.attacks import pgd
    from cnnlab_core.dream import channel, visualise
    from cnnlab_core.models import load_model
    from cnnlab_core.runtime.device import pick_device
    from cnnlab_core.training import Config, create_run
    from cnnlab_core.training.checkpoints import load_checkpoint
    from cnnlab_core.training.loop import train

    model, x = load_model(size.network, device=size.device), _pictures(size)
    config = Config(data=size.data, limit=2560, epochs=1, optimizer="muon")
    if size.stack:
        config = replace(config, net="stack", stack=size.stack)

    def weights(half: bool) -> "torch.Tensor":
        run = create_run(replace(config, precision="bfloat16" if half else "float32"))
        train(run, device=pick_device(size.device))
        return torch.cat([p.flatten() for p in (load_checkpoint(run.checkpoints) or {})["network"].values()])

    works: dict[str, Callable[[], torch.Tensor]] = {
        "a training, float32": lambda: weights(False),
        "a training, bfloat16": lambda: weights(True),
        "an attack": lambda: pgd(model, x, eps=EPS, steps=size.steps, random_start=True, generator=3).x_adv,
        "a drawn channel": lambda: (
            visualise(model, channel(size.node, 3), size=96, steps=size.steps, generator=3).image
        ),
    }
    for what, work in works.items():
        same = torch.equal(work(), work())
        yield Row(f"the same seed twice: {what}", "the same bytes" if same else "other bytes")
        _want(same or size.device != "cpu", f"{what} gives other bytes the second time")


PARTS = (trained, attacked, dreamt, asked_by_many, answered_in_a_batch, out_of_memory, the_same_bytes)


def _little_data(name: str) -> None:
    """A few pictures of the lab's shapes, as a data set of its own."""
    from cnnlab_core.data.dataset import Dataset, write_dataset
    from cnnlab_core.data.own import own_path
    from cnnlab_core.data.shapes import CLASSES, draw

    few = Dataset(name, "a few shapes", CLASSES, draw(300, [1]), lambda: draw(50, [2]))
    write_dataset(own_path(name.partition(":")[2]), few)


def _pictures(size: Size) -> "torch.Tensor":
    """So many photos of the gallery, one after another, on the device."""
    import torch

    from cnnlab_core.images import open_image, sample_images
    from cnnlab_core.models import load_model

    model = load_model(size.network, device=size.device)
    photos = [model.prepare(open_image(sample.content)) for sample in list(sample_images().values())[: size.pictures]]
    return torch.cat(photos * (1 + size.pictures // len(photos)))[: size.pictures]


def _module(model: Any) -> "torch.nn.Module":
    """The model as the module that torchattacks wants."""
    from torch import nn

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = model.network

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            return self.network(model.normalise(x))

    return Module().eval()


def _ms(work: Callable[[], object], size: Size) -> float:
    """The median of so many rounds in milliseconds, each until the device has done it; the first doesn't count."""
    from cnnlab_core.runtime.device import finish_kernels

    times = []
    for _ in range(size.rounds + 1):
        finish_kernels()
        begun = time.perf_counter()
        work()
        finish_kernels()
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times[1:])


def _filled(device: "torch.device") -> list[Any]:
    """A GPU's memory, taken to the last megabyte; of a processor's, nothing but the word that it is full."""
    import torch

    if device.type == "cpu":
        return ["full"]
    held, block = list[Any](), 1 << 32
    while block >= 1 << 20:
        try:
            held.append(torch.empty(block, dtype=torch.uint8, device=device))
        except torch.OutOfMemoryError:
            block //= 2
    return held


def _allocated() -> int:
    import torch

    return torch.cuda.memory_allocated() if torch.cuda.is_available() else 0


def _want(true: bool, otherwise: str) -> None:
    if not true:
        raise AssertionError(otherwise)


def measured(size: Size) -> tuple[list[Row], bool]:
    """The rows of every part, and whether none broke."""
    rows, whole = list[Row](), True
    for part in PARTS:
        begun, about = time.monotonic(), (part.__doc__ or "").partition(":")[0].rstrip(".")
        try:
            for row in part(size):
                rows.append(row)
                print(f"… {row.what}: {row.found}", flush=True)
        except Exception as error:  # noqa: BLE001  whatever it is, it is what the table is for
            whole = False
            said = f"{type(error).__name__}: {error}".splitlines()[0][:200].replace("|", "/")
            rows.append(Row(about, "broke", said))
            print(f"… {about}: broke: {said}", flush=True)
        print(f"  ({time.monotonic() - begun:.1f} s)", flush=True)
    return rows, whole


def table(rows: list[Row], size: Size) -> str:
    """The rows in Markdown, below what they were measured on."""
    import platform

    import torch

    from cnnlab_core.runtime.device import describe_device, pick_device

    machine = describe_device(pick_device(size.device)).split(",")[0]
    lines = [f"{machine}; torch {torch.__version__}, Python {platform.python_version()}, data: {size.data}.", ""]
    lines += ["| figure | found | beside it |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {row.what} | {row.found} | {row.beside} |" for row in rows)]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, with tiny sizes")
    parser.add_argument("--data", default="cifar10", help="the data set to train on (default cifar10)")
    parser.add_argument("--device", default="cuda", help="default cuda")
    parser.add_argument("--to", type=Path, help=f"a file whose part below “{HEADING}” becomes the table")
    options = parser.parse_args(arguments)
    size = REHEARSED if options.rehearse else Size(options.device, options.data)
    # As a trainer of its own sets them; before the device is first used.
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "CNNLAB_DEVICE": size.device, "CNNLAB_RUNS": folder}
        if options.rehearse:
            os.environ["CNNLAB_DATA"] = folder
            _little_data(size.data)
        rows, whole = measured(size)
        found = table(rows, size)
    print(f"\n{found}")
    if options.to:
        text = options.to.read_text(encoding="utf-8")
        options.to.write_text(text[: text.index(HEADING) + len(HEADING)] + f"\n\n{found}", encoding="utf-8")
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
