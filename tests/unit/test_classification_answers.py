"""A classifier's answers on labelled pictures: accuracy, confusion matrix, mistakes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlab_core.classification.answers import Answers, mean_per_class_accuracy
from cnnlab_core.errors import InputError


def answers(labels, predicted, probability):
    true = np.where(np.equal(labels, predicted), probability, (1 - np.asarray(probability)) / 2)
    return Answers(np.array(labels), np.array(predicted), np.array(probability), true, -np.log(true))


def test_the_confusion_matrix_has_a_row_for_each_true_class():
    found = answers([0, 0, 1, 2, 2], [0, 1, 1, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.95])
    assert found.confusion(4).tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]]
    assert found.accuracy == pytest.approx(2 / 5)
    assert found.mean_loss == pytest.approx(-np.log([0.9, 0.1, 0.7, 0.2, 0.025]).mean())


def test_mistakes_are_the_wrong_answers_with_the_most_confident_first():
    found = answers([0, 0, 1, 2, 2], [0, 1, 1, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.95])
    assert [mistake["index"] for mistake in found.mistakes()] == [4, 1, 3]
    (worst,) = found.mistakes(1)
    assert worst == {
        "index": 4,
        "label": 2,
        "predicted": 0,
        "probability": 0.95,
        "true_probability": pytest.approx(0.025),
    }


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=3, max_size=3))
def test_mean_per_class_accuracy_counts_every_class_the_same(rows):
    table = np.array(rows)
    shares = [row[i] / sum(row) for i, row in enumerate(rows) if sum(row)]
    if not shares:
        with pytest.raises(InputError):
            mean_per_class_accuracy(table)
        return
    assert mean_per_class_accuracy(table) == pytest.approx(sum(shares) / len(shares))
    assert mean_per_class_accuracy(table * [[1], [7], [3]]) == pytest.approx(sum(shares) / len(shares))
