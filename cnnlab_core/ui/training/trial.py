"""A view that tries something of a run: finished if the answer came with the lab, else behind a button."""

from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.training import Run
from cnnlab_core.training.trial import shipped_answer
from cnnlab_core.ui.results import digest, everybodys_results
from cnnlab_core.ui.runner import Outcome, kept, run
from cnnlab_core.ui.show import later, main_picture

Result = TypeVar("Result")


def try_out(
    command: str,
    of: Run,
    question: Mapping[str, Any],
    depends_on: object,
    steps: Callable[[], Generator[Progress[list[Any]], None, Result]],
    read: Callable[[list[Any]], Result],
    chart: Callable[..., object],
    *,
    asked: Any,
    label: str,
    start: str,
    waiting: str,
) -> tuple[Outcome[Result], DeltaGenerator]:
    """The picture of what is tried of a run; gives the outcome, and the place of its answer.

    Args:
        command: What the trainer's process is told, and under which the answer came with the lab.
        question: What is asked of the run, as that answer has it.
        depends_on: What the result depends on besides.
        steps: The job; its latest is all lines so far.
        read: Makes the result of such lines, or of some.
        chart: Draws a result, or what there is of it so far, as the answer to what was ``asked``.
        waiting: What stands in the picture's place before the button is pressed.
    """
    with main_picture():
        place = later()
    under, row = st.container(), st.container()
    key = digest(command, depends_on, question)
    lines = shipped_answer(of, command, question)
    if lines and everybodys_results().get(key) is None:
        everybodys_results().put(key, read(lines))

    def paint(news: list[Any]) -> None:
        if latest := news[-1].latest:
            chart(read(latest), asked, place=place, live=True)

    outcome = run(
        command, key, steps, label=label, start=start, paint=paint, computes=False, for_everybody=of.shipped,
        asked=asked, at=row,
    )  # fmt: skip
    if outcome.result is not None:
        with place.container(), kept(outcome, command):
            chart(outcome.result, outcome.asked)
    elif outcome.state == "idle":
        place.info(waiting, icon=":material/play_circle:")
    return outcome, under
