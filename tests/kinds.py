"""Prints the table of kinds of inputs with how many members of each are tested: python tests/kinds.py (see docs)."""

import sys
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import pytest

KINDS = {
    "operators of torch with masks and arguments, against the gradient": "test_receptive_field_operators.py",
    "receptive fields of networks and random stacks": "test_receptive_field_fields.py",
    "zips, names and layouts of pictures": "test_data_layouts.py",
    "files of pictures": "test_images",
    "attacks: what each refuses, says and keeps": "test_attacks_hold.py",
    "attacks: their formulas, balls and roundings": "test_attacks.py",
    "attribution": "test_interpretability_attribution.py",
    "explanations on trial": "test_interpretability_trial.py",
    "public functions given slips": "test_slips",
    "settings of training": "test_training_settings.py",
    "cells of tables": "test_csv_tables.py",
    "names in figures": "test_plots.py",
    "addresses": "pages/test_addresses.py",
    "hostile addresses": "pages/test_hostile_addresses.py",
}
"""Each kind, and what the paths of its tests hold."""


class Collected:
    """What pytest finds, without running it."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.ids = [item.nodeid for item in session.items]


def table() -> str:
    """A row per kind: how many tests, and how many members they have in all (one for a test without parameters)."""
    found, here = Collected(), Path(__file__).parent
    files = [
        str(path) for path in sorted(here.glob("*/test_*.py")) if any(part in str(path) for part in KINDS.values())
    ]
    with redirect_stdout(sys.stderr):
        pytest.main(["--collect-only", *files], plugins=[found])
    rows = ["| kind | tests | members |", "|---|---|---|"]
    for kind, part in KINDS.items():
        tests = Counter(name.split("[")[0] for name in found.ids if part in name)
        rows.append(f"| {kind} | {len(tests)} | {tests.total()} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
