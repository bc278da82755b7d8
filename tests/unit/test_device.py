"""The gate: fair, never held across a yield, and free again whatever happens."""

import gc
import os
import sys
import threading
import time
import weakref
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from patience import patience

from cnnlab_core.errors import DeviceError
from cnnlab_core.runtime import device
from cnnlab_core.runtime.device import available_cores, describe_device, likely_device, pick_device, with_memory_retry
from cnnlab_core.runtime.gate import Gate, Slice, Waiting, gate
from cnnlab_core.runtime.jobs import finish


def counting(steps, seconds=0.0):
    for index in range(steps):
        time.sleep(seconds)
        yield index
    return "done"


def collect(driven):
    """All steps and the result of a driven job."""
    steps = []
    while True:
        try:
            event = next(driven)
        except StopIteration as stop:
            return steps, stop.value
        if isinstance(event, Slice):
            steps += event.steps


def test_a_driven_job_gives_every_step_in_order_and_its_result():
    for slice_seconds in (0, 0.001, 1):
        assert collect(Gate(1).drive(counting(50), slice_seconds=slice_seconds)) == (list(range(50)), "done")


def test_the_slot_is_free_whenever_the_consumer_has_the_word():
    shared = Gate(1)
    for event in shared.drive(counting(20, 0.002), slice_seconds=0.005):
        assert isinstance(event, Slice)
        assert shared.running == 0
        with shared.slot():  # would hang if the job still held it
            assert shared.running == 1


def test_an_error_in_the_job_frees_the_gate_and_reaches_the_consumer():
    def failing():
        yield 1
        raise ValueError("broken")

    shared = Gate(1)
    with pytest.raises(ValueError, match="broken"):
        collect(shared.drive(failing()))
    assert (shared.running, shared.waiting) == (0, 0)


@pytest.mark.parametrize("leave", ["close", "drop"])
def test_a_consumer_that_goes_away_closes_the_job(leave):
    closed = []

    def job():
        try:
            yield from counting(1000, 0.001)
        finally:
            closed.append(True)

    shared = Gate(1)
    driven = shared.drive(job(), slice_seconds=0.005)
    next(driven)
    if leave == "close":
        driven.close()
    del driven
    assert closed == [True]
    assert (shared.running, shared.waiting) == (0, 0)


def test_a_consumer_that_leaves_while_it_waits_gives_up_its_place():
    shared = Gate(1)
    with shared.slot():
        driven = shared.drive(counting(1), report_seconds=0.01)
        assert next(driven) == Waiting(0)
        assert shared.waiting == 1
        driven.close()
        assert shared.waiting == 0


def test_those_who_wait_are_told_their_place_and_served_in_order():
    shared = Gate(1)
    order, places = [], {}
    begun = [threading.Event() for _ in range(4)]

    def session(number):
        driven = shared.drive(counting(1), report_seconds=0.02)
        for event in driven:
            if isinstance(event, Waiting):
                places.setdefault(number, event.ahead)
                begun[number].set()
            else:
                order.append(number)

    with shared.slot():
        threads = []
        for number in range(4):
            threads.append(threading.Thread(target=session, args=(number,)))
            threads[-1].start()
            assert begun[number].wait(patience(5))
    for thread in threads:
        thread.join(patience(5))
    assert order == [0, 1, 2, 3]
    assert places == {0: 0, 1: 1, 2: 2, 3: 3}


def test_it_tells_of_whoever_waits_for_long(monkeypatch):
    shared, told = Gate(1), []
    shared.when_long = lambda: told.append(shared.waiting)
    with shared.slot():
        driven = shared.drive(counting(1), report_seconds=0.01)
        assert next(driven) == next(driven) == Waiting(0)
        assert not told
        monkeypatch.setattr("cnnlab_core.runtime.gate.LONG_SECONDS", 0.0)
        assert next(driven) == Waiting(0)
    assert told == [1]
    driven.close()


def test_the_first_turns_of_a_new_job_come_before_the_further_turns_of_others():
    shared = Gate(1)
    options = {"slice_seconds": 0.0, "report_seconds": 0.01}
    old = shared.drive(counting(3), **options)
    assert [next(old), next(old)] == [Slice([0]), Slice([1])]
    with shared.slot():
        assert next(old) == Waiting(0)
        new = shared.drive(counting(1), **options)
        newer = shared.drive(counting(1), **options)
        assert [next(new), next(newer), next(old)] == [Waiting(0), Waiting(1), Waiting(2)]
    for driven in (new, newer, old):
        driven.close()


