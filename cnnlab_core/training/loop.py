"""The training loop: from a config to a tested network, able to stop after any step and to go on exactly there."""

import math
import os
import time
from collections.abc import Callable, Generator
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError, RunError
from cnnlab_core.runtime.device import describe_device, exact_float32, pick_device
from cnnlab_core.runtime.jobs import plainly, relay
from cnnlab_core.training import diagnosis
from cnnlab_core.training.checkpoints import load_checkpoint, save_checkpoint
from cnnlab_core.training.config import Config
from cnnlab_core.training.distributed import World
from cnnlab_core.training.locks import held
from cnnlab_core.training.metrics import MetricsWriter, say, stride
from cnnlab_core.training.runs import Run
from cnnlab_core.training.schedule import learning_rate
from cnnlab_core.training.task import Counted, Standing, Task
from cnnlab_core.training.tasks import open_task_steps

Outcome = Literal["finished", "paused", "stopped"]

FLUSH_SECONDS = 0.25
FLUSH_STEPS = 10
"""Several processes speak of their losses and of what is wanted every so many steps."""
PROBES = 60
"""About how often the insides of the network are looked at during a run."""


class NotANumberError(RunError):
    """The loss overflowed. Going on would end the same way."""


@dataclass(frozen=True)
class TrainStep:
    """``done`` of ``total``: bytes while fetching, else steps or pictures, by what the trainer is ``doing``."""

    doing: Literal["fetching", "training", "checking", "testing"]
    done: int
    total: int


@by_annotation
def train_steps(
    run: Run | None,
    *,
    world: World | None = None,
    device: torch.device | None = None,
    checkpoint_seconds: float = 20.0,
    wish: Callable[[], str] | None = None,
    locked: bool = False,
) -> Generator[TrainStep, None, Outcome]:
    """Train a run from where it stands until it is tested, paused or stopped; yields after every step.

    From its first step to its end it holds the run's lock, by which all others see that it is training, unless the
    caller holds that already (``locked``). ``wish`` tells what is wanted now ("", "pause" or "stop"; by default the
    run's request). Of several processes (``world``) only the leader has a ``run``; the others hear from it. Closing the
    generator is like a kill: the next call goes on from the last checkpoint. Raises ``RunError``, ``DataError`` or
    ``InputError`` as sentences, and ``OSError`` when the disk is full.
    """
    if run:
        run.refuse_shipped()
    elif world is None or world.leads:
        raise InputError("Give the run to train, as create_run makes it.")
    with held(run.lock, 1.0, f"{run.about.name} is being trained already.") if run and not locked else nullcontext():
        return (yield from _train(run, world or World(), device, checkpoint_seconds, wish))


train = plainly(train_steps)


def _train(
    run: Run | None,
    world: World,
    device: torch.device | None,
    checkpoint_seconds: float,
    wish: Callable[[], str] | None,
) -> Generator[TrainStep, None, Outcome]:
    config: Config = world.tell(run.config if run else None)
    device = device or pick_device()
    fetching = open_task_steps(config, device, world)
    while True:
        try:
            step = next(fetching)
        except StopIteration as stop:
            task: Task = stop.value
            break
        yield TrainStep("fetching", step.received, step.total)
        if run and world.size == 1 and (wish or run.request)():
            fetching.close()
            say(run.metrics_path, "paused", "Cancelled while the data was being fetched.", resumable=True)
            return "paused"
    trainer = _Trainer(run, config, world, device, task, checkpoint_seconds, wish)
    try:
        return (yield from trainer.go())
    finally:
        trainer.close()


