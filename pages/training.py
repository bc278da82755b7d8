"""Training: how does a network come to know anything?"""

from collections.abc import Callable

from cnnlab_core.training import Run
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences
from cnnlab_core.ui.tabs import Chapter, Tab, show_tabs
from cnnlab_core.ui.training import (
    all_runs,
    choice,
    compare,
    filters_and_gradients,
    landscape,
    new_run,
    rate_test,
    results,
    steering,
    sweep,
    watch,
    weights,
)
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.code import offer_code
from cnnlab_core.ui.visitor import introduce

page("training")
introduce()
choice.show_last_problem()


def of_a_run(show: Callable[[Run], None]) -> Callable[[], None]:
    """A tab that looks at one run: first which one and how it stands, at last what can be done with it."""

    def view() -> None:
        run = steering.head(runs)
        show(run)
        steering.foot(run)

    return view


def of_its_settings(show: Callable[[Run], None]) -> Callable[[], None]:
    """A view that begins with the settings of one run, whichever it is."""
    return lambda: show(choice.choose_run(runs))


with sentences():
    runs = choice.seen_runs()
    tabs: list[Tab | Chapter] = []
    begin = Tab("One run", lambda: new_run.show(choice.at_work()))
    if runs:
        inside = (
            Tab("Filters", of_a_run(filters_and_gradients.show)),
            Tab("Weights", of_a_run(weights.show)),
            Tab("Loss around it", of_a_run(landscape.show)),
        )
        beside = (
            Tab("Side by side", lambda: compare.show(runs, choice.wanted_run(runs))),
            Tab("All runs", lambda: all_runs.show(runs)),
        )
        tabs += [
            Tab("Watch", of_a_run(watch.show)),
            Chapter("Filters and gradients", "inside", inside),
            Tab("Results", of_a_run(results.show)),
            Chapter("Compare", "runs", beside),
        ]
    else:
        new_run.show_empty()
    if choice.may_start():
        tried = (Tab("Rate test", of_its_settings(rate_test.show)), Tab("Sweep", of_its_settings(sweep.show)))
        tabs.append(Chapter("New run", "new", (begin, *(tried if runs else ()))))
    if tabs:
        show_tabs(AREAS["pictures"].view, tabs)
    offer_code("pictures")
    choice.show_other_runs("pictures")