@pytest.mark.fault(
    "A visitor starts twenty jobs", "Turns go round by visitor: another one's job waits for none of them"
)
def test_turns_go_round_by_visitor_and_then_by_job():
    shared, done = Gate(1, express=1), []
    options = {"slice_seconds": 0.0, "report_seconds": 0.01}

    def session(who):
        for event in shared.drive(counting(10, 0.002), who=who, **options):
            done.extend([who] * isinstance(event, Slice))

    with shared.slot(), shared.slot():  # the express one too
        threads = [threading.Thread(target=session, args=(who,)) for who in [*["twenty"] * 20, "one"]]
        for thread in threads:
            thread.start()
        while shared.waiting < 21:
            time.sleep(0.001)
    for thread in threads:
        thread.join(patience(10))
    last = max(place for place, who in enumerate(done) if who == "one")
    assert done.count("one") == 10
    assert done[:last].count("twenty") < 30  # 11 by turns, 200 by jobs
    assert len(done) == 210


def test_what_is_shared_is_time_not_steps(monkeypatch):
    now, done = [0.0], []
    monkeypatch.setattr("cnnlab_core.runtime.gate.time", SimpleNamespace(monotonic=lambda: now[0]))
    shared = Gate(1)

    def steps(count, seconds):
        for index in range(count):
            now[0] += seconds
            yield index

    def session(kind, seconds):
        for event in shared.drive(steps(60, seconds), slice_seconds=0.1, report_seconds=0.01):
            done.extend([kind] * isinstance(event, Slice))

    with shared.slot():
        threads = [threading.Thread(target=session, args=one) for one in (("long", 1.0), ("short", 0.1)) * 4]
        for thread in threads:
            thread.start()
        while shared.waiting < 8:
            time.sleep(0.001)
    for thread in threads:
        thread.join(patience(10))
    last = max(place for place, who in enumerate(done) if who == "short")
    assert done[:last].count("long") < 80  # 24 by time, 240 by steps
    assert len(done) == 480


def test_many_first_turns_of_one_visitor_leave_those_of_another_free():
    shared = Gate(1, express=1)
    options = {"slice_seconds": 0.0, "report_seconds": 0.001}
    with shared.slot():
        many = [shared.drive(counting(3), who="many", **options) for _ in range(20)]
        answers = [next(driven) for driven in many]
        assert [isinstance(answer, Slice) for answer in answers] == [True] * 3 + [False] * 17
        assert collect(shared.drive(counting(1), who="one", **options)) == ([0], "done")
        for driven in many[10:]:
            driven.close()  # turns that weren't taken don't count
        assert shared._next["many"] == 10
    for driven in many:
        driven.close()


def test_a_paused_consumer_in_front_delays_nobody():
    shared = Gate(1)
    with shared.slot():
        paused = shared.drive(counting(3), report_seconds=0.01)
        assert isinstance(next(paused), Waiting)  # first in the queue, but its consumer does nothing more
    assert collect(shared.drive(counting(2))) == ([0, 1], "done")
    assert collect(paused) == ([0, 1, 2], "done")  # and it still has its turn when it comes back


