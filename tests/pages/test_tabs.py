"""The row of tabs that every page has: at most five, chapters with views inside, and old links that still open them."""

import pytest
from screen import refused
from streamlit.testing.v1 import AppTest

from cnnlab_core.ui import tabs
from cnnlab_core.ui.contents import PAGES, find_page


def page():
    import streamlit as st

    from cnnlab_core.ui.tabs import Chapter, Tab, show_tabs

    def choose():
        st.slider("Size", 0, 9, 3, key="some_size", bind="query-params")
        return "a cat"

    show_tabs(
        "some_tab",
        [
            Tab("One", lambda chosen: st.text(f"one with {chosen}")),
            Tab("Two", lambda chosen: st.text(f"two with {chosen}"), formerly=("Deux", "Zwei")),
            Tab("Three", lambda: st.text("three"), stands_alone=True),
            Chapter(
                "More",
                "more",
                (
                    Tab("Four", lambda chosen: st.text(f"four with {chosen}"), without=("some_size",)),
                    Tab("Five", lambda: st.text("five"), stands_alone=True, formerly=("Fünf",)),
                ),
            ),
        ],
        choose,
    )


def opened(**query):
    app = AppTest.from_function(page)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def texts(**query):
    app = opened(**query)
    return [element.value for element in app.text], app.query_params.get("some_tab")


def test_a_tab_opens_from_its_title_and_from_former_ones():
    assert texts() == (["one with a cat"], None)
    assert texts(some_tab="Two")[0] == ["two with a cat"]
    assert texts(some_tab="Three")[0] == ["three"]
    for former in ("Deux", "Zwei"):
        assert texts(some_tab=former) == (["two with a cat"], "Two")


def test_a_view_opens_from_its_chapter_and_from_the_title_that_it_had_as_a_tab():
    assert texts(some_tab="More")[0] == ["four with a cat"]
    assert texts(some_tab="More", some_tab_more="Five")[0] == ["five"]
    assert texts(some_tab_more="Five") == (["five"], "More")
    for former in ("Five", "Fünf"):
        assert texts(some_tab=former) == (["five"], "More")


def hidden(app):
    return "".join(style.proto.body for style in app.get("html"))


@pytest.mark.parametrize(("tab", "seen"), [("One", True), ("Four", False), ("Five", False), ("Three", False)])
def test_what_a_view_makes_no_use_of_is_unseen_and_keeps_its_value(tab, seen):
    app = opened(some_tab=tab, some_size="7")
    assert app.slider(key="some_size").value == 7
    assert app.query_params["some_size"] in ("7", ["7"])
    assert ("display: none" in hidden(app)) != seen
    assert ("some_size" in hidden(app)) == (tab == "Four")
    assert ("part_network" in hidden(app)) == (tab in ("Three", "Five"))


# --- the lab's own ------------------------------------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch):
    """The titles of the views that are opened, which aren't drawn."""
    titles = []
    monkeypatch.setattr(tabs, "_show", lambda view, *more: titles.append(view.title))
    return titles


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_no_page_has_more_than_five_tabs_and_no_tab_more_than_five_views(addresses, name):
    tabs = [next(iter(address.values()), "") for address in addresses(name)]
    assert len({*tabs}) <= 5
    assert all(tabs.count(tab) <= 5 for tab in tabs)


SLIDE, LINEAR = {"conv_tab": "Slide"}, {"conv_tab": "Linear layers"}
ATTACK, SURVIVE, PAPER = ({"adversarial_tab": title} for title in ("Attack", "Does it survive?", "On paper"))
LOOK_FOR, LAYERS = {"maps_tab": "What channels look for"}, {"maps_tab": "Layer by layer"}
FIELDS = {"page": "receptive_fields"}

