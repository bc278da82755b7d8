"""The Python of the view All runs."""

CODE = """\
from cnnlab_core.training import list_runs
from cnnlab_core.training.comparison import run_table

table = run_table([run for run in list_runs() if run.config.kind == "pictures"])
tested = [row for row in table if row["test accuracy"] is not None]
for row in sorted(tested, key=lambda row: -row["test accuracy"]):
    print(row["name"], row["test accuracy"])
"""
