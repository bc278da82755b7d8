"""Training: how does a network come to know anything?"""

from collections.abc import Callable

from cnnlab_core.training import Run
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences
from cnnlab_core.ui.tabs import Tab, show_tabs
from cnnlab_core.ui.training import choice, compare, filters_and_gradients, new_run, results, steering, watch
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


with sentences():
    runs = choice.seen_runs()
    tabs = []
    if runs:
        tabs += [
            Tab("Watch", of_a_run(watch.show)),
            Tab("Filters and gradients", of_a_run(filters_and_gradients.show)),
            Tab("Results", of_a_run(results.show)),
            Tab("Compare", lambda: compare.show(runs, choice.wanted_run(runs))),
        ]
    else:
        new_run.show_empty()
    if choice.may_start():
        tabs.append(Tab("New run", lambda: new_run.show(choice.at_work())))
    if tabs:
        show_tabs(AREAS["pictures"].view, tabs)
    offer_code("pictures")
    choice.show_other_runs("pictures")
