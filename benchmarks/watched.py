"""The lab as ``streamlit run`` starts it, with a window: ``python -m benchmarks.watched SOCKET run app.py``.

What is measured from outside is a process; whether each model is in it once, only the process can tell.
"""

import gc
import json
import sys
import threading
import time
from collections import Counter
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

MB = 2**20
_RESTING = ("wait", "select", "accept", "_worker", "_collect_now_and_then", "task")
"""Where threads are that have nothing to do."""


def look(window: Path, question: str = "figures", *details: float) -> dict[str, Any]:
    """Ask a watched lab: ``figures`` of its memory and sessions, or for so many seconds where its threads are
    (``stacks``)."""
    with Client(str(window)) as connection:
        connection.send_bytes(json.dumps([question, *details]).encode())
        return json.loads(connection.recv_bytes())


def figures() -> dict[str, Any]:
    """The models that the registry knows with the size of each, all the weights that live in the process, sessions."""
    from streamlit.runtime.app_session import AppSession

    things = gc.get_objects()
    found: dict[str, Any] = {"models": {}, "weights": 0.0, "threads": threading.active_count()}
    found["sessions"] = sum(isinstance(thing, AppSession) for thing in things)
    if "cnnlab_core.models.registry" in sys.modules:
        import torch

        from cnnlab_core.models.registry import registry
        from cnnlab_core.runtime.gate import gate

        found["gate"] = [gate("cpu").running, gate("cpu").waiting]
        loaded = registry().loaded()
        found["models"] = {f"{key.model}, {key.weights}": size / MB for key, (size, _) in loaded.items()}
        networks = [thing for thing in things if isinstance(thing, torch.nn.Module)]
        tensors = {t.data_ptr(): t for n in networks for t in (*n.parameters(False), *n.buffers(False))}
        found["weights"] = sum(t.numel() * t.element_size() for t in tensors.values()) / MB
    return found


def stacks(seconds: float) -> dict[str, Any]:
    """Where the threads that work are, as the seven innermost calls: samples, the most frequent first."""
    seen: Counter[str] = Counter()
    me, end, rounds = threading.get_ident(), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        rounds += 1
        for thread, frame in sys._current_frames().items():
            if thread == me or frame.f_code.co_name in _RESTING:
                continue
            chain: list[str] = []
            step: Any = frame
            while step and len(chain) < 60:
                chain.append(f"{Path(step.f_code.co_filename).name}:{step.f_lineno} {step.f_code.co_name}")
                step = step.f_back
            seen[" < ".join(chain[:7])] += 1
        time.sleep(0.01)
    return {"rounds": rounds, "lines": seen.most_common(60)}


def _answer(window: Path) -> None:
    with Listener(str(window)) as listener:
        while True:
            with listener.accept() as connection:
                _talk(connection)


def _talk(connection: Connection) -> None:
    question, *details = json.loads(connection.recv_bytes())
    connection.send_bytes(json.dumps(stacks(*details) if question == "stacks" else figures()).encode())


if __name__ == "__main__":
    from streamlit.web.cli import main

    threading.Thread(target=_answer, args=(Path(sys.argv[1]),), daemon=True).start()
    sys.argv = ["streamlit", *sys.argv[2:]]
    main()
