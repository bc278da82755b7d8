"""Jobs that share a turn: none hangs, and each gets what it gets alone, to the last bit."""

import random
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial

import pytest
import torch
from patience import patience, until
from torch import nn

from cnnlab_core.attacks import deepfool_steps, pgd_steps
from cnnlab_core.attacks.objective import Forward, Goal
from cnnlab_core.dream import channel, dream_steps
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.sampled import smooth_grad_steps
from cnnlab_core.models import load_model
from cnnlab_core.models import together as module
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.together import together
from cnnlab_core.runtime import company
from cnnlab_core.runtime.company import my_seat
from cnnlab_core.runtime.gate import Gate, Slice, gate
from cnnlab_core.runtime.jobs import finish


def drive(shared, job, found, place, turns):
    """A session: what its job gives or raises goes to ``found[place]``; it leaves after so many turns."""
    driven = shared.drive(job, slice_seconds=0, report_seconds=0.01)
    try:
        while turns:
            turns -= isinstance(next(driven), Slice)
    except StopIteration as stop:
        found[place] = stop.value
    except ValueError as error:
        found[place] = error
    driven.close()


def side_by_side(jobs, shared, leave=None):
    """What each job gives, or the error that it raises; None for one that is left after ``leave[place]`` turns."""
    found = [None] * len(jobs)
    threads = [
        threading.Thread(target=drive, args=(shared, job, found, place, (leave or {}).get(place, -1)), daemon=True)
        for place, job in enumerate(jobs)
    ]
    with ExitStack() as slots:
        for _ in range(shared.slots):
            slots.enter_context(shared.slot())
        for thread in threads:
            thread.start()
        until(lambda: shared.waiting == len(jobs))
    for thread in threads:
        thread.join(patience(20))
        assert not thread.is_alive()
    assert (shared.running, shared.waiting) == (0, 0)
    return found


@pytest.fixture
def batches(monkeypatch):
    """The sizes of the batches that were computed, without those of trials."""
    sizes, forward = Counter(), module._forward

    def counted(network, backward, pictures):
        if sys._getframe(1).f_code is not module._tryout.__code__:
            sizes[len(pictures)] += 1
        return forward(network, backward, pictures)

    monkeypatch.setattr(module, "_forward", counted)
    return sizes


class Exact(nn.Module):
    """Logits (N, 10) without a sum in them: nothing can be added up in another order."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, x):
        values = self.relu(x - 0.1).flatten(1)
        return values[:, :10] * values[:, 40:50]


class Mixed(nn.Module):
    """Each picture's logits depend on who else is in its batch, as with batch norm in training mode."""

    def forward(self, x):
        return x.flatten(1)[:, :10] * (1 + x.mean())


def bits(found):
    if isinstance(found, torch.Tensor | tuple):
        return [part.numpy().tobytes() for part in (found if isinstance(found, tuple) else (found,))]
    return [part.numpy().tobytes() for part in (found.x_adv, found.exact.logits, *found.history.logits)]


def photos(count):
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(2)).split(1)


def pgds(model, count, steps=6):
    settings = {"eps": 8 / 255, "steps": steps, "random_start": True, "momentum": 0.5}
    return [pgd_steps(model, x, generator=number, **settings) for number, x in enumerate(photos(count))]


def dreaming(*arguments, **options):
    return ((yield from dream_steps(*arguments, octaves=1, steps=5, jitter=2, **options)).image,)


def test_attacks_dreams_and_explanations_are_the_same_to_the_last_bit_alone_and_in_company(batches):
    def jobs():
        yield from pgds(model, 4)
        yield from (dreaming(model, x, channel("relu", 1), generator=0) for x in photos(3))
        yield from (smooth_grad_steps(model, x, 3, draws=5) for x in photos(3))
        yield deepfool_steps(model, photos(1)[0], steps=3, rivals=3)  # several gradients of one pass

    model = LoadedModel.from_module(Exact(), side=32)
    alone = [bits(finish(job)) for job in jobs()]
    assert not batches
    assert [bits(found) for found in side_by_side([*jobs()], Gate(1, together=4))] == alone
    assert max(batches) == 4
    assert batches.total() > 10


def test_the_default_network_gives_an_attack_the_same_bits_alone_and_in_company(batches):
    model = load_model("efficientnet_lite0", device="cpu")
    x = model.prepare(open_image(sample_images()["chelsea"].content))

    def jobs():
        return [pgd_steps(model, x, eps=eps / 255, steps=3) for eps in (1, 4, 8)]

    alone = [bits(finish(job)) for job in jobs()]
    assert [bits(found) for found in side_by_side(jobs(), Gate(1, together=4))] == alone
    assert batches or not all(module._tried[model.quick].values())  # it depends on the processor


