"""The tab Train: a network that learns from a text, from its start to what it writes, and several of them compared."""

import streamlit as st

from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import form
from cnnlab_core.ui.training import choice, compare, new_run, steering, watch
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.code import offer_code

WATCH, COMPARE, NEW = "Watch", "Compare", "New run"


def show() -> None:
    """One of three views: a run, several runs, a new one."""
    choice.show_last_problem()
    runs = choice.seen_runs("text")
    views = [*([WATCH, COMPARE] if runs else []), *([NEW] if choice.may_start() else [])]
    if not views:
        st.info("Training is off in this lab, and no run on text came with it.", icon=":material/model_training:")
        return
    left, right = form("view").columns([1, 2], gap="large", vertical_alignment="bottom")
    view = AREAS["text"].controls.one_of("view", "View", views, views[0], place=left)
    if view == NEW:
        new_run.show(choice.at_work(), "text")
    elif view == COMPARE:
        compare.show(runs, choice.wanted_run(runs))
    else:
        with right:
            run = steering.head(runs)
        watch.show(run)
        steering.foot(run)
    learned(LEARNED)
    offer_code("text")
    choice.show_other_runs("text")


LEARNED = (
    "the network is only ever asked for the next character. To guess well it has to remember "
    "what came before: so its loss falls below what counting letters, and then pairs, can reach."
)
