"""The trainer process: takes the run's lock, waits for the device, trains, and says in a sentence how it ended.

torch is imported only once the device is this trainer's, so that thirty in the queue cost little.
"""

import errno
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from cnnlab_core.errors import LabError, RunError
from cnnlab_core.training.locks import device_key, held, held_on
from cnnlab_core.training.metrics import say
from cnnlab_core.training.runs import Run, queue
from cnnlab_core.training.turns import Rest, Turn, may_not_go_on

if TYPE_CHECKING:
    import torch

    from cnnlab_core.training.distributed import World
    from cnnlab_core.training.loop import TrainStep

ALREADY = 3
"""The exit status of a trainer that found another at its run."""
_RESERVE_BYTES = 1 << 16
_NICE = 19
"""As far back as there is: a training takes what those who wait for an answer leave."""
_NICE_TRIAL = 5
"""Somebody waits for what is tried of a training: as far back as the lab's own long jobs."""
_AGAIN = "CNNLAB_TRAINER_AGAIN"
"""Tells the next turn's program which descriptor holds the lock."""


def work(run: Run, *, checkpoint_seconds: float = 20.0, report: Callable[[str], None] | None = None) -> int:
    """Be the trainer of a run until it is finished, paused, stopped or failed; gives the exit status.

    ``report`` is told now and then how far it is (in a terminal). A SIGTERM or Ctrl-C is a wish to pause.
    """
    again, taken = os.environ.pop(_AGAIN, ""), f"{run.about.name} is being trained already."
    try:
        with held_on(int(again)) if again else held(run.lock, 1.0, taken) as lock:
            if not again and report is None:
                _be_nice()
            status, turn = _work_alone(run, checkpoint_seconds, report)
            if turn.why in ("time", "room"):
                say(run.metrics_path, "paused", may_not_go_on(run) or "Paused.", resumable=True)
            elif turn.why == "turn":
                say(run.metrics_path, "waiting", "Others have their turn.", pid=os.getpid())
                os.set_inheritable(lock, True)
                os.environ[_AGAIN] = str(lock)
                # A new program in this process: small, without torch, until it is its turn again.
                os.execv(sys.executable, [sys.executable, "-m", "cnnlab_core.training", *sys.argv[1:]])
    except RunError as error:
        print(error, file=sys.stderr)
        return ALREADY
    with suppress(LabError):  # its sweep stands still then, and its page offers to go on
        from cnnlab_core.training.sweep import follow_up

        follow_up(run)
    return status


def work_together(run: Run | None, checkpoint_seconds: float, report: Callable[[str], None] | None = None) -> int:
    """The same under torchrun; every process calls this, and only the leader has a ``run``.

    The processes expect to have their machines to themselves: there is no queue, but a busy device is refused.
    """
    from cnnlab_core.runtime.device import pick_device
    from cnnlab_core.training.distributed import connected, world_from_torchrun

    world = world_from_torchrun()
    kind = pick_device().type
    device = pick_device(f"cuda:{world.local_rank}" if kind == "cuda" else kind)
    with ExitStack() as stack:
        if run:
            stack.enter_context(held(run.lock, 1.0, f"{run.about.name} is being trained already."))
            devices = queue(device_key())
            place = stack.enter_context(devices.place(run.id))
            if devices.ahead(place):
                raise RunError(f"The device is busy with {devices.names()[0]}. Wait until it is done.")
        stack.enter_context(connected(world, device))
        return _train(run, checkpoint_seconds, report, lambda: run.request() if run else "", world, device)