def test_a_network_that_tells_a_batch_from_a_picture_is_never_asked_for_several_at_once(batches):
    network = Mixed()
    alone = [bits(finish(job)) for job in pgds(partial(together, Mixed()), 4)]
    assert [bits(found) for found in side_by_side(pgds(partial(together, network), 4), Gate(1, together=4))] == alone
    assert not any(module._tried[network].values())
    assert not batches


def test_each_has_the_gradients_it_asks_for_however_the_others_go_on(batches):
    network = Exact()

    def job(x, gradients):
        found = []
        for _ in range(6):
            here = Forward(partial(together, network), x)
            goal = Goal(here.logits.argmax(-1))
            found += [here.gradient(goal, again=True) for _ in range(gradients)]
            yield
        return tuple(found)

    def jobs():
        return [job(x, gradients) for x, gradients in zip(photos(4), (0, 1, 3, 2), strict=True)]

    alone = [bits(finish(one)) for one in jobs()]
    assert [bits(found) for found in side_by_side(jobs(), Gate(1, together=4))] == alone
    assert batches.total() > 2


def test_a_network_that_fails_in_a_batch_fails_nobody(monkeypatch):
    class Full(Exact):
        def forward(self, x):
            if full and len(x) > 1:
                raise MemoryError
            return super().forward(x)

    network, full = Full(), []
    side_by_side(pgds(partial(together, network), 4), Gate(1, together=4))
    full.append(True)
    assert all(module._tried[network].values())
    assert None not in side_by_side(pgds(partial(together, network), 4), Gate(1, together=4))


# --- the company itself, without networks ------------------------------------------------------------------------


def asking(chance, fails, computing, most):
    """A job that asks at random, in several kinds, and notes how many compute at a time; it may fail."""
    found = []
    for turn in range(chance.randrange(1, 12)):
        for _ in range(chance.randrange(4)):
            kind, question = chance.randrange(2), chance.randrange(100)
            seat = my_seat()
            seat.wish = chance.randrange(2) or None
            computing.append(seat)
            most.append(len(computing))
            time.sleep(0.0005 * chance.randrange(2))
            computing.remove(seat)
            answer = seat.ask(kind, (kind, question), squares)
            found.append((question, answer))
            if fails and turn == 5:
                raise ValueError("broken")
        yield
    return found


def squares(asked):
    assert len({kind for kind, _ in asked}) == 1
    if asked[0][1] == 13:
        raise ArithmeticError
    return [question**2 for _, question in asked]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_they_ask_and_however_they_end_nobody_waits_for_ever(seed, monkeypatch):
    chance, computing, most = random.Random(seed), [], []
    shared = Gate(1 + seed % 2, together=4)
    jobs = [asking(random.Random(chance.random()), place % 5 == 1, computing, most) for place in range(12)]
    found = side_by_side(jobs, shared, leave={3: 2, 4: 4, 7: 5})
    assert max(most) <= shared.slots
    answers = [one for part in found if isinstance(part, list) for one in part]
    assert all(answer in (None, question**2) for question, answer in answers)
    assert {type(part) for part in found} <= {list, ValueError, type(None)}


def test_who_waits_for_what_another_holds_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr(company, "PATIENCE_SECONDS", 0.05)
    lock = threading.Lock()

    def job():
        for _ in range(4):
            my_seat().wish = "the same"
            with lock:
                assert my_seat().ask("kind", 1, squares) is None
            yield
        return "done"

    assert side_by_side([job() for _ in range(3)], Gate(1, together=4)) == ["done"] * 3


def seated(shared, *who_and_wish):
    """Further turns that are asked for in this order, where all listen; the first has its turn: their companies."""
    tickets = [shared._join(who, False, wish) for who, wish in who_and_wish]
    for ticket in tickets:
        ticket.listening = True
    assert shared._listen(tickets[0], 1)
    return tickets, [ticket.seat and ticket.seat.company for ticket in tickets]


def test_a_visitor_with_many_jobs_has_one_of_them_in_each_round():
    _, (mine, *others, anothers) = seated(Gate(1, together=4), *[("twenty", "x")] * 20, ("one", "x"))
    assert mine is anothers
    assert mine.size == 2
    assert others == [None] * 19


def test_those_who_share_a_turn_share_its_time():
    shared = Gate(1, together=4)
    tickets, companies = seated(shared, *[(who, "x") for who in "abcde"])
    assert companies == [companies[0]] * 4 + [None]
    for ticket in tickets[:4]:
        assert shared.running == 1
        shared._leave(ticket, 8)
    assert shared._next == dict.fromkeys("abcd", 2) | {"e": 1}


def test_only_where_several_wait_for_a_slot_do_they_share_it():
    wishes = ("x", "x", "y", "x", None)
    _, companies = seated(Gate(2, together=4), *zip("abcde", wishes, strict=True))
    assert [company and company.size for company in companies] == [1, 2, None, 2, None]
    assert gate("cuda")._together == 1
