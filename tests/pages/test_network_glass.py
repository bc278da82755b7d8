"""Inside a network, made of glass: what the browser is given, and what the address says."""

import json

import pytest
import torch
from screen import components, problems, refused, run_code, texts

from cnnlab_core.models import load_model
from cnnlab_core.network.glass import glass_sample, shipped_glass
from cnnlab_core.network.intervene import logits_with
from cnnlab_core.ui.network import board
from cnnlab_core.ui.network.place import go

DIGITS = {"network_shown": "Digits"}


def data(app):
    """What the component was given."""
    return components(app)[0]  # another one is the way of live frames


@pytest.mark.parametrize(
    ("shown", "name", "samples"), [("Digits", "glass_digits", 10), ("CIFAR-10", "glass_cifar10", 11)]
)
def test_a_network_of_glass_goes_to_the_browser_whole(open_page, shown, name, samples):
    app = open_page("network", network_shown=shown)
    given = data(app)
    assert given["glass"]["network"] == shipped_glass(name)["network"]
    assert len(given["glass"]["samples"]) == samples
    assert not {"scene", "links", "detail"} & set(given)
    assert len(json.dumps(given)) < 400_000
    assert board.LEARNED in texts(app)


def test_as_the_labs_network_it_shows_the_same(open_page):
    given = data(open_page("network", model="glass_digits"))
    assert given == data(open_page("network", **DIGITS))
    other = data(open_page("network", model="glass_digits", weights="random"))
    assert [layer["kind"] for layer in other["glass"]["network"]["layers"]][-2:] == ["linear", "softmax"]
    assert other["glass"]["network"] != given["glass"]["network"]


def test_a_link_names_the_map_the_digit_and_what_is_switched_off(open_page):
    app = open_page("network", **DIGITS, network_input="7", network_layer="pool1", network_channel="3", network_row="2",
                    network_col="11", network_change="relu3:12:0")  # fmt: skip
    at = data(app)["at"]
    assert [at[key] for key in ("input", "layer", "channel", "row", "col")] == [7, "pool1", 3, 2, 11]
    assert at["changes"] == [["relu3", 12, 0]]
    wanted = logits_with(load_model("glass_digits"), glass_sample("glass_digits", 7), {("relu3", 12): 0.0})[0]
    assert torch.equal(run_code(app)["shares"], wanted.softmax(0))


def test_what_the_browser_has_is_not_sent_again(open_page, monkeypatch):
    full = data(open_page("network", **DIGITS))
    monkeypatch.setattr(board, "heard", lambda key: (4, full["id"]))
    given = data(open_page("network", **DIGITS, network_layer="relu2"))
    assert (given["id"], given["turn"]) == (full["id"], 4)
    assert "glass" not in given


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ({"network_layer": "grey1.mean"}, "the layer"),
        ({"network_input": "10"}, "Input"),
        ({"network_stage": "1"}, "the stage"),
        ({"network_shown": "Letters"}, "Network shown"),
    ],
)
def test_an_address_that_is_wrong_is_said_and_the_board_is_there(open_page, address, says):
    app = open_page("network", **{**DIGITS, **address})
    assert any(f"as {says}" in sentence.replace("*", "") for sentence in refused(app))
    assert data(app)
    assert not problems(app)


def test_another_network_begins_with_the_whole_of_it(open_page):
    app = open_page("network", **DIGITS, network_layer="pool1", network_input="4")
    app.button_group(key="network_shown").set_value("CIFAR-10").run()
    given = data(app)
    assert (given["at"]["layer"], given["at"]["input"]) == ("", None)
    assert not refused(app)


def test_the_sample_that_the_browser_names_is_checked(monkeypatch):
    written = {}
    monkeypatch.setattr("streamlit.query_params", written)
    spec = load_model("glass_digits").spec
    go(spec, {"input": 4, "layer": "relu1", "channel": 1})
    assert written == {"network_layer": "relu1", "network_channel": "1", "network_input": "4"}
    go(spec, {"input": 99})
    assert written == {}
