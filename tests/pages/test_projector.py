"""Projector mode: on and off by button and by address, on every page, and what an address asks for in vain."""

import pytest
from screen import press, refused

from cnnlab_core.ui import tabs
from cnnlab_core.ui.contents import PAGES


def is_on(app):
    (button,) = [button for button in app.button if button.key in ("projector_on", "projector_off")]
    looks = any("zoom: 1.5" in style.proto.body for style in app.get("html"))
    assert looks == (button.key == "projector_off") == (app.query_params.get("projector") in ("1", ["1"]))
    return looks


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_every_page_has_it(open_page, monkeypatch, name):
    monkeypatch.setattr(tabs, "_show", lambda view, *more: None)
    assert is_on(open_page(name, projector="1"))


def test_a_button_begins_it_and_another_ends_it(open_page):
    app = open_page("teaching")
    assert not is_on(app)
    assert is_on(press(app, "Projector mode"))
    assert is_on(app.run())
    assert not is_on(press(app, "Leave projector mode"))
    assert not is_on(app.run())


def test_it_stays_on_the_next_page_and_ends_where_the_address_no_longer_has_it(open_page):
    app = open_page("teaching", projector="1")
    app.query_params.clear()  # as a link to another page does
    app.switch_page("pages/exercises.py").run()
    assert is_on(app)
    app.query_params.clear()  # as the browser's way back does
    assert not is_on(app.run())
    app.switch_page("pages/teaching.py").run()
    assert not is_on(app)


def test_another_value_is_said(open_page):
    app = open_page("teaching", projector="big")
    assert "“big” as **projector mode**, which isn't possible (1, or nothing). It is off instead." in refused(app)[0]
