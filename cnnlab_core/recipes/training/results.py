"""The Python of the tab Results."""


def code(run: str) -> str:
    """The scores on the test set."""
    return f"""\
import numpy as np
from cnnlab_core.training import find_run

run = find_run("{run}")
finals, classes = run.finals, run.machine["classes"]
print(f"{{finals['accuracy']:.2%}} of {{finals['test_pictures']}} test pictures classified correctly")
confusion = np.array(finals["confusion"])  # row: true class, column: the answer
for name, share in zip(classes, finals["per_class"]):
    print(f"{{name:20}} {{share:.1%}}")
"""
