"""Pages by Streamlit's own test driver: no browser, every control."""

import time
from functools import cache

import pytest
from patience import patience
from places import ROOT
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, local_script_runner

from cnnlab_core.errors import LabError
from cnnlab_core.ui import runner, tabs, warmup
from cnnlab_core.ui.runner import Result

look_for_components = cache(manifest_scanner.scan_component_manifests)
scripts = ScriptCache()
warmup._collect_now_and_then = lambda: None  # with all that tests import, each of its rounds takes half a second


@pytest.fixture(autouse=True)
def read_once(monkeypatch):
    """Each ``AppTest`` reads what all installed packages say of themselves, and each run compiles the page anew."""
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", look_for_components)
    monkeypatch.setattr(local_script_runner, "ScriptCache", lambda: scripts)


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")


SECONDS = 0.2
"""A job that takes longer is cut off: this is about what the page asks for, and the results are tested elsewhere."""


@pytest.fixture
def short_jobs(monkeypatch):
    """Cut off what takes long, as a device that is lost would."""

    class Short(runner.Background[Result]):
        def __init__(self, queue, make, **more):
            super().__init__(queue, lambda: _cut(make()), **more)

    monkeypatch.setattr(runner, "Background", Short)


def _cut(job):
    end = time.monotonic() + SECONDS  # from the job's first turn on
    while True:
        try:
            step = next(job)
        except StopIteration as stop:
            return stop.value
        if time.monotonic() > end:
            raise LabError("That takes too long here.")
        yield step


@pytest.fixture
def open_page():
    """Open a page of the lab, as a deep link with ``query`` would, in a session that holds ``kept``."""

    def opened(name, kept=None, /, **query):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=patience(60))
        app.switch_page(f"pages/{name}.py")
        for key, value in query.items():
            app.query_params[key] = value
        for key, value in (kept or {}).items():
            app.session_state[key] = value
        app.run()
        assert not app.exception
        return app

    return opened


views: dict[str, list[dict[str, str]]] = {}
"""Of each page that was asked for."""


@pytest.fixture
def addresses(open_page, monkeypatch):
    """Every view of a page, as what its address says: a tab, or a chapter and a view in it; nothing if there is one."""

    def look(name):
        rows = []
        with monkeypatch.context() as patch:
            patch.setattr(tabs, "_follow_old_link", lambda key, row, moved: rows.append((key, row)))
            patch.setattr(tabs, "_show", lambda view, *more: None)
            open_page(name)
        for key, row in rows[-1:]:
            for tab in row:
                inside = [{f"{key}_{tab.name}": view.title} for view in getattr(tab, "views", ())]
                yield from ({key: tab.title, **view} for view in inside or [{}])
        if not rows:
            yield {}

    def found(name):
        if name not in views:
            views[name] = list(look(name))
        return views[name]

    return found
