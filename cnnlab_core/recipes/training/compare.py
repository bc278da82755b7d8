"""The Python of the tab Compare."""


def code(runs: list[str], kind: str = "pictures") -> str:
    """In which settings several runs differ, and their scores."""
    return f"""\
from cnnlab_core.training import find_run
from cnnlab_core.training.comparison import differences, group_by_settings, loss_in_words

runs = [find_run(name) for name in {runs!r}]
print(differences([run.config for run in runs]))
print([loss_in_words(run.config) for run in runs])
groups = group_by_settings(runs)  # runs that differ only in their seed
for group in groups:
    print(len(group.runs), "runs:", group.{"bits" if kind == "text" else "accuracy"})
"""
