"""Pictures a second in the trainer, against a plain DataLoader with torchvision's transforms and the same network;
and with the lab's page open on it, against the page closed."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import ROOT, Row, count, lab_server, open_browser, size

SECONDS = size(8.0, tiny=0.5)
ROUNDS = count(3)
THREADS = 2


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


def _alone(which: str) -> float:
    """Pictures a second of one of the two, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CNNLAB_RUNS": folder, "OMP_NUM_THREADS": str(THREADS), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(Path(__file__)), which]
        done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True, cwd=ROOT)
    return float(done.stdout.split()[-1])


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
    pairs = [(_alone("trainer"), _alone("plain")) for _ in range(ROUNDS)]
    ours, theirs = max(pairs, key=lambda pair: pair[0] + pair[1])  # the round with the least disturbance
    watched, alone = _open_and_closed()
    return [
        Row("training homework_bn on the CPU", ours, "DataLoader + torchvision transforms", theirs, "pictures/s"),
        Row("training with its page open", watched, "closed", alone, "pictures/s"),
    ]


if __name__ == "__main__":
    {"trainer": _trainer, "plain": _plain_loop}[sys.argv[1]]()
