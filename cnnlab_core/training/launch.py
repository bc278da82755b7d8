"""Starting, pausing and stopping trainers from anywhere: a page, a terminal, a notebook. Needs no torch."""

import os
import subprocess
import sys
import threading
import time
from typing import Any

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import RunError
from cnnlab_core.models.exports import runs_folder
from cnnlab_core.runtime.assets import PACKAGE
from cnnlab_core.runtime.limits import environment_beside
from cnnlab_core.training.config import Config
from cnnlab_core.training.locks import device_key, held, is_held
from cnnlab_core.training.runs import Run, create_run, list_runs, queue, run_of
from cnnlab_core.training.turns import day_is_over, refuse_to_go_on
from cnnlab_core.training.worker import ALREADY

_START_SECONDS = 30
_BUSY = "Another run is being started. Try again in a moment."


@by_annotation
def start(
    config: Config,
    name: str = "",
    *,
    owner: str = "",
    token: str = "",
    checkpoint_seconds: float | None = None,
    most_waiting: int | None = None,
) -> Run:
    """Check a config, make its run and start its trainer. A second call with the same ``token`` changes nothing.

    Raises ``InputError`` for what can't be trained, ``RunError`` when ``owner`` has a run at work already or more than
    ``most_waiting`` would wait for the device.
    """
    from cnnlab_core.training.checks import check

    check(config)
    run = run_of(config, token) if token else None
    if run is None:
        refuse_another(owner)
        if why := day_is_over(owner):
            raise RunError(why)
        refuse_a_long_queue(most_waiting)
        run = create_run(config, name, owner=owner, token=token)
    if run.state().name == "ready":
        launch(run, checkpoint_seconds=checkpoint_seconds, again=True)
    return run


@by_annotation
def resume(run: Run, *, checkpoint_seconds: float | None = None) -> None:
    """Go on with a paused, interrupted or failed run. Raises ``RunError`` where that can't be."""
    ready_to_resume(run)
    launch(run, checkpoint_seconds=checkpoint_seconds)


def ready_to_resume(run: Run) -> None:
    """Take back what was asked of the run. Raises ``RunError`` if it can't go on."""
    state = run.state()
    if state.alive:
        raise RunError(f"{run.about.name} is being trained already.")
    if not state.resumable:
        raise RunError(f"{run.about.name} can't go on: {state.sentence} Duplicate it instead.")
    run.ask("")


@by_annotation
def pause(run: Run) -> None:
    """Ask the trainer to write a checkpoint and exit; it does within about a second."""
    if not run.state().alive:
        raise RunError(f"{run.about.name} isn't training, so there is nothing to pause.")
    run.ask("pause")


@by_annotation
def stop(run: Run) -> None:
    """End the training here: what is learned is tested, and can be exported. It can't go on afterwards."""
    state = run.state()
    if not state.alive and not state.resumable:
        raise RunError(f"{run.about.name} has ended already.")
    run.ask("stop")
    if not state.alive:
        launch(run)


def launch(run: Run, *, checkpoint_seconds: float | None = None, again: bool = False) -> None:
    """Start a trainer for the run and return once it holds the run's lock.

    It is a process of its own (never a fork), nice to others, and outlives this one. Raises ``RunError`` if the run
    has a trainer already (unless ``again`` says that this is fine) or its owner another one at work.
    """
    with held(runs_folder() / "launch.lock", _START_SECONDS, _BUSY):
        run.refuse_shipped()
        if is_held(run.lock):
            if again:
                return
            raise RunError(f"{run.about.name} is being trained already.")
        refuse_another(run.about.owner, run.id)
        if run.request() != "stop":  # which only tests it
            refuse_to_go_on(run)
        _spawn(run, checkpoint_seconds)


def refuse_another(owner: str, besides: str = "") -> None:
    """Raise ``RunError`` if a visitor has a run at work already, besides the one with that id."""
    if not owner:
        return
    for other in list_runs():
        if other.id != besides and other.about.owner == owner and is_held(other.lock):
            raise RunError(f"Your run “{other.about.name}” is still at work. Pause or stop it, then start this one.")


def refuse_a_long_queue(most_waiting: int | None) -> None:
    """Raise ``RunError`` if a run that starts now would make more than ``most_waiting`` wait for the device."""
    # The first in the queue has the device.
    if most_waiting is not None and (waiting := len(queue(device_key()).names())) > most_waiting:
        raise RunError(f"{waiting - 1} runs are already waiting for the device. Start yours when one has finished.")


def begin_process(*command: str, **options: Any) -> "subprocess.Popen[bytes]":
    """A process that runs a command of ``python -m cnnlab_core.training``, in the environment of a trainer."""
    home = str(PACKAGE.parent)  # in the repository the lab need not be installed
    environment = {
        **environment_beside(),
        "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")])),
        "CNNLAB_RUNS": str(runs_folder()),
        "PYTHONIOENCODING": "utf-8",  # as its log is read
        # Idle OpenMP threads sleep, so that the lab beside the trainer has the cores while it computes.
        "OMP_WAIT_POLICY": "PASSIVE",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # the same sums in the same order
    }
    command = (sys.executable, "-m", "cnnlab_core.training", *command)
    return subprocess.Popen(command, env=environment, **options)


def _spawn(run: Run, checkpoint_seconds: float | None) -> None:
    command = ["work", run.id]
    if checkpoint_seconds is not None:
        command.append(f"--checkpoint-seconds={checkpoint_seconds}")
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    try:
        with (run.folder / "trainer.log").open("ab") as log:
            process = begin_process(*command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, **apart)
    except OSError as error:
        raise RunError(f"The trainer of {run.about.name} couldn't be started: {error.strerror}.") from None
    threading.Thread(target=process.wait, daemon=True, name=f"reap {run.id}").start()  # no zombie stays behind
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and not is_held(run.lock) and time.monotonic() < end:
        time.sleep(0.02)
    if process.poll() == ALREADY:
        raise RunError(f"{run.about.name} is being trained already.")
    if process.poll() not in (None, 0) and not run.metrics().states:
        said = (run.folder / "trainer.log").read_text(encoding="utf-8", errors="replace").strip()
        raise RunError(f"The trainer didn't start: {said.splitlines()[-1] if said else 'no word'}")
