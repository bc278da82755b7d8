"""A trained character model: every number against a plain loop of torch, and a sentence for what can't be."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from cnnlab_core.data.text import names
from cnnlab_core.errors import InputError, WeightsError
from cnnlab_core.language import (
    CharacterModel,
    RecurrentNetwork,
    character_models,
    describe_character_model,
    load_character_model,
    share_known,
)
from cnnlab_core.language.files import TEXT_FORM, build_character_model
from cnnlab_core.models.exports import exported_specs
from cnnlab_core.runtime.jobs import finish

LETTERS = ("\n", *"abcdefghij")
KINDS = [("rnn", 1), ("rnn", 2), ("gru", 1), ("gru", 2), ("lstm", 1), ("lstm", 2)]
CELLS = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}


def small(kind="lstm", layers=1, seed=0):
    network = RecurrentNetwork(kind, len(LETTERS), 5, 7, layers)
    network.initialise(torch.Generator().manual_seed(seed))
    return CharacterModel(network.eval().requires_grad_(False), LETTERS)


def by_cells(model, text):
    """Probabilities, hidden units and memory by torch's own cells, one step and one layer at a time."""
    network = model.network
    cells = []
    for layer in range(model.layers):
        cell = CELLS[model.kind](5 if layer == 0 else 7, 7)
        names_ = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        cell.load_state_dict({name: getattr(network.cell, f"{name}_l{layer}") for name in names_})
        cells.append(cell)
    states = [(torch.zeros(1, 7), torch.zeros(1, 7)) for _ in cells]
    chances, hidden, memory = [], [], []
    with torch.no_grad():
        for character in text:
            x = network.embedding.weight[LETTERS.index(character)][None]
            for layer, cell in enumerate(cells):
                states[layer] = cell(x, states[layer]) if model.kind == "lstm" else (cell(x, states[layer][0]),) * 2
                x = states[layer][0]
            chances.append(network.readout(x)[0].softmax(0))
            hidden.append(torch.cat([state[0] for state in states]))
            memory.append(torch.cat([state[1] for state in states]))
    return (torch.stack(found).double().numpy() for found in (chances, hidden, memory))


@pytest.mark.parametrize(("kind", "layers"), KINDS)
def test_what_is_read_is_what_torchs_cells_give(kind, layers):
    model, text = small(kind, layers), "\nabcadehij\nbbba"
    chances, hidden, memory = by_cells(model, text)
    assert model.probabilities(text) == pytest.approx(chances, abs=1e-6)
    assert model.probabilities(text).sum(1) == pytest.approx(1)
    assert model.activity(text) == pytest.approx(hidden, abs=1e-6)
    assert model.activity(text).shape == (len(text), layers, 7)
    if kind == "lstm":
        assert model.cells(text) == pytest.approx(memory, abs=1e-6)
    else:
        assert model.cells(text) is None
    costs = [-math.log2(row[LETTERS.index(after)]) for row, after in zip(chances, text[1:], strict=False)]
    assert model.bits(text) == pytest.approx(costs, abs=1e-5)
    assert model.bits_per_character(text) == pytest.approx(np.mean(costs), abs=1e-5)


def test_a_long_text_costs_what_its_parts_cost():
    model = small()
    text = "abcde\n" * 1000
    state, costs = model.network.nothing_read(1), []
    codes = model.encode(text)[:, None]
    with torch.no_grad():
        logits, _ = model.network(codes[:-1], state)
    costs = nn.functional.cross_entropy(logits[:, 0], codes[1:, 0], reduction="none") / math.log(2)
    assert model.bits(text) == pytest.approx(costs.double().numpy(), abs=1e-4)


def test_what_is_written_is_drawn_from_what_is_expected():
    model = small("gru", 2)
    steps = list(model.sample_steps("abc", temperature=0.7, generator=torch.Generator().manual_seed(5), length=40))
    assert len(steps) == 40
    assert steps[-1].written == "".join(step.character for step in steps)
    # The same by hand: all of the text read anew for each character, with the same random numbers.
    random, text = torch.Generator().manual_seed(5), "\nabc"
    for step in steps:
        chances = torch.from_numpy(model.probabilities(text)[-1]) ** (1 / 0.7)
        chances /= chances.sum()
        place = int(torch.multinomial(chances, 1, generator=random))
        assert step.character == LETTERS[place]
        assert step.probability == pytest.approx(float(chances[place]), abs=1e-5)
        text += step.character
    assert model.sample("abc", temperature=0.7, generator=5, length=40) == steps[-1].written
    assert finish(model.sample_steps("abc", temperature=0.7, generator=5, length=40)) == steps[-1].written


def test_samples_are_as_frequent_as_probable():
    model = small(seed=3)
    expected = model.probabilities("\na")[-1]
    drawn = [model.sample("a", generator=seed, length=1) for seed in range(600)]
    shares = np.array([drawn.count(letter) for letter in LETTERS]) / len(drawn)
    assert np.abs(shares - expected).max() < 4 * np.sqrt(0.25 / len(drawn))


def test_at_temperature_0_the_likeliest_is_written_and_lines_end_it():
    model, text = small(), "\n"
    for step in model.sample_steps(temperature=0, length=12):
        likely = model.probabilities(text)[-1]
        assert step.character == LETTERS[int(likely.argmax())]
        assert step.probability == pytest.approx(likely.max(), abs=1e-6)
        text += step.character
    written = model.sample(length=5000, lines=3)
    assert written.count("\n") == 3
    assert written.endswith("\n")
    assert CharacterModel(model.network, "abcdefghijk").first == "a"
    assert CharacterModel(model.network, "abcdefghij ").first == " "