def test_jobs_take_turns_slice_by_slice():
    shared = Gate(1)
    turns = []

    def session(name):
        for event in shared.drive(counting(10, 0.004), slice_seconds=0.01):
            if isinstance(event, Slice):
                turns.append(name)

    threads = [threading.Thread(target=session, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience(10))
    switches = sum(first != second for first, second in pairwise(turns))
    assert switches >= 3, turns


def test_a_first_turn_may_go_beyond_the_slots_and_a_further_one_may_not():
    shared = Gate(1, express=1)
    options = {"slice_seconds": 0.0, "report_seconds": 0.01}
    old = shared.drive(counting(3), **options)
    assert [next(old), next(old)] == [Slice([0]), Slice([1])]
    with shared.slot():
        assert next(old) == Waiting(0)
        assert collect(shared.drive(counting(1), **options)) == ([0], "done")
        with shared.slot():
            assert shared.running == 2
            assert isinstance(next(shared.drive(counting(1), **options)), Waiting)
    assert next(old) == Slice([2])


def test_long_jobs_compute_in_threads_that_stand_back():
    def job():
        for _ in range(4):
            yield threading.current_thread().name, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    steps, _ = collect(Gate(2).drive(job(), slice_seconds=0.0))
    mine = threading.current_thread().name, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert steps[:2] == [mine, mine]
    assert all(name.startswith("gate") for name, _ in steps[2:])
    assert sys.platform != "linux" or all(nice == min(19, mine[1] + 5) for _, nice in steps[2:])
    steps, _ = collect(Gate(2).drive(job(), aside=True))
    assert all(name.startswith("gate") for name, _ in steps)


def test_an_error_in_a_further_turn_reaches_the_consumer():
    def failing():
        yield from range(5)
        raise ValueError("broken")

    shared = Gate(1)
    with pytest.raises(ValueError, match="broken"):
        collect(shared.drive(failing(), slice_seconds=0.0))
    assert (shared.running, shared.waiting) == (0, 0)


def test_what_a_failed_job_held_is_free_at_once():
    class Tensor:
        pass

    def failing():
        yield from range(3)
        held = Tensor()
        seen.append(weakref.ref(held))
        raise ValueError("broken")

    seen = []
    gc.disable()
    try:
        with pytest.raises(ValueError, match="broken"):
            collect(Gate(1).drive(failing(), slice_seconds=0.0))
        assert seen[0]() is None
    finally:
        gc.enable()


def test_never_more_at_once_than_slots():
    shared = Gate(2)
    running, most = [], []
    lock = threading.Lock()

    def work():
        for _ in range(5):
            with lock:
                running.append(1)
                most.append(len(running))
            time.sleep(0.002)
            with lock:
                running.pop()
            yield

    threads = [threading.Thread(target=lambda: collect(shared.drive(work(), slice_seconds=0.001))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience(10))
    assert max(most) == 2
    assert (shared.running, shared.waiting) == (0, 0)


def test_finish_runs_a_job_to_its_result():
    assert finish(counting(3)) == "done"


def test_one_gate_per_kind_of_device():
    assert gate("cpu") is gate("cpu")
    assert gate("cpu").slots == available_cores()
    assert gate("cuda").slots == 1
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


def test_a_device_that_is_not_here_is_a_sentence(monkeypatch):
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    assert pick_device() == torch.device("cpu")
    assert describe_device(pick_device()).startswith("CPU, ")
    assert likely_device() == "cpu (set by CNNLAB_DEVICE)"
    for wrong in ("gpu", "cuda:99", "tpu:", "xpu"):
        monkeypatch.setenv("CNNLAB_DEVICE", wrong)
        with pytest.raises(DeviceError, match=r"There is no device .*CNNLAB_DEVICE"):
            pick_device()


def test_a_card_has_one_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CNNLAB_DEVICE", raising=False)
    assert pick_device() == pick_device("cuda") == torch.device("cuda:0")
    assert pick_device("cuda:1") == torch.device("cuda:1")


def test_a_turn_ends_when_the_device_has_done_what_it_was_asked_to():
    settled = []
    shared = Gate(1, settle=lambda: settled.append(shared.running))
    assert collect(shared.drive(counting(3), slice_seconds=0)) == ([0, 1, 2], "done")
    assert settled == [1, 1, 1, 1]  # each time in its slot


def test_an_allocation_that_cannot_be_is_out_of_memory():
    with pytest.raises(DeviceError, match="memory is full"):
        with_memory_retry(lambda: torch.empty(1 << 50, dtype=torch.uint8), lambda: None)
    with pytest.raises(RuntimeError, match="shapes"):
        with_memory_retry(lambda: torch.ones(2, 3) @ torch.ones(2, 3), lambda: None)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    ids=["torch", "cublas"],
)
def test_out_of_memory_frees_what_is_idle_and_tries_once_more(error):
    freed, attempts = [], []

    def work(failures):
        attempts.append(1)
        if len(attempts) <= failures:
            raise error
        return "fits"

    assert with_memory_retry(lambda: work(1), lambda: freed.append(1)) == "fits"
    assert (len(freed), len(attempts)) == (1, 2)
    attempts.clear()
    with pytest.raises(DeviceError, match="memory is full"):
        with_memory_retry(lambda: work(2), lambda: None)


def test_free_memory_is_what_the_system_and_the_container_leave(monkeypatch):
    free = device.available_memory(torch.device("cpu"))
    assert 2**20 < free < 2**46
    monkeypatch.setattr(device, "_free_in_system", lambda: 5_000_000)
    monkeypatch.setattr(device, "_free_in_container", lambda: float("inf"))
    assert device.available_memory(torch.device("cpu")) == 5_000_000
    monkeypatch.setattr(device, "_free_in_container", lambda: 3_000_000)
    assert device.available_memory(torch.device("cpu")) == 3_000_000


def test_a_container_without_a_quota_has_no_limit_and_caches_count_as_free(tmp_path):
    assert device._free_in_container(tmp_path) == float("inf")
    for name, text in (("memory.max", "1000"), ("memory.current", "700"), ("memory.stat", "anon 5\ninactive_file 200")):
        (tmp_path / name).write_text(text)
    assert device._free_in_container(tmp_path) == 500
    (tmp_path / "memory.max").write_text("max")
    assert device._free_in_container(tmp_path) == float("inf")
