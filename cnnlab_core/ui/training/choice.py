"""Which run the page looks at, and which runs this browser may see and steer."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from cnnlab_core.errors import LabError
from cnnlab_core.language import character_models
from cnnlab_core.models.zoo import all_specs
from cnnlab_core.training import Run, list_runs
from cnnlab_core.training.settings import Kind
from cnnlab_core.training.storage import in_words, make_room
from cnnlab_core.ui.address import in_address
from cnnlab_core.ui.classroom import classroom
from cnnlab_core.ui.contents import find_page
from cnnlab_core.ui.show import form, plain, show_problem
from cnnlab_core.ui.teacher import is_teacher
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.visitor import visitor

_PROBLEM = "training problem"
_GONE = "training gone"
CODE = "training code"
"""Where a run's start leaves the code to be shown, once."""
_MISSED = "training missed"

STATES = {
    "ready": "not started",
    "waiting": "waiting",
    "running": "training",
    "paused": "paused",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "interrupted": "interrupted",
}


def seen_runs(kind: Kind = "pictures") -> list[Run]:
    """The runs that this browser may look at: its own, those that came with the lab or were started from the command
    line, and where the lab is set so, everybody's; a teacher's, all. Of those on pictures, or on text."""
    me, shared, teacher = visitor(), classroom().training == "shared", is_teacher()
    runs = [run for run in list_runs() if run.config.kind == kind and (teacher or not run.hidden)]
    return [run for run in runs if teacher or shared or run.shipped or run.about.owner in ("", me)]


def may_steer(run: Run) -> bool:
    """Whether this browser may pause, stop, rename, export or delete the run."""
    training = classroom().training
    return not run.shipped and (
        is_teacher() or training == "shared" or (training == "own" and run.about.owner == visitor())
    )


def may_start() -> bool:
    """Whether runs may be started from the pages."""
    return classroom().training != "off"


def choose_run(runs: list[Run], beside: Callable[[Run], object] | None = None) -> Run:
    """The box with every run, and what stands ``beside`` it; gives the chosen one, which is in the address."""
    by_id = {run.id: run for run in runs}
    wanted, chosen = in_address("run"), wanted_run(runs)
    if wanted and wanted not in by_id:
        st.session_state[_MISSED] = True
    if _MISSED in st.session_state:
        st.info("This link's run is gone, or belongs to another visitor. Here is one that you can see.")
        show_other_runs(chosen.config.kind)
    with form(horizontal=True, vertical_alignment="center"):
        spoken = lambda name: label(by_id[name])  # noqa: E731
        box_in_address("Run", "run", list(by_id), chosen.id, spoken, label_visibility="collapsed")
        if beside:
            beside(chosen)
    return chosen


def show_other_runs(kind: Kind) -> None:
    """The way to the runs that aren't of this kind."""
    other = {
        "pictures": (
            "reading_text",
            {"reading_tab": "Train"},
            "Runs that learn from text are on the page Reading text",
        ),
        "text": ("training", {}, "Runs that learn from pictures are on the page Training"),
    }
    name, view, words = other[kind]
    page = find_page(name)
    st.page_link(page.file, label=words, icon=page.icon, query_params=view)


def box_in_address(
    title: str, name: str, options: list[str], chosen: str, spoken: Callable[[str], str], **more: Any
) -> None:
    """A box of ``options`` with what is ``chosen`` now, which the address holds under ``name``.

    (A bound box would put the option into the address as it is shown, and what is shown of a run changes.)
    """
    key = f"{name}_choice"
    st.query_params[name] = st.session_state[key] = chosen
    st.selectbox(title, options, format_func=spoken, key=key, on_change=_take, args=(name, key), **more)


def wanted_run(runs: list[Run]) -> Run:
    """The run in the address; where there is none, what the page opens with: this browser's newest run, else the lab's
    standard one, or another that came with it, else a finished one."""
    wanted, mine = in_address("run"), visitor()
    in_turn = (
        lambda run: run.id == wanted,
        lambda run: run.about.owner == mine,
        lambda run: run.id == AREAS[run.config.kind].first,
        lambda run: run.shipped,
        lambda run: run.finals is not None,
        lambda run: True,
    )
    return next(run for fits in in_turn for run in runs if fits(run))


def look_at(run: Run, view: str = "") -> None:
    """Turn the page to a run, from a callback."""
    st.query_params["run"] = run.id
    if view:
        st.session_state[AREAS[run.config.kind].view] = view


def label(run: Run) -> str:
    """A run in a list: its name, how it stands, and its score."""
    finals = run.finals
    if finals and "bits" in finals:
        score = f" · {finals['bits']:.2f} bits per character"
    else:
        score = f" · {finals['accuracy']:.1%}" if finals else ""
    return f"{run.about.name} · {STATES[run.state().name]}{score}"


def at_work() -> Run | None:
    """This browser's run that is being trained or waits for its turn, of whatever kind."""
    return next((run for run in list_runs() if run.about.owner == visitor() and run.state().alive), None)


def spec_name(run: Run) -> str | None:
    """The name under which the other pages know the run's network, if it was exported."""
    wanted = run.id if run.shipped else f"run:{run.id}"
    known = character_models() if run.config.kind == "text" else {spec.name for spec in all_specs()}
    return wanted if wanted in known else None


def asked(action: Callable[..., Any], *args: object, **options: object) -> Any:
    """Do what a button asks for, in its callback; a problem is kept for the page that follows. Gives the result."""
    try:
        return action(*args, **options)
    except LabError as error:
        st.session_state[_PROBLEM] = str(error)
        return None


def show_last_problem() -> None:
    """What went wrong in a callback, or had to go to make room, once."""
    if problem := st.session_state.pop(_PROBLEM, ""):
        show_problem(problem)
    if code := st.session_state.pop(CODE, ""):
        st.info(f"Note this code: **{code}**. Should this browser be forgotten, it gives your runs back.")
    if gone := st.session_state.pop(_GONE, ""):
        st.info(plain(gone), icon=":material/delete_sweep:")


def make_room_for_new() -> None:
    """Before this browser keeps something new: what went to make room is said on the page that follows."""
    st.session_state[_GONE] = in_words(make_room(visitor()))


def _take(name: str, key: str) -> None:
    st.session_state.pop(_MISSED, None)
    st.query_params[name] = st.session_state[key]
