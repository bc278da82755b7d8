"""The settings of a run: their descriptions, what they refuse, and that a terminal has every one of them."""

import json
from dataclasses import dataclass, replace
from typing import Literal

import pytest
from training_runs import alone, lab_folders, tiny  # noqa: F401  a fixture

from cnnlab_core.errors import InputError
from cnnlab_core.training import Config, config_from
from cnnlab_core.training.__main__ import main
from cnnlab_core.training.comparison import differences
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.presets import PRESETS
from cnnlab_core.training.settings import Option, describe, setting

NUMBERS = [name for name, about in SETTINGS.items() if about.has_range]


def test_a_config_survives_json_and_says_what_differs():
    config = tiny(attack="pgd", epsilon=4 / 255)
    assert config_from(json.loads(config.to_json())) == config
    assert differences([config, replace(config, seed=3, net="homework", stack="")]) == {
        "seed": [0, 3],
        "net": ["stack", "homework"],
        "stack": [config.stack, None],
    }
    assert config_from({"learning_rate": 1}).learning_rate == 1.0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"learning_rate": float("nan")}, "finite"),
        ({"learning_rate": 0.0}, "“Learning rate” must be from 1e-07 to 100, not 0"),
        ({"learning_rate": "fast"}, "a number"),
        ({"batch": 12.5}, "a whole number"),
        ({"batch": True}, "a whole number"),
        ({"flip": 1}, "true or false"),
        ({"net": "vgg"}, "one of homework, homework_bn, deeper, airbench, glass_digits, glass_cifar10, stack"),
        ({"net": ["homework"]}, "one of homework, homework_bn, deeper, airbench, glass_digits, glass_cifar10, stack"),
        ({"net": "stack"}, "no rows"),
        ({"stack": "c8k3"}, "only count"),
        ({"data": "names"}, "“homework_bn” is for pictures, and “names” is text. Choose one of rnn, gru, lstm"),
        ({"data": "own:few", "net": "gru"}, "“gru” is for text, and “own:few” is pictures. Choose one of homework,"),
        ({"data": "names", "net": "rnn", "flip": False}, "“Mirroring” is a setting for pictures"),
        ({"data": "text:x", "net": "rnn", "attack": "pgd"}, "“Learns from” is a setting for pictures"),
        ({"data": "names", "net": "rnn", "optimizer": "muon"}, "“muon” is for pictures.*adamw, sgd"),
        ({"hidden": 64}, "“Hidden size” is a setting for text, and “cifar10” is pictures"),
        ({"data": "text:../x", "net": "rnn"}, "no data set"),
        ({"epsilon": 8.0}, "from 0/255 to 255/255, not 2040/255. As a number, 8/255 is 0.0314"),
        ({"colour": "red"}, "no setting"),
        ([], "a table"),
    ],
)
def test_settings_that_cannot_be_are_sentences(values, says):
    with pytest.raises(InputError, match=says):
        config_from(values)


@pytest.mark.parametrize("name", NUMBERS)
def test_both_ends_of_a_range_can_be_and_what_lies_beyond_cannot(name):
    about = SETTINGS[name]
    rest = {"data": "names", "net": "lstm"} if about.of == "text" else {}
    for end, beyond in ((about.low, about.low - 1), (about.high, about.high + 1)):
        assert getattr(Config(**rest, **{name: about.kind(end)}), name) == end
        with pytest.raises(InputError, match=f"“{about.name[0].upper()}{about.name[1:]}” must be from"):
            Config(**rest, **{name: about.kind(beyond)})


@pytest.mark.parametrize("name", SETTINGS)
def test_a_value_survives_its_control_and_its_python(name):
    about = SETTINGS[name]
    values = alone(name)
    for value in (about.default, values[name]):
        assert about.taken(about.shown(value)) == value
        assert eval(about.code(value)) == value  # noqa: S307
        assert about.text(value) or name == "stack"
    config = Config(**values)
    assert config.counting()[name] == values[name]
    usual = Config().counting()
    assert (name in usual) == all(usual[other] in wanted for other, wanted in about.needs.items()) or about.of == "text"


@pytest.mark.parametrize("name", SETTINGS)
def test_a_terminal_can_set_it(name, monkeypatch):
    begun = []
    monkeypatch.setattr("cnnlab_core.training.launch.launch", lambda run, **_: begun.append(run.config))
    monkeypatch.setattr("cnnlab_core.training.checks.check", lambda config: None)
    values = alone(name)
    options = [
        f"--{'' if value else 'no-'}{key.replace('_', '-')}"
        if isinstance(value, bool)
        else f"--{key.replace('_', '-')}={value}"
        for key, value in values.items()
    ]
    assert main(["start", *options]) == 0
    assert begun == [Config(**values)]


def test_a_terminal_explains_every_setting(capsys):
    with pytest.raises(SystemExit):
        main(["start", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for name, about in SETTINGS.items():
        assert f"--{name.replace('_', '-')}" in shown
        assert about.help in shown
    assert "0/255 to 255/255; only with --attack fgsm or pgd; default: 8/255" in shown


def test_a_preset_leaves_out_what_a_preset_does_not_set():
    left = [name for name, about in SETTINGS.items() if not about.preset]
    assert left == ["data", "stack"]
    assert all(getattr(preset.config, name) == SETTINGS[name].default for preset in PRESETS for name in left)


def test_a_description_that_is_incomplete_or_contradicts_is_found_at_once():
    about = {"name": "a thing", "help": "What it does.", "group": "learning"}

    def table(kind, made, name="x"):
        return dataclass(type("Table", (), {"__annotations__": {name: kind}, name: made}))

    for kind, made, says in (
        (int, 3, "isn't described"),
        (int, setting(3, **about), "has no range"),
        (int, setting(3, **about, high=2), "must be from 0 to 2, not 3"),
        (Literal["a", "b"], setting("a", **about, options={"a": Option("A")}), "options"),
        (int, setting(3, **about, high=9, needs={"y": ("b",)}), "needs"),
    ):
        with pytest.raises((TypeError, InputError), match=says):
            describe(table(kind, made))
    assert describe(table(int, setting(3, **about, high=9)))["x"].label == "A thing"
