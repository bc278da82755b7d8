"""Thirty sessions ask for one model at the same moment, against one session asking."""

import statistics
import threading
import time

from benchmarks.measure import Row, count
from cnnlab_core.models.build import build_pretrained
from cnnlab_core.models.registry import Key, Registry
from cnnlab_core.models.weights import find_weights

ROUNDS = count(7)
KEY = Key("efficientnet_lite0", "pretrained", "cpu", 0)


def timed(askers: int) -> tuple[float, int]:
    """Milliseconds until the last of ``askers`` has the model, and how often it was loaded."""
    loads = []

    def load(spec, key):  # type: ignore[no-untyped-def]
        loads.append(key)
        return build_pretrained(spec, find_weights(spec))

    registry, barrier = Registry(10**9, load), threading.Barrier(askers + 1)

    def ask() -> None:
        barrier.wait()
        registry.get(KEY)

    threads = [threading.Thread(target=ask) for _ in range(askers)]
    for thread in threads:
        thread.start()
    begun = time.perf_counter()
    barrier.wait()
    for thread in threads:
        thread.join()
    return 1000 * (time.perf_counter() - begun), len(loads)


def measure() -> list[Row]:
    timed(1)
    alone = [timed(1) for _ in range(ROUNDS)]
    many = [timed(30) for _ in range(ROUNDS)]
    return [
        Row(
            "time until all 30 have the model",
            statistics.median(t for t, _ in many),
            "one asking",
            statistics.median(t for t, _ in alone),
            "ms",
        ),
        Row("loads caused by 30 askers", max(n for _, n in many), "one asking", max(n for _, n in alone), "loads"),
    ]
