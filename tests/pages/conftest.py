"""Pages by Streamlit's own test driver: no browser, every control."""

import pytest
from patience import patience
from places import ROOT
from streamlit.testing.v1 import AppTest


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")


@pytest.fixture
def open_page():
    """Open a page of the lab, as a deep link with ``query`` would."""

    def opened(name, **query):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=patience(60))
        app.switch_page(f"pages/{name}.py")
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        assert not app.exception
        return app

    return opened
