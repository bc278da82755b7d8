"""A job is a generator of steps that returns a result: how one is run to its end, and within another one."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Inner = TypeVar("Inner")
Latest = TypeVar("Latest")
Step = TypeVar("Step")
Result = TypeVar("Result")


def relay(job: Generator[Inner, None, Result], convert: Callable[[Inner], Step]) -> Generator[Step, None, Result]:
    """A job within a job: its steps, made into steps of the outer one; gives what it returns."""
    with closing(job):
        while True:
            try:
                step = next(job)
            except StopIteration as stop:
                return stop.value
            yield convert(step)


def meanwhile(job: Generator[Any, None, Result], step: Step) -> Generator[Step, None, Result]:
    """A job within a job, whose steps only say that the outer one is where it was."""
    return relay(job, lambda _: step)


def finish(job: Generator[Step, None, Result]) -> Result:
    """Run a generator of steps to its end and give what it returns: the plain-function form of any job."""
    while True:
        try:
            next(job)
        except StopIteration as stop:
            return stop.value


def plainly(steps: Callable[Arguments, Generator[Any, None, Result]]) -> Callable[Arguments, Result]:
    """The plain function of a job that is written as steps: runs it to its end and gives its result."""

    @wraps(steps)
    def plain(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        return finish(steps(*args, **options))

    plain.__name__ = plain.__qualname__ = steps.__name__.removesuffix("_steps")
    return plain


@dataclass(frozen=True)
class Progress(Generic[Latest]):
    """A step of a long job: ``done`` of ``total`` parts, and the ``latest`` that is known, None before there is any."""

    done: float
    total: float
    latest: Latest | None = None

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def part(
    job: Generator[Any, None, Result], done: float, size: float, total: float, known: Any = None
) -> Generator[Progress[Any], None, Result]:
    """A job that is ``size`` of the ``total`` parts of a larger one, of which ``done`` are behind it.

    Its steps have a ``share``; they become ``Progress`` of the larger job, whose latest is what is ``known`` already,
    or what that makes of each step.
    """

    def of_whole(step: Any) -> Progress[Any]:
        return Progress(done + size * step.share, total, known(step) if callable(known) else known)

    return relay(job, of_whole)