def test_one_changed_letter_changes_only_what_comes_after():
    model = small()
    found = model.compare("\nabcde", "\nabjde")
    assert found.places == (3,)
    before, after = (model.probabilities(text) for text in ("\nabcde", "\nabjde"))
    assert (found.before == before).all()
    assert (found.after == after).all()
    assert found.divergence[:3] == pytest.approx(0, abs=1e-12)
    assert (found.divergence[3:] > 0).all()
    assert found.divergence == pytest.approx((after * np.log2(after / before)).sum(1))
    assert not found.activity[:3].any()
    assert found.activity[3:].any()
    assert model.compare("abc", "abc").places == ()
    with pytest.raises(InputError, match="3 and 4 characters"):
        model.compare("abc", "abcd")


@pytest.mark.parametrize(
    ("way", "says"),
    [
        (lambda m: m.probabilities("abz"), "never seen “z”; it knows abcdefghij. Leave it out."),
        (lambda m: m.sample("A"), "never seen “A”.*Write “a”."),
        (lambda m: m.sample("a\tb"), r"never seen U\+0009"),
        (lambda m: m.bits("a\ud800"), r"never seen U\+D800"),
        (lambda m: m.activity("😀"), "never seen “😀”"),
        (lambda m: m.probabilities(""), "Write at least one"),
        (lambda m: m.bits("a"), "has 1 characters: make it 2"),
        (lambda m: m.probabilities("a" * 5001), "use at most 5,000"),
        (lambda m: m.sample("a" * 5001), "use at most 5,000"),
        (lambda m: m.probabilities(None), "text is None"),
        (lambda m: m.sample(7), "prompt is 7"),
        (lambda m: m.sample(length=0), "length is 0"),
        (lambda m: m.sample(length=10**9), "length is"),
        (lambda m: m.sample(lines=0), "lines is 0"),
        (lambda m: m.sample(temperature=-1), "temperature is -1.0: make it a number from 0.01 to 10.0, or 0"),
        (lambda m: m.sample(temperature=float("nan")), "temperature is nan"),
        (lambda m: m.sample(temperature=1e-9), "temperature is 1e-09"),
        (lambda m: m.sample(temperature="hot"), "temperature is 'hot'"),
        (lambda m: m.sample(generator="x"), "generator"),
        (lambda m: RecurrentNetwork("transformer", 3, 4, 5, 1), "no recurrent network"),
        (lambda m: load_character_model("gone"), "no network “gone”. Choose one of"),
        (lambda m: load_character_model("../x"), "no network"),
        (lambda m: load_character_model(None), "name is None"),
    ],
)
def test_what_cannot_be_is_a_sentence(way, says):
    with pytest.raises(InputError, match=says) as error:
        way(small())
    assert str(error.value).endswith(".")


def test_weights_that_overflowed_or_do_not_fit_are_sentences():
    model = small()
    state = {name: value.clone() for name, value in model.network.state_dict().items()}
    about = {"network": {"kind": "lstm", "embedding": 5, "hidden": 7, "layers": 1}, "characters": list(LETTERS)}
    assert (build_character_model(about, state).activity("abc") == model.activity("abc")).all()
    for change in (
        {"network": {**about["network"], "hidden": 8}},
        {"network": {**about["network"], "hidden": 10**9}},
        {"network": {**about["network"], "kind": "os.system"}},
        {"characters": ["ab", *LETTERS[1:]]},
        {"characters": ["a", *LETTERS[1:]]},
        {"characters": 3},
        {"network": None},
    ):
        with pytest.raises(WeightsError, match="don't fit"):
            build_character_model(about | change, state)
    state["readout.bias"] += float("nan")
    with pytest.raises(WeightsError, match="overflowed"):
        build_character_model(about, state).sample()


def test_files_that_are_damaged_are_sentences_and_no_pictures_network(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_RUNS", str(tmp_path))
    folder = tmp_path / "exports"
    folder.mkdir()
    shipped = character_models()
    (folder / "x.json").write_text(json.dumps({"form": TEXT_FORM, "sha256": "0" * 64}), encoding="utf-8")
    (folder / "y.json").write_text("{", encoding="utf-8")
    assert character_models() == (*shipped, "run:x")
    assert "run:x" not in {spec.name for spec in exported_specs()}
    with pytest.raises(WeightsError, match="missing or damaged"):
        load_character_model("run:x")


def test_the_share_that_is_known_counts_whole_lines():
    assert share_known(["mary", "", "marty", "james"], {"mary", "james"}) == (2, 3)
    assert share_known([], {"mary"}) == (0, 0)


# --- the one that comes with the lab ---


def test_the_labs_own_network_writes_names_as_its_card_says():
    model, card = load_character_model(), describe_character_model("names_lstm")
    assert load_character_model("names_lstm") is model
    text = names()
    assert model.characters == text.characters
    assert sum(p.numel() for p in model.network.parameters()) == card["parameters"]
    tested = model.bits_per_character(text.written(text.test[:20_000]))
    assert tested == pytest.approx(card["scores"]["bits"], abs=0.03)
    assert tested < card["scores"]["letter_pair_bits"] - 0.6
    lines = model.sample(temperature=0.7, generator=1, length=400).split("\n")[:-1]
    known, count = share_known(lines, set(text.written(text.train).split("\n")))
    assert 0 < known < count
    assert all(3 <= len(line) <= 14 for line in lines)
