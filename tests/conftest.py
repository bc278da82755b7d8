"""What all tests share: one OpenMP thread, and a word at the end about what wasn't run here."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
settings.register_profile("lab", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lab")


@pytest.fixture
def note(record_property):
    """Say something in the summary at the end of the run: a figure, or what was not run and why."""
    return lambda line: record_property("note", line)  # properties reach the summary from every worker


def pytest_collection_modifyitems(items):
    for item in items:
        if fault := item.get_closest_marker("fault"):
            item.user_properties.append(("fault", [*fault.args, item.nodeid.split("[")[0]]))


def pytest_terminal_summary(terminalreporter):
    reports = [r for found in terminalreporter.stats.values() for r in found if isinstance(r, pytest.TestReport)]
    if terminalreporter.config.option.markexpr == "fault":
        faults_table(terminalreporter, reports)
    notes = [str(line) for r in reports if r.when == "call" for name, line in r.user_properties if name == "note"]
    if notes:
        terminalreporter.section("notes")
        for line in notes:
            terminalreporter.write_line(line)


def faults_table(terminalreporter, reports):
    """Every fault with what happens then, for the README."""
    passed = {}
    for report in reports:
        for name, value in report.user_properties:
            if name == "fault" and (report.when == "call" or not report.passed):
                passed[tuple(value)] = passed.get(tuple(value), True) and report.passed
    terminalreporter.write_line("\n| fault | what happens | seen |\n|---|---|---|")
    for (what, then, test), fine in passed.items():
        terminalreporter.write_line(f"| {what} | {then} | {'yes' if fine else f'**no**: {test}'} |")
