"""What all tests share: one OpenMP thread, and a word at the end about what wasn't run here."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
settings.register_profile("lab", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lab")

_notes: list[str] = []


@pytest.fixture
def note():
    """Say something in the summary at the end of the run: a figure, or what was not run and why."""
    return _notes.append


def pytest_terminal_summary(terminalreporter):
    if _notes:
        terminalreporter.section("notes")
        for line in _notes:
            terminalreporter.write_line(line)
