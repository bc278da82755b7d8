"""Pictures through a network: batches, tables, and the code that reproduces the numbers."""

import csv
import io

import numpy as np
import pytest
import torch

from cnnlab_core.classification.batch import batch_table, class_table, classify
from cnnlab_core.classification.softmax import softmax
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.recipes.classifier import take_away


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")


def test_a_batch_answers_every_file_and_names_the_ones_it_cannot_read():
    cat = sample_images()["chelsea"].content
    files = [("cat.png", cat), ("letter.png", b"Dear reader"), ("=HYPERLINK()", cat), ("empty", b"")]
    answers = classify(load_model("efficientnet_lite0"), files)
    assert [answer.file for answer in answers] == [file for file, _ in files]
    assert [answer.index for answer in answers] == [0, 1, 2, 3]
    assert [bool(answer.problem) for answer in answers] == [False, True, False, True]
    model = load_model("efficientnet_lite0")
    with torch.no_grad():
        expected = model(model.prepare(open_image(cat)))[0].double().numpy()
    assert np.array_equal(answers[0].logits, expected)
    assert answers[0].size == (451, 300)
    assert max(open_image(answers[0].icon).size) == 96
    rows = list(csv.DictReader(io.StringIO(batch_table(answers))))
    assert [row["label"] for row in rows] == ["tiger cat", "", "tiger cat", ""]
    assert rows[1]["problem"] == answers[1].problem
    assert rows[2]["file"] == "'=HYPERLINK()"  # a spreadsheet would run it


def test_a_network_of_few_classes_gives_all_of_them():
    class Two:
        categories = ("no", "yes")

        def prepare(self, picture):
            return torch.zeros(1, 3, 8, 8)

        def __call__(self, x):
            return torch.tensor([[0.0, 1.0]])

    (answer,) = classify(Two(), [("cat", sample_images()["chelsea"].content)])
    assert [guess.label for guess in answer.best] == ["yes", "no"]


def test_the_table_of_all_classes():
    model = load_model("efficientnet_lite0")
    logits = np.random.default_rng(0).normal(size=1000)
    rows = list(csv.DictReader(io.StringIO(class_table(logits, model.categories, 2.0))))
    assert [int(row["rank"]) for row in rows] == list(range(1, 1001))
    assert [int(row["class_index"]) for row in rows] == np.argsort(-logits, kind="stable").tolist()
    by_class = {int(row["class_index"]): float(row["probability"]) for row in rows}
    np.testing.assert_allclose([by_class[i] for i in range(1000)], softmax(logits, 2.0), rtol=1e-8)


@pytest.mark.parametrize("sample", ["chelsea", None])
def test_the_code_on_the_page_gives_the_numbers_on_the_page(sample, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    content = sample_images()["chelsea"].content
    (tmp_path / "photo.jpg").write_bytes(content)
    scope = {}
    exec(take_away.code("efficientnet_lite0", "pretrained", sample, 3, 0.5), scope)
    answer = classify(load_model("efficientnet_lite0"), [("x", content)])[0]
    expected = softmax(answer.logits, 0.5)
    assert [p.index for p in scope["predictions"]] == [p.index for p in answer.best[:3]]
    assert [p.probability for p in scope["predictions"]] == [expected[p.index] for p in scope["predictions"]]
    assert "tiger cat" in capsys.readouterr().out
