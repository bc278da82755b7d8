"""All runs in one table, to sort by any column, and to choose those that are compared."""

from typing import Any

import streamlit as st

from cnnlab_core.recipes.training import all_runs
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.training import Run
from cnnlab_core.training.comparison import run_table
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import main_answer, main_picture, plain
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.training.compare import MOST, compare_these

SHARES = ("test accuracy", "held-out accuracy", "under attack")


def show(runs: list[Run]) -> None:
    """The table; rows that are ticked can be compared."""
    rows = run_table(runs)
    st.markdown("Press a column’s title to sort by it. Tick rows to lay their curves over each other.")
    columns: dict[str, Any] = {
        "id": None,
        "learning rate": st.column_config.NumberColumn(format="%g"),
        "weights": st.column_config.NumberColumn(format="localized"),
        "seconds of training": st.column_config.NumberColumn(format="%.0f"),
        **{name: st.column_config.NumberColumn(format="percent") for name in SHARES},
    }
    with main_picture():
        ticked = st.dataframe(
            rows, hide_index=True, column_config=columns, key="training_all_runs", on_select="rerun",
            selection_mode="multi-row", height="content" if len(rows) < 12 else 440,
        )  # fmt: skip
    chosen = [runs[row].id for row in ticked["selection"]["rows"]]
    with main_answer():
        st.markdown(_answer(runs))
    st.button(
        f"Compare {len(chosen[:MOST]) or 'the ticked'} runs", key="training_compare_ticked", disabled=not chosen,
        icon=":material/compare_arrows:", on_click=compare_these, args=(chosen[:MOST],),
    )  # fmt: skip
    learned(
        "a row says little without its neighbours: change one setting at a time, and train each choice with more than "
        "one seed."
    )
    table = csv_table(list(rows[0]), (["" if value is None else value for value in row.values()] for row in rows))
    take_away(all_runs.CODE, File("All runs (CSV)", table, "cnnlab_runs.csv", "text/csv"))


def _answer(runs: list[Run]) -> str:
    """Which is the best so far."""
    tested = [(finals["accuracy"], run) for run in runs if (finals := run.finals)]
    if not tested:
        return "None of these runs has been tested yet."
    accuracy, best = max(tested, key=lambda pair: pair[0])
    return (
        f"{len(runs)} runs, {len(tested)} of them tested. The most test pictures right: "
        f"**{accuracy:.1%}**, by {plain(best.about.name)}."
    )
