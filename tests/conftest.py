"""What all tests share: one OpenMP thread, memory given back after each file, and a word at the end about the run."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import ctypes
import gc
import sys

import pytest
import torch
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

torch.set_num_threads(1)
settings.register_profile("lab", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lab")

HEAVY = 1000
"""MB of a test process, beyond which it puts away what it can after a test: it is to stay below 2 GB."""
ROOM = 200
"""MB that it may grow by before it does so again."""
heavy = HEAVY
WIDEST = 10
"""How many of the tests that needed most memory are named at the end."""


LONG = ("tests/e2e/", "tests/unit/test_training", "tests/unit/test_package", "tests/pages/test_adversarial")
"""What takes long comes first: at the end no process works on alone while the others have nothing left to do."""


class ByFile(LoadScopeScheduling):
    """Each file goes to one process as a whole; all browser tests go to one, with one lab and one browser.

    They wait more than they compute: the other processes have what they leave of two cores.
    """

    def _split_scope(self, nodeid):
        file = nodeid.split("::")[0]
        return "browser" if file.startswith("tests/e2e/") else file


def pytest_configure(config):
    # Two networks and what else is small; wide tests load a VGG-16.
    budget = "400000000" if config.option.markexpr == "not wide" else "600000000"
    os.environ.setdefault("CNNLAB_MODEL_BUDGET", budget)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log)


def pytest_collection_finish():
    gc.collect()
    gc.freeze()  # as the lab does: what was imported is never garbage, and collecting around it is slow
    gc.set_threshold(20_000)  # what is imported later isn't frozen


def put_away():
    """What the lab would put away when memory is short: idle networks. First looks stay, small and slow to make."""
    if registry := sys.modules.get("cnnlab_core.models.registry"):
        registry.registry().put_away_idle()
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture(scope="session", autouse=True)
def one_cache(tmp_path_factory):
    """An empty cache of the run's own, and one for all of its processes: what one has computed the others find."""
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent
    os.environ["CNNLAB_CACHE"] = str(folder / "cache")


@pytest.fixture(scope="module", autouse=True)
def light_after_each_file():
    yield
    put_away()


@pytest.fixture(autouse=True)
def light_after_heavy_tests():
    global heavy
    yield
    if resident_mb() > heavy:
        put_away()
        heavy = max(HEAVY, resident_mb() + ROOM)  # where little can be put away, trying it after each test costs more


@pytest.fixture
def note(record_property):
    """Say something in the summary at the end of the run: a figure, or what was not run and why."""
    return lambda line: record_property("note", line)  # properties reach the summary from every worker


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: next((n for n, one in enumerate(LONG) if item.nodeid.startswith(one)), len(LONG)))
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
    memory_table(terminalreporter, reports)


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


# --- memory -------------------------------------------------------------------------------------------------------


def resident_mb():
    """The resident size of this process now, where the system says it cheaply; else 0."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm") as sizes:
        return int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def peaks_mb():
    """The largest resident size so far of this process, and of the largest of those it has started and that ended."""
    import resource  # not on Windows

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return [resource.getrusage(who).ru_maxrss / unit for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    yield
    if sys.platform != "win32":
        who = os.environ.get("PYTEST_XDIST_WORKER", "pytest")
        item.user_properties.append(("memory", [who, item.nodeid, *peaks_mb()]))


def memory_table(terminalreporter, reports):
    """The peak of each process that ran tests, and the tests that raised it most."""
    seen, raised = {}, []
    for report in reports:
        for name, value in report.user_properties if report.when == "teardown" else ():
            if name == "memory":
                who, test, own, child = value
                raised.append((own - seen.get(who, (own, 0))[0], test))
                seen[who] = own, child
    if seen:
        terminalreporter.section("memory")
    for who, (own, child) in sorted(seen.items()):
        terminalreporter.write_line(f"{who}: at most {own:.0f} MB; the largest process that it started {child:.0f} MB")
    for more, test in sorted(raised, reverse=True)[:WIDEST]:
        terminalreporter.write_line(f"  {more:+.0f} MB with {test}")
