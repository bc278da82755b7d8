"""Jobs in the background: followed by one or several, left, held and gone on with; nothing is computed for nobody."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from patience import patience

from cnnlab_core.errors import InputError
from cnnlab_core.runtime import background
from cnnlab_core.runtime.background import HELD_SECONDS, LEASE_SECONDS, Background
from cnnlab_core.runtime.gate import Gate


class Steps:
    """A job whose steps are counted; it waits before each one for a moment, and until it is allowed."""

    def __init__(self, total, error=None):
        self.total, self.error, self.done, self.closed = total, error, 0, False
        self.allowed = threading.Semaphore(0)

    def __call__(self):
        try:
            for number in range(self.total):
                assert self.allowed.acquire(timeout=patience(20))
                time.sleep(0.02)
                self.done += 1
                yield number
            if self.error:
                raise self.error
            return "result"
        finally:
            self.closed = True

    def allow(self, steps):
        self.allowed.release(steps)


def follow(job, who="me"):
    """All steps that are told, and the result."""
    told, news = [], job.follow(who)
    while True:
        try:
            told += next(news).steps
        except StopIteration as stop:
            return told, stop.value


def until(condition):
    end = time.monotonic() + patience(20)
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_all_steps_are_told_once_and_then_the_result():
    steps, done = Steps(5), []
    job = Background(Gate(1), steps, done=done.append)
    assert job.join("me")
    steps.allow(5)
    assert follow(job) == ([0, 1, 2, 3, 4], "result")
    assert done == ["result"]
    assert job.count == 5


def test_it_goes_on_while_the_one_who_follows_is_away():
    steps = Steps(10)
    job = Background(Gate(1), steps)
    job.join("me")
    news = job.follow("me")
    steps.allow(10)
    while not next(news).steps:
        pass
    news.close()  # as a script that is cut off
    until(lambda: job.state == "done")
    assert follow(job) == (list(range(10)), "result")


def test_several_follow_one_job():
    steps, told = Steps(4), {}
    job = Background(Gate(1), steps)
    followers = [threading.Thread(target=lambda n=n: told.update({n: follow(job, n)})) for n in range(3)]
    for number, follower in enumerate(followers):
        job.join(number)
        follower.start()
    steps.allow(4)
    for follower in followers:
        follower.join(patience(20))
    assert told == {number: ([0, 1, 2, 3], "result") for number in range(3)}
    assert steps.done == 4


def test_it_ends_when_the_last_one_leaves():
    steps = Steps(100)
    job = Background(Gate(1), steps)
    job.join("a")
    job.join("b")
    steps.allow(1)
    until(lambda: steps.done == 1)
    job.leave("a")
    steps.allow(1)
    until(lambda: steps.done == 2)
    assert job.state == "working"
    job.leave("b")
    steps.allow(98)
    until(lambda: job.state == "given up")
    assert steps.done < 100
    assert steps.closed
    assert not job.join("c")


def test_it_ends_when_nobody_has_followed_it_for_long(monkeypatch):
    monkeypatch.setattr(background, "LEASE_SECONDS", 0.3)
    gate, steps = Gate(1), Steps(10_000)
    job = Background(gate, steps)
    job.join("me")
    steps.allow(1)
    until(lambda: steps.done == 1)
    time.sleep(0.4)
    steps.allow(9_999)
    until(lambda: job.state == "given up")
    assert steps.closed
    assert steps.done < 10_000
    assert gate.running == 0


def test_in_the_queue_it_tells_its_place_and_can_be_left():
    gate = Gate(1)
    with gate.slot():
        job = Background(gate, Steps(1))
        job.join("me")
        news = job.follow("me")
        ahead = None
        while ahead is None:
            ahead = next(news).ahead
        assert ahead == 0
        job.leave("me")
        news.close()
        until(lambda: job.state == "given up")
    assert gate.waiting == 0


def test_held_it_keeps_what_it_has_and_goes_on_from_there():
    gate, steps = Gate(1), Steps(10)
    job = Background(gate, steps)
    job.join("me")
    steps.allow(3)
    until(lambda: steps.done == 3)
    threading.Timer(0.1, steps.allow, (1,)).start()  # the turn that it is in ends
    assert job.pause("me")
    assert job.state == "paused"
    assert not steps.closed
    assert job.steps == list(range(job.count))
    assert gate.running == gate.waiting == 0
    steps.allow(10)
    time.sleep(0.1)
    held = steps.done
    assert held <= 4
    assert job.join("me")
    assert follow(job) == (list(range(10)), "result")
    assert steps.done == 10


def test_a_held_job_that_is_left_is_closed():
    steps = Steps(10)
    job = Background(Gate(1), steps)
    job.join("me")
    steps.allow(1)
    until(lambda: steps.done == 1)
    threading.Timer(0.1, steps.allow, (1,)).start()
    assert job.pause("me")
    job.leave("me")
    assert job.state == "given up"
    assert steps.closed


def test_a_job_that_was_held_for_long_is_closed(monkeypatch):
    steps = Steps(100)
    job = Background(Gate(1), steps)
    job.join("me")
    steps.allow(100)
    assert job.pause("me")
    for seconds, forgotten in ((0, False), (2 * LEASE_SECONDS, False), (2 * HELD_SECONDS, True)):
        later = time.monotonic() + seconds
        monkeypatch.setattr(background, "time", SimpleNamespace(monotonic=lambda later=later: later))
        assert job.forgotten == forgotten, "it can be gone on with for a while"
    assert steps.closed
    assert not job.join("me")


def test_it_is_not_held_while_others_follow_it():
    steps = Steps(3)
    job = Background(Gate(1), steps)
    job.join("me")
    job.join("another")
    assert not job.pause("me")
    job.leave("me")
    steps.allow(3)
    assert follow(job, "another")[1] == "result"


def test_everybody_hears_of_a_problem():
    job = Background(Gate(1), Steps(0, InputError("Thirteen.")))
    job.join("a")
    for who in "ab":
        with pytest.raises(InputError, match=r"Thirteen\."):
            follow(job, who)
    assert job._error.__traceback__ is None or len(str(job._error)) < 20


def test_a_second_attempt_begins_anew():
    tries = []

    def make():
        tries.append(1)
        yield len(tries)
        if len(tries) == 1:
            raise MemoryError
        return "second"

    def attempt(work):
        try:
            return work()
        except MemoryError:
            return work()

    job = Background(Gate(1), make, attempt=attempt)
    job.join("me")
    told, result = follow(job)
    assert (told[-1], result) == (2, "second")


@pytest.mark.parametrize(("limit", "kept"), [(0, 1), (30_000, 3), (10_000_000, 20)])
def test_only_so_many_bytes_of_steps_are_kept(limit, kept):
    def make():
        for number in range(20):
            yield np.full(1000, number, np.float64)
        return None

    job = Background(Gate(1), make, kept_bytes=limit)
    job.join("me")
    until(lambda: job.state == "done")
    assert job.count == 20
    assert len(job.steps) == kept
    assert job.steps[-1][0] == 19
