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
            selection_mode="multi-row", height="content" if len(rows) < 12 else 440, placeholder="–",
        )  # fmt: skip
    chosen = [runs[row].id for row in ticked["selection"]["rows"]]
    with main_answer():
        st.markdown(_answer(rows))
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


def _answer(rows: list[dict[str, Any]]) -> str:
    """Which is the best so far, on each data set: figures on different ones say nothing about each other."""
    tested = sorted((row for row in rows if row["test accuracy"] is not None), key=lambda row: -row["test accuracy"])
    if not tested:
        return "None of these runs has been tested yet."
    best: dict[str, str] = {}
    for row in tested:
        best.setdefault(row["data"], f"{row['data']}: **{row['test accuracy']:.1%}**, by {plain(row['name'])}")
    told = "; of ".join(best.values())
    return f"{len(rows)} runs, {len(tested)} of them tested. The most test pictures right, of {told}."
