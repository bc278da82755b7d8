"""The Python of a view as a Jupyter notebook (nbformat 4.5): a title, and the code in one cell."""

import hashlib
import json


def notebook(title: str, code: str) -> str:
    """A notebook file's content; the same code gives the same file."""
    made = hashlib.sha256(f"{title}\n{code}".encode()).hexdigest()
    cells = [
        {"cell_type": "markdown", "id": made[:8], "metadata": {}, "source": f"# {title}"},
        {"cell_type": "code", "id": made[8:16], "metadata": {}, "source": code, "execution_count": None, "outputs": []},
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"
