"""Training: how does a network come to know anything?"""

import streamlit as st

from cnnlab_core.training import list_runs
from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences
from cnnlab_core.ui.training import choice, compare, controls, inside, new, results, watch

OF_THE_RUN = {
    "Watch": watch.show,
    "Filters and gradients": inside.show,
    "Results": results.show,
}

page("training")
choice.show_last_problem()
with sentences():
    runs = list_runs()
    if runs:
        run = choice.choose_run(runs)
        with sentences():
            controls.show(run)
    else:
        new.show_empty()
    names = [*(OF_THE_RUN if runs else ()), *(["Compare"] if runs else []), "New run"]
    for tab, name in zip(st.tabs(names, key=choice.TAB, bind="query-params"), names, strict=True):
        if tab.open:
            with tab, sentences():
                if name == "New run":
                    new.show(choice.at_work(runs))
                elif name == "Compare":
                    compare.show(runs, run)
                else:
                    OF_THE_RUN[name](run)
