"""Pictures a second in the trainer, against a plain DataLoader with torchvision's transforms and the same network; what
it takes beside the bare loop, in processor time; and with the lab's page open on it, against the page closed."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import ROOT, Row, count, lab_server, open_browser, size

if TYPE_CHECKING:
    from cnnlab_core.training import Config

SECONDS = size(8.0, tiny=0.5)
ROUNDS = count(3)
THREADS = 2
EPOCHS = count(6, 2)


def _plain_loop() -> None:
    """What most people write first: one picture at a time through PIL and torchvision; float32, OpenMP's defaults."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    from cnnlab_core.data import open_data
    from cnnlab_core.training.nets import build_net

    data = open_data("shapes").train
    mean, std = (0.5,) * 3, (0.25,) * 3
    change = transforms.Compose(
        [
            transforms.ToPILImage(),
            transforms.RandomCrop(32, padding=4, padding_mode="reflect"),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )

    class Photos(Dataset):
        def __len__(self) -> int:
            return len(data)

        def __getitem__(self, index: int):  # type: ignore[no-untyped-def]
            return change(data.images[index].permute(2, 0, 1)), int(data.labels[index])

    network = build_net("homework_bn", 10, 32)
    optimizer = torch.optim.AdamW(network.parameters(), 0.01)
    loader = DataLoader(Photos(), batch_size=128, shuffle=True, drop_last=True)
    seen, begun = 0, 0.0
    while not begun or time.perf_counter() - begun < SECONDS:
        for number, (x, y) in enumerate(loader):
            if not begun and number == 2:
                begun = time.perf_counter()
            loss = nn.functional.cross_entropy(network(x), y, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(x) if begun else 0
            if begun and time.perf_counter() - begun >= SECONDS:
                break
    print(seen / (time.perf_counter() - begun))


def _trainer() -> None:
    """The trainer itself, as a run in the foreground: batches, metrics, probes and checkpoints, all of it."""
    from cnnlab_core.runtime.device import pick_device
    from cnnlab_core.training import Config, create_run
    from cnnlab_core.training.loop import train_steps

    run = create_run(Config(data="shapes", net="homework_bn", epochs=1000))
    job = train_steps(run, device=pick_device("cpu"))
    begun, first = 0.0, 0
    for step in job:
        if step.doing != "training":
            continue
        if not begun and step.done >= 3:
            begun, first = time.perf_counter(), step.done
        if begun and time.perf_counter() - begun >= SECONDS:
            break
    print((step.done - first) * 128 / (time.perf_counter() - begun))
    job.close()


def bare_loop(config: "Config", *, steps: bool = True) -> "Callable[[], int]":
    """A step on random tensors, of the network and batch of a config: forward, back and, with ``steps``, the optimiser.

    In the precision of the config (or the faster one here, for “auto”) and channels last, at the pictures' full side
    (32); gives the pictures it was of.
    """
    import torch
    from torch import nn

    from cnnlab_core.training.batches import Batch
    from cnnlab_core.training.nets import build_net
    from cnnlab_core.training.optimizers import build_optimizer
    from cnnlab_core.training.precision import choose_precision

    network = build_net(config.net, 10, 32, config.stack).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(network, config)
    x = torch.randn(config.batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    y = torch.arange(config.batch) % 10
    precision = str(config.precision)
    if precision == "auto":
        precision, _ = choose_precision(network, lambda pixels: pixels, Batch(x, y))

    def step() -> int:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = network(x)
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits.float(), y).backward()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            if steps:
                optimizer.step()
        return config.batch

    return step


def _overhead() -> None:
    """Processor time for a picture: of the trainer with all that it does, and of the bare loop, in turns.

    With one thread, so that none waits for another; over whole epochs, so that each look inside, check and checkpoint
    has its part. There are as many steps between two looks as in ten epochs of CIFAR-10.
    """
    from cnnlab_core.runtime.device import pick_device
    from cnnlab_core.training import Config, create_run
    from cnnlab_core.training.loop import train_steps

    config = Config(data="shapes", net="homework_bn", epochs=100, limit=count(5000, 640))
    bare, steps = bare_loop(config), config.limit // config.batch
    taken: dict[str, list[float]] = {"trainer": [], "bare": []}
    job = train_steps(create_run(config), device=pick_device("cpu"))
    begun = time.process_time()
    for step in job:
        if step.doing == "training" and step.done % steps == 0:
            # The check of an epoch comes after its last step: it is counted with the next one.
            taken["trainer"].append(time.process_time() - begun)
            begun = time.process_time()
            for _ in range(steps):
                bare()
            taken["bare"].append(time.process_time() - begun)
            begun = time.process_time()
        if len(taken["bare"]) == EPOCHS:
            break
    job.close()
    for which in ("trainer", "bare"):
        print(1000 * statistics.median(taken[which][1:]) / (steps * config.batch))


def _alone(which: str, threads: int = THREADS) -> list[float]:
    """Pictures a second, or what else one of these prints, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CNNLAB_RUNS": folder, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(Path(__file__)), which]
        done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True, cwd=ROOT)
    return [float(line) for line in done.stdout.split()]


def _open_and_closed() -> tuple[float, float]:
    """Pictures a second of one background run, with the page that watches it open in a browser, and closed, in turns.

    The trainer has one thread, so that the server has a core of its own where there are two. The browser, which
    elsewhere has a machine of its own too, runs here as well: what it takes counts against the page.
    """
    from cnnlab_core.training import Config, start, stop

    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CNNLAB_RUNS": folder, "OMP_NUM_THREADS": "1", "CNNLAB_DEVICE": "cpu"}
        run = start(Config(data="shapes", net="homework_bn", epochs=1000, limit=4000), "watched")
        try:
            seen: dict[bool, list[float]] = {True: [], False: []}
            with lab_server() as (address, _), open_browser() as browser:
                page = browser.new_page()
                page.goto(f"{address}/training?run={run.id}")
                page.get_by_text("pictures/s").first.wait_for(timeout=120_000)
                for turn in range(2 * ROUNDS):
                    is_open = turn % 2 == 0
                    page.goto(f"{address}/training?run={run.id}" if is_open else "about:blank")
                    page.wait_for_timeout(3000)
                    begun = len(run.metrics().steps)
                    page.wait_for_timeout(1000 * SECONDS)
                    # Steps may be written together, with one time for all of them.
                    while not (steps := run.metrics().steps[begun:]) or steps[-1]["seconds"] <= steps[0]["seconds"]:
                        page.wait_for_timeout(1000)
                    seconds = steps[-1]["seconds"] - steps[0]["seconds"]
                    seen[is_open].append((steps[-1]["step"] - steps[0]["step"]) * run.config.batch / seconds)
        finally:
            stop(run)
            while run.state().alive:
                time.sleep(0.1)
    return statistics.median(seen[True]), statistics.median(seen[False])


def measure() -> list[Row]:
    pairs = [(*_alone("trainer"), *_alone("plain")) for _ in range(ROUNDS)]
    ours, theirs = max(pairs, key=lambda pair: pair[0] + pair[1])  # the round with the least disturbance
    whole, bare = _alone("overhead", threads=1)
    watched, alone = _open_and_closed()
    return [
        Row("training homework_bn on the CPU", ours, "DataLoader + torchvision transforms", theirs, "pictures/s"),
        Row("training homework_bn, processor time", whole, "its bare loop", bare, "ms/picture"),
        Row("training with its page open", watched, "closed", alone, "pictures/s"),
    ]


if __name__ == "__main__":
    {"trainer": _trainer, "plain": _plain_loop, "overhead": _overhead}[sys.argv[1]]()