def _work_alone(run: Run, checkpoint_seconds: float, report: Callable[[str], None] | None) -> tuple[int, Turn]:
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError):  # not the main thread: then there are no signals to hear
            signal.signal(number, lambda received, _: signals.append(received))
    devices, said = queue(device_key()), False
    # On Windows a program can't be replaced by another one: a run keeps the device there.
    turn = Turn(run, devices, stands_aside=report is None and os.name == "posix")
    doing = ""

    def wish() -> str:
        return "pause" if signals else run.request() or turn.wish(doing == "training")

    rest = Rest(lambda: devices.visitors_wait() and not (signals or run.request()))

    def follow(step: "TrainStep") -> None:
        nonlocal doing
        doing = step.doing
        if report is None:
            rest.after_step()

    say(run.metrics_path, "starting", "The trainer is starting.", pid=os.getpid())
    with devices.place(run.id) as place:
        for ahead in devices.wait(place):
            if wish():
                say(run.metrics_path, "paused", "Taken out of the queue before it was its turn.", resumable=True)
                return 0, turn
            if not said:
                said = True
                say(run.metrics_path, "waiting", "Waiting for the device.", pid=os.getpid())
            if report:
                report(f"waiting: {ahead} ahead")
        return _train(run, checkpoint_seconds, report, wish, follow=follow), turn


def _train(
    run: Run | None,
    checkpoint_seconds: float,
    report: Callable[[str], None] | None,
    wish: Callable[[], str],
    world: "World | None" = None,
    device: "torch.device | None" = None,
    follow: "Callable[[TrainStep], None]" = lambda step: None,
) -> int:
    reserve = run.folder / "reserve" if run else None
    try:
        if reserve:
            reserve.write_bytes(os.urandom(_RESERVE_BYTES))  # room for the last words on a full disk
        from cnnlab_core.runtime.device import pick_device
        from cnnlab_core.training.loop import train_steps
        from cnnlab_core.training.memory import bound_this_process

        if world is None:
            use_cores((run.machine or {}).get("threads") if run else None)
        if world is None and report is None:
            bound_this_process()
        job = train_steps(
            run,
            world=world,
            device=device or pick_device(),
            checkpoint_seconds=checkpoint_seconds,
            wish=wish,
            locked=True,
        )
        for step in job:
            follow(step)
            if report:
                report(f"{step.doing}: {step.done} of {step.total}")
    except BaseException as error:  # noqa: BLE001  whatever it is, it is written down, and the process ends
        if run and reserve:
            sentence, resumable = _explain(error, run)
            with suppress(OSError):
                reserve.unlink(missing_ok=True)
            with suppress(OSError):
                say(run.metrics_path, "failed", sentence, resumable=resumable)
            print(sentence, file=sys.stderr)
        if not isinstance(error, LabError | OSError):
            traceback.print_exc()
        return 1
    if reserve:
        reserve.unlink(missing_ok=True)
    return 0


def stand_back(seconds: float) -> None:
    """In a process that tries a training: no nicer than a long job in the lab, since a visitor waits for it.

    On a trainer's cores, in a bounded memory; it ends after ``seconds`` more of them all, however long others made it
    wait.
    """
    from cnnlab_core.training.memory import bound_this_process

    _be_nice(_NICE_TRIAL)
    _bound_time(seconds * use_cores())
    bound_this_process()


def _bound_time(seconds: float) -> None:
    """End this process after so many more seconds of a core, where a system can."""
    if sys.platform != "win32":
        import resource

        end, (_, most) = time.process_time() + seconds, resource.getrlimit(resource.RLIMIT_CPU)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(end), most))


def use_cores(threads: int | None = None) -> int:
    """Let torch compute with so many threads; by default as OMP_NUM_THREADS says, else one for each core."""
    import torch

    from cnnlab_core.runtime.device import available_cores

    threads = int(threads or os.environ.get("OMP_NUM_THREADS") or available_cores())
    torch.set_num_threads(threads)
    return threads


def _be_nice(by: int = _NICE) -> None:
    if hasattr(os, "nice"):
        os.nice(by)


def _explain(error: BaseException, run: Run) -> tuple[str, bool]:
    """A sentence, and whether going on makes sense."""
    from cnnlab_core.runtime.device import is_out_of_memory
    from cnnlab_core.training.loop import NotANumberError

    if isinstance(error, NotANumberError):
        return str(error), False
    if isinstance(error, LabError):
        return str(error), True
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"The disk with {run.folder.parent} is full. Free some space, then resume: training goes on from the last "
            "checkpoint, nothing else is lost."
        ), True
    if is_out_of_memory(error):
        return "There isn't enough memory for this batch. Duplicate the run with a smaller batch or network.", True
    return f"The trainer broke off ({type(error).__name__}: {error}). Its trainer.log says where.", True