class _Trainer:
    """One stretch of work on one run: between a start or resume and the end, pause or kill."""

    def __init__(
        self,
        run: Run | None,
        config: Config,
        world: World,
        device: torch.device,
        task: Task,
        checkpoint_seconds: float,
        wish: Callable[[], str] | None,
    ) -> None:
        self.run, self.config, self.world, self.device = run, config, world, device
        self.task, self.feeder, self.learner = task, task.feeder, task.learner
        self.checkpoint_seconds = checkpoint_seconds
        self.wish = wish or (run.request if run else lambda: "")
        if device.type == "cuda":
            torch.backends.cudnn.benchmark = False  # its choice of algorithm could differ after a resume
            torch.backends.cudnn.deterministic = True
            exact_float32()
        self.total = config.epochs * self.feeder.steps
        self.every = stride(self.total)
        self.probes = _probe_steps(self.total)
        self.pending: list[tuple[int, float, torch.Tensor]] = []
        self.writer: MetricsWriter | None = None
        self.standing = Standing()

    # --- the whole of it ---

    def go(self) -> Generator[TrainStep, None, Outcome]:
        self._settle()
        self._restore()
        self._say("state", state="started", sentence="", pid=os.getpid())
        self.flushed = self.saved = time.monotonic()
        wanted = self.world.tell(self.wish())
        while self.standing.step < self.total and not (wanted or self.standing.over):
            epoch, first = divmod(self.standing.step, self.feeder.steps)
            for number, batch in enumerate(self.feeder.epoch(epoch, first), first):
                self._step(epoch, number, batch)
                yield TrainStep("training", self.standing.step, self.total)
                ends = number + 1 == self.feeder.steps
                if ends or self._time_to_flush():
                    wanted = self._flush()
                if ends:
                    yield from self._check(epoch)
                due = not self.pending and time.monotonic() - self.saved >= self.checkpoint_seconds
                if due or wanted or self.standing.over or self.standing.step == self.total:
                    self._save_last()
                if wanted:
                    break
        if wanted == "pause":
            self._say("state", state="paused", sentence=f"Paused after step {self.standing.step}.", resumable=True)
            return "paused"
        if (yield from self._test()) == "pause":
            self._say("state", state="paused", sentence="Paused before the test.", resumable=True)
            return "paused"
        stopped = self.standing.step < self.total
        sentence = f"Stopped after step {self.standing.step} and tested." if stopped else "Finished and tested."
        outcome: Outcome = "stopped" if stopped else "finished"
        self._say("state", state=outcome, sentence=sentence, resumable=False)
        return outcome

    def close(self) -> None:
        if self.writer:
            with suppress(OSError):  # on a full disk what is buffered is lost; resuming writes it again
                self.writer.close()

    # --- before ---

    def _settle(self) -> None:
        """What the first start finds out about machine and data is kept, so that later ones do the same."""
        digest = self.task.digest()
        known = self.world.tell((self.run.machine or {}) if self.run else None)
        if known and known["data_sha256"] != digest:
            raise RunError(
                f"The data set {self.task.title} isn't the one that this run began with. Put the old one back, or "
                "duplicate the run to train on this one."
            )
        if not known:
            precision, why = self.config.precision, "as asked for"
            if precision == "auto":
                precision, why = self.world.tell(self.task.choose_precision())  # type: ignore[assignment]
            known = {
                "device": str(self.device),
                "device_name": describe_device(self.device).split(",")[0],
                "threads": torch.get_num_threads(),
                "processes": self.world.size,
                "precision": precision,
                "precision_why": why,
                "torch": torch.__version__,
                "data_sha256": digest,
                **self.task.facts(),
                "parameters": sum(p.numel() for p in self.learner.network.parameters()),
                "total_steps": self.total,
            }
            if self.run:
                self.run.write_json("machine.json", known)
        self.precision = str(known["precision"])
        self.learner.half = self.precision == "bfloat16"
        self.moved = known["device"] != str(self.device) or known["processes"] != self.world.size

    def _restore(self) -> None:
        saved = self.world.tell(load_checkpoint(self.run.checkpoints) if self.run else None)
        if saved:
            self.learner.restore(saved)
            self.standing = Standing(**saved["progress"])
        if self.run:
            self.writer = MetricsWriter(self.run.metrics_path, keep=saved["metrics_bytes"] if saved else 0)
            if saved and self.moved:
                sentence = "The run goes on on another device or with other processes, so its last digits may differ."
                self._say("notice", about="moved", sentence=sentence)

    # --- a step ---

    def _step(self, epoch: int, number: int, batch: Any) -> None:
        step = self.standing.step
        rate = learning_rate(self.config, step, self.total)
        probing = step in self.probes
        if probing and self.run:
            self.task.keep(self.run, step)
        self.pending.append((step, rate, self.learner.learn(batch, rate, epoch, number)))
        self.standing.step += 1
        if probing and self.run:
            for kind, values in self.task.look(step):
                self._say(kind, **values)

    def _time_to_flush(self) -> bool:
        if self.world.size > 1:
            return self.standing.step % FLUSH_STEPS == 0
        return time.monotonic() - self.flushed >= min(FLUSH_SECONDS, self.checkpoint_seconds)

    def _flush(self) -> str:
        """Write down the steps since the last time; gives what is wanted now."""
        if not self.pending:
            return self.world.tell(self.wish())
        values = self.world.mean(torch.stack([value for _, _, value in self.pending])).tolist()
        now = time.monotonic()
        speed = len(values) * self.feeder.per_step / max(now - self.flushed, 1e-9)
        self.standing.seconds += now - self.flushed
        for (step, rate, _), (loss, accuracy) in zip(self.pending, values, strict=True):
            if step % self.every == 0 or step + 1 == self.total or not math.isfinite(loss):
                self._say(
                    "step",
                    step=step,
                    epoch=step // self.feeder.steps,
                    loss=loss,
                    accuracy=accuracy,
                    rate=rate,
                    speed=round(speed, 1),
                    seconds=round(self.standing.seconds, 2),
                )
            if not math.isfinite(loss):
                raise self._overflow(step, rate)
            self.standing.loss_sum += loss
            self.standing.accuracy_sum += accuracy
        self.pending.clear()
        if self.writer:
            self.writer.flush()
        self.flushed = now
        return self.world.tell(self.wish())

    def _overflow(self, step: int, rate: float) -> NotANumberError:
        layer = self.task.broken_layer()
        return NotANumberError(diagnosis.explain_nan(self.config, step, rate, layer, self.precision))

    # --- an epoch's end ---

    def _check(self, epoch: int) -> Generator[TrainStep, None, None]:
        """Ask about what is held out, if anything is, and keep the best weights."""
        standing, steps = self.standing, self.feeder.steps
        checked = yield from relay(self.task.check(standing), lambda counted: TrainStep("checking", *counted))
        self._say(
            "epoch",
            epoch=epoch,
            step=standing.step,
            train_loss=standing.loss_sum / steps,
            train_accuracy=standing.accuracy_sum / steps,
            **checked.values,
            seconds=round(standing.seconds, 2),
        )
        standing.loss_sum = standing.accuracy_sum = 0.0
        for kind, values in checked.lines:
            self._say(kind, **values)
        if checked.score is not None and checked.score > standing.best_score:
            standing.best_score, standing.best_step = checked.score, standing.step
            self._save_best()
        self.flushed = time.monotonic()  # checking isn't training: it doesn't count in the speed

    def _save_last(self) -> None:
        """Everything that going on needs."""
        if self.run and self.writer:
            state = self.learner.state() | {"progress": asdict(self.standing), "metrics_bytes": self.writer.sync()}
            save_checkpoint(self.run.checkpoints, "last", self.standing.step, state)
        self.saved = time.monotonic()

    def _save_best(self) -> None:
        """The weights alone."""
        if self.run:
            state = {"network": self.learner.judged.state_dict(), "progress": asdict(self.standing)}
            save_checkpoint(self.run.checkpoints, "best", self.standing.step, state)

    # --- the end ---

    def _test(self) -> Generator[TrainStep, None, str]:
        """The best weights on the test set, which is read here and nowhere else; "pause" if that is wanted first.

        Without held-out pictures to choose by, the last weights.
        """
        if self.run:
            self.task.keep(self.run, self.standing.step)
        best = self.world.tell(load_checkpoint(self.run.checkpoints, "best") if self.run else None)
        used = self.standing.step
        if best and best["progress"]["step"] == self.standing.best_step:
            self.learner.judged.load_state_dict(best["network"])
            used = self.standing.best_step
        asking = self.task.test(self.run)
        while True:
            try:
                counted: Counted = next(asking)
            except StopIteration as stop:
                tested: dict[str, Any] = stop.value
                break
            yield TrainStep("testing", *counted)
            if self.world.size == 1 and self.wish() == "pause":
                asking.close()
                return "pause"
        finals = {
            "weights_of_step": used,
            "total_steps": self.total,
            **tested,
            "validation_score": self.standing.best_score if self.standing.best_step >= 0 else None,
            "seconds": round(self.standing.seconds, 1),
        }
        if self.run:
            self.run.write_json("finals.json", finals)
        return ""

    def _say(self, kind: str, **values: object) -> None:
        if self.writer:
            self.writer.write(kind, **values)
            if kind != "step":
                self.writer.flush()


def _probe_steps(total: int) -> frozenset[int]:
    """The steps at which the insides are looked at: 0, 1, 2, 4, 8, ... and then evenly."""
    powers = {0} | {2**k for k in range(20)}
    spacing = max(1, math.ceil(total / PROBES))
    return frozenset(step for step in powers | set(range(0, total, spacing)) if step < total)
