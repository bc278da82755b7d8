"""What is tried of a training in a process of its own: within a trainer's memory and a time, one at a time."""

import json
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import suppress
from typing import IO, Any

from cnnlab_core.errors import RunError
from cnnlab_core.training.launch import begin_process
from cnnlab_core.training.runs import Run

_one_at_a_time = threading.Lock()
_BESIDE_OTHERS = 10.0
"""How many times its time a trial may take on a machine that is busy with other things."""
_OUT_OF_TIME = -getattr(signal, "SIGXCPU", 0)


def trial_steps(command: str, question: str, seconds: float) -> Generator[list[Any], None, list[Any]]:
    """What ``python -m cnnlab_core.training <command>`` answers to a question on its standard input: JSON, by line.

    Yields the lines so far about ten times a second, and gives those that came within so many ``seconds`` of the cores'
    time: on a busy machine it is given longer. One is tried at a time; the others wait. Closing the generator ends the
    process.

    Raises:
        RunError: what the process said when it couldn't be done.
    """
    lines, found = list[Any](), queue.SimpleQueue[bytes | None]()
    while not _one_at_a_time.acquire(timeout=0.1):
        yield lines
    try:
        with tempfile.TemporaryFile() as said:
            process = begin_process(command, str(seconds), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)
            try:
                threading.Thread(target=_hand_over, args=(process, question, found), daemon=True).start()
                end = time.monotonic() + _BESIDE_OTHERS * seconds
                while time.monotonic() < end:
                    try:
                        line = found.get(timeout=0.1)
                    except queue.Empty:
                        pass
                    else:
                        if line is None:
                            _refuse(process.wait(), said)
                            break
                        lines.append(json.loads(line))
                    yield lines
            finally:
                process.kill()
                process.wait()
    finally:
        _one_at_a_time.release()
    return lines


def shipped_answer(run: Run, command: str, question: Mapping[str, Any]) -> list[Any] | None:
    """The lines that ``command`` answered when a run was made to come with the lab, if it was asked just this."""
    try:
        kept = json.loads((run.folder / f"{command}.json").read_text(encoding="utf-8")) if run.shipped else {}
    except (OSError, ValueError):
        return None
    return kept["lines"] if kept.get("question") == question else None


def _hand_over(process: "subprocess.Popen[bytes]", question: str, lines: "queue.SimpleQueue[bytes | None]") -> None:
    """Give the process its question, and pass on its lines; None at the end."""
    with suppress(OSError, ValueError):
        assert process.stdin
        assert process.stdout
        process.stdin.write(question.encode())
        process.stdin.close()
        for line in process.stdout:
            lines.put(line)
    lines.put(None)


def _refuse(status: int, said: IO[bytes]) -> None:
    """Raise ``RunError`` for a process that ended so before its time was over: its own sentence, if it had one."""
    if status in (0, _OUT_OF_TIME):
        return
    said.seek(0)
    last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
    if status == 2 and last:  # a LabError
        raise RunError(last)
    raise RunError("This couldn't be tried: it takes more memory than there is. Use a smaller batch or network.")
