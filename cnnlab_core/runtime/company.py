"""Jobs that share a turn at the device: what several of them ask for at the same time is answered in one go."""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

PATIENCE_SECONDS = 5.0
"""Whoever waits longer for the others goes on without them: one may be waiting for what this one holds."""

Answers = Callable[[Sequence[Any]], Sequence[Any]]
"""From several questions of one kind to the answer to each."""

_thread = threading.local()


@dataclass(eq=False)
class _Asked:
    kind: Hashable
    question: Any
    answers: Answers
    over: bool = False
    answer: Any = None


class Company:
    """The jobs of one turn, as many as have a seat in it, ``size``. One computes at a time: from the beginning of its
    slice, or from its answer, until it asks or its slice ends.

    Nobody waits for ever. While nobody computes, either some job that is here isn't waiting for an answer, and may
    compute, or all are, and any of them may: it answers all. Whose slice has ended, by an error too, isn't here. And
    while somebody computes for longer than ``PATIENCE_SECONDS``, the others leave one by one.
    """

    def __init__(self) -> None:
        self.size = self.unfinished = 0
        self.here: set[Seat] = set()
        self.computing: Seat | None = None
        self.asked: list[_Asked] = []
        self.changed = threading.Condition()


class Seat:
    """A job's place in its company. ``wish`` is what it asked for last: its next turn can be shared with its like."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.wish: Hashable = None
        company.size += 1
        company.unfinished += 1
        company.here.add(self)

    @property
    def alone(self) -> bool:
        """Whether there are no others to wait for."""
        return self not in self.company.here or len(self.company.here) == 1

    @contextmanager
    def taken(self) -> Iterator[None]:
        """The body computes, in this thread, and not while another of the company does."""
        with self.company.changed:
            self._compute(lambda: True)
        _thread.seat = self
        try:
            yield
        finally:
            _thread.seat = None

    def leave(self) -> bool:
        """The end of the slice, whether it has begun or not. True of the last one."""
        with self.company.changed:
            self._go()
            self.company.unfinished -= 1
            return not self.company.unfinished

    def ask(self, kind: Hashable, question: Any, answers: Answers) -> Any:
        """The answer that ``answers`` gives to this question among those of its kind that the others ask.

        None if no other asks such a one, or where ``answers`` fails: then the job sees for itself.
        """
        asked, company = _Asked(kind, question, answers), self.company
        with company.changed:
            if self.alone:
                return None
            company.asked.append(asked)
            company.computing = None
            company.changed.notify_all()
            if not self._compute(lambda: asked.over or len(company.asked) == len(company.here)):
                if asked in company.asked:
                    company.asked.remove(asked)
                else:  # the answer is being computed
                    company.changed.wait_for(lambda: asked.over)
                return asked.answer
            if asked.over:
                return asked.answer
            everybody, company.asked = company.asked, []
        try:
            for kind in {one.kind for one in everybody}:
                same = [one for one in everybody if one.kind == kind]
                if len(same) > 1:
                    with suppress(Exception):  # an error of one: each meets its own, or none
                        for one, answer in zip(same, same[0].answers([one.question for one in same]), strict=True):
                            one.answer = answer
        finally:
            with company.changed:
                for one in everybody:
                    one.over = True
                company.changed.notify_all()
        return asked.answer

    def _compute(self, ready: Callable[[], bool]) -> bool:
        """Compute, as soon as nobody else does and it is ``ready``; or without the others, and False, when that takes
        too long. Call with the condition held."""
        company = self.company
        if company.changed.wait_for(lambda: company.computing is None and ready(), PATIENCE_SECONDS):
            company.computing = self
            return True
        self._go()
        return False

    def _go(self) -> None:
        """Be here no more, for the others. Call with the condition held."""
        company = self.company
        company.here.discard(self)
        if company.computing is self:
            company.computing = None
        company.changed.notify_all()


def my_seat() -> Seat | None:
    """The seat of the job whose slice this thread computes."""
    return getattr(_thread, "seat", None)
