"""Training: how does a network come to know anything?"""

import streamlit as st

from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences
from cnnlab_core.ui.training import choice, compare, controls, inside, new, results, watch
from cnnlab_core.ui.visitor import introduce

OF_ONE_RUN = {
    "Watch": watch.show,
    "Filters and gradients": inside.show,
    "Results": results.show,
}

COMPARE, NEW = "Compare", "New run"

page("training")
introduce()
choice.show_last_problem()
with sentences():
    runs = choice.seen_runs()
    head = st.container()
    names = [*OF_ONE_RUN, COMPARE] if runs else []
    if choice.may_start():
        names.append(NEW)
    if not runs:
        with head:
            new.show_empty()
    for tab, name in zip(st.tabs(names, key=choice.TAB, bind="query-params") if names else [], names, strict=True):
        if not tab.open:
            continue
        with tab, sentences():
            if name == NEW:
                new.show(choice.at_work(runs))
            elif name == COMPARE:
                compare.show(runs, choice.wanted_run(runs))
            else:
                with head, sentences():
                    run = choice.choose_run(runs)
                    controls.show(run)
                OF_ONE_RUN[name](run)