OLD = {
    ("convolution", "conv_tab"): {
        "1-D": SLIDE | {"conv_tab_slide": "1-D"},
        "2-D": SLIDE | {"conv_tab_slide": "2-D"},
        "Pooling": SLIDE | {"conv_tab_slide": "Pooling"},
        "Backward": {},
        "On a photo": {},
        "Autograd warm-up": LINEAR | {"conv_tab_linear": "Autograd warm-up"},
        "1×1 and attention": LINEAR | {"conv_tab_linear": "1×1 and attention"},
        "Practice": {},
    },
    ("classifier", "classifier_tab"): {
        title: {} for title in ("Softmax, worked out", "Preprocessing", "Layers", "Several pictures", "Take it away")
    },
    ("feature_maps", "maps_tab"): {
        **{title: {} for title in ("Feature maps", "Attribution")},
        **{title: LAYERS | {"maps_tab_layers": title} for title in ("Early, middle, late", "Compare")},
        **{title: LOOK_FOR | {"maps_tab_channels": title} for title in ("Strongest patches", "First-layer filters")},
        **dict.fromkeys(("Receptive field", "Effective field", "Design your own", "AlexNet", "Practice"), FIELDS),
    },
    ("adversarial", "adversarial_tab"): {
        **{title: ATTACK | {"adversarial_tab_attack": title} for title in ("Epsilon", "Step size", "Sweep")},
        **{t: SURVIVE | {"adversarial_tab_survive": t} for t in ("Robustness", "Universal", "Transferability")},
        **{title: PAPER | {"adversarial_tab_paper": title} for title in ("One neuron", "Questions")},
        "In the world": SURVIVE | {"adversarial_tab_survive": "Robustness"},
        "One for all": SURVIVE | {"adversarial_tab_survive": "Universal"},
        "Two networks": SURVIVE | {"adversarial_tab_survive": "Transferability"},
        "In the plane": PAPER | {"adversarial_tab_paper": "One neuron"},
        "Attack": {},
        "Report": {},
    },
    ("deepdream", "dream_tab"): {title: {} for title in ("Dream", "Neurons", "Atlas", "Classes", "Zoom")},
    ("training", "training_tab"): {
        **{title: {} for title in ("Watch", "Results")},
        "Filters and gradients": {"training_tab_inside": "Filters"},
        "Compare": {"training_tab_runs": "Side by side"},
        "New run": {"training_tab_new": "One run"},
    },
    ("transfer_learning", "transfer_tab"): {
        **{title: {} for title in ("Classifier", "Learning curve", "Projection", "Your picture")},
        "Random or pretrained": {"transfer_tab": "Learning curve"},
        "Map": {"transfer_tab": "Projection"},
    },
    ("reading_text", "reading_tab"): {title: {} for title in ("By hand", "Through time")},
    ("exercises", "exercises_tab"): {title: {} for title in ("Sheets", "Do it live")},
}
"""Every title that a tab had, by its page and key: what the address says of it today, if that is something else."""


@pytest.mark.parametrize(
    ("page", "key", "title"), [(page, key, title) for (page, key), titles in OLD.items() for title in titles]
)
def test_every_old_address_leads_to_its_new_place_with_its_parameters(open_page, shown, page, key, title):
    app = open_page(page, **{key: title}, some="thing", several=["a", "b"])
    now = OLD[page, key][title]
    name = now.get("page", page)
    assert app.title[0].value == find_page(name).title
    view = list(now.values())[-1] if now and "page" not in now else title
    assert shown[-1] == view
    for wanted, text in ({key: title} | now).items():
        assert wanted == "page" or app.session_state[wanted] == text
    assert app.query_params["some"] in ("thing", ["thing"])
    assert app.query_params["several"] == ["a", "b"]
    assert not refused(app)


def test_what_cannot_be_taken_is_still_said_on_the_new_page(open_page):
    app = open_page("feature_maps", maps_tab="Practice", maps_practice_seed="inf", maps_practice_level="9")
    assert app.title[0].value == "Receptive fields"
    assert ["“9” as **Level**" in refused(app)[0], "“inf” as **Seed**" in refused(app)[1]] == [True, True]
