"""The row of tabs that every page has: links to a tab's former title still open it."""

from streamlit.testing.v1 import AppTest


def page():
    import streamlit as st

    from cnnlab_core.ui.tabs import Tab, show_tabs

    show_tabs(
        "some_tab",
        [
            Tab("One", lambda chosen: st.text(f"one with {chosen}")),
            Tab("Two", lambda chosen: st.text(f"two with {chosen}"), formerly=("Deux", "Zwei")),
            Tab("Three", lambda: st.text("three"), stands_alone=True),
        ],
        lambda: "a cat",
        aside="Settings",
    )


def texts(**query):
    app = AppTest.from_function(page)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return [element.value for element in app.text], app.query_params.get("some_tab")


def test_a_tab_opens_from_its_title_and_from_former_ones():
    assert texts() == (["one with a cat"], None)
    assert texts(some_tab="Two")[0] == ["two with a cat"]
    assert texts(some_tab="Three")[0] == ["three"]
    for former in ("Deux", "Zwei"):
        assert texts(some_tab=former) == (["two with a cat"], "Two")
