"""Training: how does a network come to know anything?"""

from cnnlab_core.training import Run
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences
from cnnlab_core.ui.tabs import Tab, show_tabs
from cnnlab_core.ui.training import choice, compare, filters_and_gradients, new_run, results, steering, watch
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.visitor import introduce

page("training")
introduce()
choice.show_last_problem()


def choose() -> Run:
    """The run that the tabs look at, how it stands, and what can be done with it."""
    run = choice.choose_run(runs)
    steering.show(run)
    return run


with sentences():
    runs = choice.seen_runs()
    tabs = []
    if runs:
        tabs += [
            Tab("Watch", watch.show),
            Tab("Filters and gradients", filters_and_gradients.show),
            Tab("Results", results.show),
            Tab("Compare", lambda: compare.show(runs, choice.wanted_run(runs)), stands_alone=True),
        ]
    else:
        new_run.show_empty()
    if choice.may_start():
        tabs.append(Tab("New run", lambda: new_run.show(choice.at_work()), stands_alone=True))
    if tabs:
        show_tabs(AREAS["pictures"].view, tabs, choose if runs else None)
    choice.show_other_runs("pictures")
