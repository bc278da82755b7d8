"""Inside a network: what the browser is given, and what the address says."""

import hashlib
import json
from unittest.mock import ANY
from urllib.parse import parse_qs

import pytest
import torch
from screen import code, components, figures, files, refused, run_code, texts

from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.network.cell import explain_backward, explain_cell
from cnnlab_core.network.intervene import logits_with
from cnnlab_core.runtime.gate import Gate
from cnnlab_core.ui.network import live, picture
from cnnlab_core.ui.network.place import go
from cnnlab_core.ui.show import plain

CELL = {"network_layer": "_blocks.0._swish", "network_channel": "3", "network_row": "10", "network_col": "20"}


def data(app):
    """What the component was given."""
    return components(app)[0]


def link(app, label):
    """The query of a link to another page."""
    (found,) = [one.proto.query_string for one in app.get("page_link") if one.proto.label == label]
    return found


def answer(app):
    """What the wire of live frames was given."""
    return components(app)[-1].get("answer")


@pytest.fixture(scope="module")
def cat():
    model = load_model("efficientnet_lite0")
    return model, model.prepare(open_image(sample_images()["chelsea"].content))


def test_it_opens_with_the_whole_network_and_a_small_payload(open_page):
    app = open_page("network")
    given = data(app)
    scene = given["scene"]
    assert [column["title"] for column in scene["columns"]][:3] == ["Stem", "Blocks 1–3", "Blocks 4–5"]
    assert all(len(column["channels"]) == len(column["peaks"]) == 8 for column in scene["columns"])
    assert [bar["label"] for bar in scene["classes"]][:2] == ["tiger cat", "Egyptian cat"]
    assert "links" not in given
    assert "detail" not in given
    assert len(json.dumps(given)) < 400_000
    assert files(app) == ["Picture (PNG)", "Strongest channels (CSV)"]
    assert run_code(app)["found"].columns[0].channels == tuple(scene["columns"][0]["channels"])


def test_a_link_opens_a_cell_whose_sum_is_the_networks_own_number(open_page, cat):
    app = open_page("network", **CELL)
    given = data(app)
    assert (given["at"]["layer"], given["at"]["channel"], given["at"]["row"]) == ("_blocks.0._swish", 3, 10)
    cell = given["detail"]["cell"]
    said = explain_cell(*cat, "_blocks.0._swish", 3, 10, 20).said
    assert cell["steps"][-1]["value"] == pytest.approx(said, abs=1e-5)
    products = sum(sum(map(sum, plane["products"])) for plane in cell["planes"])
    assert products + cell["rest"] + cell["bias"] == pytest.approx(cell["steps"][0]["said"], abs=1e-5)
    top, left, bottom, right = cell["box"]
    assert (bottom - top + 1, right - left + 1) == (7, 7)
    assert len(json.dumps(given)) < 400_000
    assert "explain_cell" in code(app)


def test_backwards_it_is_autograds_slope_of_the_class_that_is_asked_about(open_page, cat):
    given = data(open_page("network", **CELL, network_way="backwards", network_class="285"))
    known = explain_backward(*cat, "_blocks.0._depthwise_conv.conv2d", 3, 10, 20, asked=285)
    cell = given["detail"]["cell"]
    assert given["scene"]["askedName"] == "Egyptian cat"
    assert cell["upstream"] == pytest.approx(known.upstream)
    assert cell["planes"][0]["dwAll"] == known.dw_all[0].tolist()
    assert given["detail"]["map"]["steps"][0]["slope"]["rows"] == 56


def test_what_feeds_what_comes_when_the_browser_has_painted_and_asks(open_page, monkeypatch):
    scene = data(open_page("network"))["scene"]
    monkeypatch.setattr(picture, "asked_for", lambda key: ANY)
    given = data(open_page("network"))
    assert "scene" not in given  # whoever asks has it
    feeds = given["links"]["feeds"]
    assert [len(step["weights"]) for step in feeds] == [8] * (len(scene["columns"]) - 1) + [len(scene["classes"])]
    vote = given["links"]["votes"][0]
    assert sum(term["product"] for term in vote["terms"]) + vote["rest"] + vote["bias"] == pytest.approx(vote["logit"])
    assert vote["logit"] == pytest.approx(scene["classes"][0]["logit"], abs=1e-4)
    assert given["fields"]["_blocks.2.add"]["size"] == [19, 19]


def test_what_the_browser_has_is_not_sent_again(open_page, monkeypatch):
    full = data(open_page("network", **CELL))
    monkeypatch.setattr(picture, "heard", lambda key: (4, full["id"]))
    given = data(open_page("network", **CELL))
    assert (given["id"], given["turn"]) == (full["id"], 4)
    assert not {"scene", "links"} & set(given)
    assert given["detail"] == full["detail"]
    assert "scene" in data(open_page("network", **CELL, network_class="3"))


