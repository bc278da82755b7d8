"""Characters a second in the trainer, against a plain loop with torch's own recurrent layers on the same text; and the
bits per character that both reach after the same steps, from the same first weights.

Seconds are of processor time on one thread, so that other work on the machine counts little."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import ROOT, Row, count

ROUNDS = count(5)
STEPS = count(284, tiny=5)
THREADS = 1
NETS = ("rnn", "lstm")
MEASURED = 20_000
"""Characters of the test text on which both are compared."""


def _config(net: str):  # type: ignore[no-untyped-def]
    from cnnlab_core.training import config_from

    sizes = {"batch": 64, "window": 32, "epochs": 1}
    plain = {"schedule": "constant", "learning_rate": 0.005, "weight_decay": 0.0}
    return config_from({"data": "names", "net": net, **sizes, **plain})


def _plain_loop(net: str) -> None:
    """What most people write first: batch first, the state detached after each window, AdamW, clipping."""
    import torch
    from torch import nn

    from cnnlab_core.data import open_text
    from cnnlab_core.training.text import TextFeeder, TextLearner

    config, text, device = _config(net), open_text("names"), torch.device("cpu")
    size = len(text.characters)
    feeder = TextFeeder(text.split(config.validation)[0], config, device)
    windows = list(feeder.epoch(0))
    streams = torch.cat([read for read, _ in windows] + [windows[-1][1][-1:]]).T.contiguous()  # (N, length)

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(size, config.embedding)
            self.cell = {"rnn": nn.RNN, "lstm": nn.LSTM}[net](config.embedding, config.hidden, batch_first=True)
            self.readout = nn.Linear(config.hidden, size)

        def forward(self, codes, state=None):  # type: ignore[no-untyped-def]
            outputs, state = self.cell(self.embedding(codes), state)
            return self.readout(outputs), state

    network = Plain()
    network.load_state_dict(TextLearner(config, characters=size, streams=1, device=device).network.state_dict())
    optimizer = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=0.0)
    state, begun = None, 0.0
    for number in range(STEPS):
        if number == 3:
            begun = time.process_time()
        window = streams[:, number * config.window : (number + 1) * config.window + 1]
        logits, state = network(window[:, :-1], state)
        state = tuple(part.detach() for part in state) if net == "lstm" else state.detach()
        loss = nn.functional.cross_entropy(logits.reshape(-1, size), window[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), config.clip)
        optimizer.step()
        loss.item()  # what is printed, or drawn
    speed = (STEPS - 3) * feeder.per_step / (time.process_time() - begun)
    test = torch.from_numpy(text.test[:MEASURED])[None]
    with torch.no_grad():
        logits, _ = network(test[:, :-1])
        print(speed, float(nn.functional.cross_entropy(logits[0], test[0, 1:])) / 0.6931471805599453)


def _trainer(net: str) -> None:
    """The trainer itself, as a run in the foreground: windows, metrics, probes, samples and checkpoints, all of it."""
    from cnnlab_core.data import open_text
    from cnnlab_core.runtime.device import pick_device
    from cnnlab_core.training import character_model, create_run
    from cnnlab_core.training.loop import train_steps

    config, text = _config(net), open_text("names")
    run = create_run(config)
    job = train_steps(run, device=pick_device("cpu"), wish=lambda: "")
    begun, speed = 0.0, 0.0
    for step in job:
        if step.doing == "training" and step.done == 3:
            begun = time.process_time()
        if step.doing == "training" and step.done == STEPS:
            per_step = (run.machine or {})["characters_per_step"]
            speed = (STEPS - 3) * per_step / (time.process_time() - begun)
    print(speed, character_model(run).bits_per_character(text.written(text.test[:MEASURED])))


def _alone(which: str, net: str) -> tuple[float, float]:
    """Characters a second and bits per character of one of the two, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CNNLAB_RUNS": folder, "OMP_NUM_THREADS": str(THREADS),
                       "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}  # fmt: skip
        command = [sys.executable, str(Path(__file__)), which, net]
        done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True, cwd=ROOT)
    speed, bits = map(float, done.stdout.split()[-2:])
    return speed, bits


def measure() -> list[Row]:
    rows = []
    for net in NETS:
        rounds = [(_alone("trainer", net), _alone("plain", net)) for _ in range(ROUNDS)]
        (_, bits), (_, peer_bits) = rounds[0]
        ours, theirs = (statistics.median(pair[which][0] for pair in rounds) for which in (0, 1))
        rows += [
            Row(f"training on text, {net}", ours, f"plain nn.{net.upper()} loop", theirs, "characters/s of CPU"),
            Row(f"bits × 1000 after {STEPS} steps, {net}", 1000 * bits, "the same loop", 1000 * peer_bits, ""),
        ]
    return rows


if __name__ == "__main__":
    {"trainer": _trainer, "plain": _plain_loop}[sys.argv[1]](sys.argv[2])
