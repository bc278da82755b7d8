"""Attacks, receptive fields and imports from a terminal."""

import csv
import io
import re

import pytest
import torch
from PIL import Image

from cnnlab_core.attacks import pgd
from cnnlab_core.attacks.__main__ import main as attack
from cnnlab_core.data.__main__ import main as bring
from cnnlab_core.images import open_image, sample_images, to_tensor
from cnnlab_core.models import load_model
from cnnlab_core.models.stack import read_stack
from cnnlab_core.receptive_field.__main__ import main as look
from cnnlab_core.receptive_field.stack import stack_fields
from cnnlab_core.runtime.assets import asset

PHOTO = str(sample_images()["chelsea"].path)


def test_an_attack_says_what_the_function_gives_and_saves_it(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    model, saved = load_model("cifar10_standard"), tmp_path / "fooled.png"
    settings = ["--method", "PGD", "--eps", "8/255", "--step-size", "2/255", "--steps", "6", "--no-keep-best"]
    assert attack([PHOTO, "--network", "cifar10_standard", "--target", "Truck", "--save", str(saved), *settings]) == 0
    x = model.prepare(open_image(PHOTO))
    expected = pgd(model, x, eps=8 / 255, step_size=2 / 255, steps=6, target=9)
    said = capsys.readouterr().out
    after = expected.rounded.view().top(model.categories, 1)[0]
    assert f"after:  {after.label} {after.probability:.1%}" in said
    assert ("\nfooled" in said) == bool(expected.success)
    assert re.search(r"linf \S+/255 l2 \S+ l1 \S+ SSIM 0\.\d{4}", said)
    assert torch.equal(to_tensor(open_image(saved)), expected.rounded.x_adv)
    for wrong, says in ((["--target", "a"], "3 classes, such as airplane"), (["--method", "pdg"], "no attack"),
                        (["--network", "nothing"], "no model called"), (["--eps", "-1"], "from 0 up")):  # fmt: skip
        assert attack([PHOTO, "--network", "cifar10_standard", *wrong]) == 2
        assert says in capsys.readouterr().err
    with pytest.raises(SystemExit):
        attack([PHOTO, "--eps", "8/0"])


def test_fields_of_a_stack_and_of_a_network_in_a_file(capsys):
    assert look(["--stack", "c3,m2,c3", "--side", "20"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    fields = stack_fields(read_stack("c3,m2,c3"), 20)
    assert [(row["layer"], int(row["size_rows"]), int(row["jump_columns"])) for row in rows] == [
        (field.name, field.size[0], field.jump[1]) for field in fields
    ]
    assert look(["--network", "cifar10_standard", "--layer", "relu1"]) == 0
    by_name = capsys.readouterr().out
    assert by_name.count("\n") == 2
    assert look(["--network", str(asset("networks") / "README.md")]) == 2
    assert "holds no weights" in capsys.readouterr().err


def test_an_import_and_what_there_is(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    for name in ("left", "right"):
        (tmp_path / "leaves" / name).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (16, 16), (9 * number, 0, 0)).save(tmp_path / "leaves" / name / f"{number}.png")
    assert bring([str(tmp_path / "leaves"), "leaves", "--side", "16"]) == 0
    assert "own:leaves: " in capsys.readouterr().out
    assert bring([]) == 0
    assert "own:leaves " in capsys.readouterr().out
    assert bring([str(tmp_path / "leaves")]) == 2
    assert "Give the set a name" in capsys.readouterr().err