def test_a_channel_off_changes_the_whole_picture_and_its_cells_as_torch_says(open_page, cat, monkeypatch):
    plain, change = data(open_page("network")), "_blocks.2.add:23:0,_swish_1:112:2"
    scene, before = data(open_page("network", network_change=change))["scene"], plain["scene"]
    monkeypatch.setattr(picture, "asked_for", lambda key: ANY)
    app = open_page("network", network_change=change)
    model, x = cat
    known = logits_with(model, x, {("_blocks.2.add", 23): 0.0, ("_swish_1", 112): 2.0})[0].softmax(0)
    bars = data(app)["changed"]["classes"]
    assert len(bars) >= 5
    for bar in bars:
        assert bar["share"] == pytest.approx(float(known[bar["index"]]), abs=1e-6)
    assert torch.equal(run_code(app)["after"], known)
    assert scene["classes"] == before["classes"]  # marks on the bars
    assert [column["channels"] for column in scene["columns"]] == [column["channels"] for column in before["columns"]]
    same = [a["maps"] == b["maps"] for a, b in zip(scene["columns"], before["columns"], strict=True)]
    assert (same[0], any(same[1:])) == (True, False)
    logit = next(bar["logit"] for bar in data(app)["changed"]["classes"] if bar["index"] == scene["asked"])
    vote = next(vote for vote in data(app)["links"]["votes"] if vote["index"] == scene["asked"])
    assert vote["logit"] == pytest.approx(logit, abs=1e-4)
    at = {"network_layer": "_fc", "network_channel": "282", "network_row": "0", "network_col": "0"}
    app = open_page("network", network_change=change, **at)
    detail = data(app)["detail"]
    assert (detail["label"], detail["layer"]) == (model.categories[282], scene["answer"])
    cell = detail["cell"]
    known = logits_with(model, x, {("_blocks.2.add", 23): 0.0, ("_swish_1", 112): 2.0})[0, 282]
    assert cell["steps"][-1]["value"] == pytest.approx(float(known), abs=1e-5)
    assert (len(cell["planes"]), cell["others"]) == (8, 1272)
    sums = [abs(plane["sum"]) for plane in cell["planes"]]
    assert sums == sorted(sums, reverse=True)
    assert run_code(app)["cell"].value == pytest.approx(float(known), abs=1e-5)
    scaled = data(open_page("network", network_change="_bn0:3:0.5", network_layer="_swish", network_channel="3",
                            network_row="2", network_col="2"))["detail"]  # fmt: skip
    assert [step["operation"] for step in scaled["cell"]["steps"]][1:3] == ["batch norm", "your factor"]
    assert scaled["map"]["steps"][1]["factor"] == 0.5
    monkeypatch.setattr(picture, "asked_for", lambda key: "")
    assert data(open_page("network"))["scene"] == plain["scene"]  # put back


def test_a_stage_unfolds(open_page):
    given = data(open_page("network", network_stage="1.2"))
    assert given["scene"]["opened"] == ["Blocks 1–3", "Block 3"]
    assert given["scene"]["columns"][-1]["title"] == "Sum"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ({"network_layer": "nowhere"}, "the layer"),
        ({"network_layer": "_bn0", "network_channel": "32"}, "Channel"),
        ({"network_layer": "_bn0", "network_row": "112"}, "Row"),
        ({"network_way": "sideways"}, "the direction"),
        ({"network_class": "1000"}, "Class"),
        ({"network_stage": "9"}, "the stage"),
        ({"network_stage": "one"}, "the stage"),
        ({"network_change": "_bn0:40:0"}, "what is changed"),
        ({"network_change": "_bn0:1:-1"}, "what is changed"),
    ],
)
def test_an_address_that_is_wrong_is_said_and_the_picture_is_there(open_page, address, says):
    app = open_page("network", **address)
    assert any(f"as {says}" in sentence.replace("*", "") for sentence in refused(app))
    assert data(app)["scene"]["columns"]


@pytest.mark.parametrize("name", ["cifar10_standard", "squeezenet1_1"])
def test_other_networks_open_at_the_same_address(open_page, name):
    kind = "pretrained" if name.startswith("cifar") else "random"
    given = data(open_page("network", model=name, weights=kind, **{**CELL, "network_layer": "nowhere"}))
    assert len(given["scene"]["columns"]) >= 3


def test_what_comes_from_the_browser_is_checked(monkeypatch):
    written = {"network_row": "1"}
    monkeypatch.setattr("streamlit.query_params", written)
    spec = load_model("efficientnet_lite0", "random").spec
    go(spec, {"layer": "_bn0", "channel": 3, "row": 200, "col": 2, "way": "up", "asked": -1, "changes": [["_bn0", 1, 0],
              ["x", 1, 0], ["_bn0", True, "1e999"], 5], "stage": [1, "<b>"]})  # fmt: skip
    assert written == {"network_layer": "_bn0", "network_channel": "3", "network_change": "_bn0:1:0"}
    go(spec, "nonsense")
    assert "network_layer" in written
    go(spec, {"stage": [1, 2], "way": "backwards", "asked": 5})
    assert written == {"network_stage": "1.2", "network_way": "backwards", "network_class": "5"}


def test_a_live_frame_is_answered_as_torch_says_and_the_next_one_no_sooner_than_it_may(open_page, cat, monkeypatch):
    app, (model, x) = open_page("network", network_change="_blocks.2.add:23:0"), cat
    scene = data(app)["id"]
    assert answer(app) is None
    frames = iter([
        {"scene": scene, "n": 1, "patch": [60, 80, 50]},
        {"scene": scene, "n": 2, "patch": [60, 81, 50]},
        {"scene": "another", "n": 3, "patch": [60, 81, 50]},
        {"scene": scene, "n": 4, "photo": "bm8gSlBFRw=="},
        {"scene": scene, "n": 5, "patch": ["a", -1, 10**9]},
    ])  # fmt: skip
    joined, join = [], Gate._join
    monkeypatch.setattr(Gate, "_join", lambda self, who, *more: joined.append(who) or join(self, who, *more))
    monkeypatch.setattr(live, "heard", lambda: next(frames))
    first = answer(app.run())
    number = app.session_state["visitors number"]
    assert joined == [hashlib.sha256(f"cnnlab {number}".encode()).hexdigest()[:32]]  # in the visitor's turn
    x = x.clone()
    x[..., 60:110, 80:130] = 0.5
    shares = logits_with(model, x, {("_blocks.2.add", 23): 0.0})[0].softmax(0)
    for bar in first["classes"]:
        assert bar["share"] == pytest.approx(float(shares[bar["index"]]), abs=1e-6)
    assert [maps["rows"] for maps in first["maps"]] == [28, 28, 28, 14, 14, 7, 7]
    app.session_state["network_wire turn"].at += 1000
    early = answer(app.run())
    assert "maps" not in early
    assert early["pause"] > 900_000 > first["pause"]
    assert answer(app.run()) is None  # of a picture that isn't there any more
    for sentence in ("camera's frame", "whole number"):
        app.session_state["network_wire turn"].at = 0
        assert sentence in answer(app.run())["said"]


def test_the_difference_to_an_adversarial_picture_grows_on_its_way(open_page):
    app = open_page("network", model="cifar10_standard", network_compare="true")
    (figure,) = figures(app)
    (line,) = figure["data"]
    model = load_model("cifar10_standard")
    assert len(line["text"]) == len(model.nodes())
    assert max(line["y"]) > 4 * line["y"][0] > 0
    taken = run_code(app)
    assert [ratio for _, ratio in taken["ratios"]] == pytest.approx(line["y"])
    titles = [
        f"**{plain(tile.stage.title)}**  \n{plain(f'map {tile.channel} · {tile.ratio:.0%}')}" for tile in taken["tiles"]
    ]
    assert set(titles) <= {caption.value for caption in app.caption}


def test_a_comparison_comes_from_the_page_of_attacks_and_leads_back(open_page):
    query = {"adversarial_attack": "FGSM", "adversarial_eps": "2", "adversarial_target": "3 · cat"}
    attacks = open_page("adversarial", model="cifar10_standard", **query)
    here = parse_qs(link(attacks, "See where in the network the difference grows"))
    assert here == {"network_compare": ["true"], "network_attack": [f"fgsm,eps={2 / 255}"], "network_target": ["3"]}
    app = open_page("network", model="cifar10_standard", **{name: value for name, (value,) in here.items()})
    app.button(key="start attack").click().run()
    assert "FGSM, norm L∞, epsilon 2/255" in texts(app)
    assert query.items() <= {name: value for name, (value,) in parse_qs(link(app, "The attack itself")).items()}.items()


@pytest.mark.parametrize("attack", ["tickle", "pgd,eps=a", "pgd,steps=100000", "probability_ascent", "pgd,hat=1"])
def test_an_attack_that_a_link_names_wrongly_is_said(open_page, attack):
    app = open_page("network", model="cifar10_standard", network_compare="true", network_attack=attack)
    assert any("as the attack" in sentence.replace("*", "") for sentence in refused(app))
    assert figures(app)
