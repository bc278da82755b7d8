"""Reading text by hand: the numbers of the picture are the core's, forwards, backwards and down the loss."""

import numpy as np
import pytest
from screen import components, files, markdown, metrics, press, problems, refused, run_code

from cnnlab_core.errors import InputError
from cnnlab_core.exercises import make_exercise
from cnnlab_core.from_scratch import CELLS, seeded_parameters, unroll
from cnnlab_core.from_scratch.reading import learn_steps, spell
from cnnlab_core.ui.reading_text.by_hand import take_edits

HELLO = spell("hello")


def read(kind="RNN", word=HELLO, hidden=3, seed=7, **given):
    size = len(word.letters)
    return unroll(kind, seeded_parameters(kind, size, hidden, size, seed=seed) | given, word.x, word.targets)


def board(app):
    return components(app)[0]


def shows(app, expected):
    """Whether each line and matrix of the picture is what the core computes."""
    found = board(app)["arrays"]
    arrays = dict(expected.parameters) | expected.arrays
    return all(np.allclose(found[name], array, atol=1e-12) for name, array in arrays.items())


def test_it_opens_with_a_finished_example(open_page):
    app = open_page("reading_text")
    assert shows(app, read())
    assert board(app)["columns"][0] == ["x", "h", "y", "p", "loss"]
    assert [first + then for first, then in board(app)["word"]] == ["he", "el", "ll", "lo"]
    assert metrics(app)["Loss after 0 steps"] == f"{read().loss:.4f}"
    assert "agrees with PyTorch" in markdown(app)
    assert r"h^{(t)} = \tanh(W x^{(t)} + U h^{(t-1)} + b)" in markdown(app)
    assert not app.error
    assert not app.query_params


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("way", ["Forward", "Backward"])
def test_every_cell_and_pass(open_page, kind, way):
    app = open_page("reading_text", reading_hand_cell=kind, reading_hand_pass=way)
    drawn, expected = board(app), read(kind)
    assert shows(app, expected)
    shown = [name for names in drawn["columns"] for name in names]
    assert {"dW", "dU", "db", "dh", "dy"} <= set(shown) if way == "Backward" else {"W", "U", "h", "loss"} <= set(shown)
    for key, cell in drawn["cells"].items():
        name, index = key.split(":")
        value = np.array(drawn["arrays"][name])[tuple(map(int, index.split(",")))]
        if "losses" in cell:
            assert sum(cell["losses"]) == pytest.approx(value, abs=1e-12)
        if not cell["made"] and all(text.startswith("|") for _, texts in cell["terms"] for text in texts):
            factors = [[text.split("|") for text in texts] for _, texts in cell["terms"]]
            values = [
                [np.array(drawn["arrays"][n])[tuple(map(int, i.split(",")))] for _, n, i in row] for row in factors
            ]
            assert sum(np.prod(row) for row in values) == pytest.approx(value, abs=1e-12)
    assert "agrees with PyTorch" in markdown(app)


def test_gradient_descent_and_back(open_page):
    app = open_page("reading_text")
    path = list(learn_steps("RNN", read().parameters, HELLO, eta=0.3, steps=3))
    assert metrics(app)["After one more step"] == f"{path[1].read.loss:.4f}"
    press(app, "One step")
    press(app, "One step")
    assert metrics(app)["Loss after 2 steps"] == f"{path[2].read.loss:.4f}"
    assert shows(app, path[2].read)
    assert path[3].read.loss < path[0].read.loss
    press(app, "Back to the start")
    assert shows(app, read())


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("", "The word has 0 letters: write 2 to 8"),
        ("a", "The word has 1 letters: write 2 to 8"),
        ("abracadabra", "The word has 11 letters"),
        ("abcdefg", "The word has 7 different letters: use at most 6"),
        ("he lo", "a space or an invisible character"),
        ("a\u200bb", "a space or an invisible character"),
    ],
)
def test_what_isnt_a_short_word_is_a_sentence(open_page, word, sentence):
    app = open_page("reading_text")
    app.text_input(key="reading_hand_word").set_value(word).run()
    assert not app.exception
    assert sentence in problems(app)[0]
    assert shows(app, read())


@pytest.mark.parametrize("word", ["anna", "😀😁😀", "مرحبا", "$_$", "aa", "ёж"])
def test_any_script_can_be_read(open_page, word):
    app = open_page("reading_text", reading_hand_word=word)
    assert not app.error
    assert shows(app, read(word=spell(word)))
    assert "agrees with PyTorch" in markdown(app)


def test_a_link_brings_numbers_of_its_own(open_page):
    w, h0 = np.array([[1.0, -1.0], [0.0, 2.0]]), np.array([0.5, -0.5])
    linked = {"reading_hand_word": "ab", "reading_hand_hidden": "2", "reading_hand_W": "1 -1; 0 2",
              "reading_hand_h0": "0.5 -0.5"}  # fmt: skip
    app = open_page("reading_text", **linked)
    word, start = spell("ab"), seeded_parameters("RNN", 2, 2, 2, seed=7)
    assert shows(app, unroll("RNN", start | {"W": w}, word.x, word.targets, h0=h0))
    wrong = open_page("reading_text", **linked | {"reading_hand_W": "1 2 3"})
    assert "W has 1 × 3 numbers, and this word and cell need 2 × 2" in problems(wrong)[0]
    app.segmented_control(key="reading_hand_cell").set_value("GRU").run()  # other numbers: nothing of the link fits
    assert not app.error
    assert shows(app, read("GRU", word, 2))


def test_what_is_taken_away_is_what_is_shown(open_page):
    app = open_page("reading_text", reading_hand_cell="LSTM", reading_hand_steps="2")
    found = run_code(app)["read"]
    assert shows(app, found)
    assert files(app) == ["Numbers as JSON", "Numbers as CSV"]


@pytest.mark.parametrize("level", [1, 2])
def test_an_exercise_opens_its_own_numbers(open_page, level):
    exercise = make_exercise("recurrent_step", 5, level)
    app = open_page(exercise.look.page, **exercise.look.query)
    assert not app.error
    np.testing.assert_allclose(board(app)["arrays"]["h"][0], exercise.parts[1].answer, atol=1e-12)


def test_a_pinned_cell_is_written_out_and_survives_in_the_link(open_page):
    app = open_page("reading_text", reading_hand_pass="Backward", reading_back_cell="dU[0, 1]")
    assert board(app)["pinned"] == {"array": "dU", "index": [0, 1]}
    assert r"dU_{1,2} = da^{(1)}_{1} \, h^{(0)}_{2} + da^{(2)}_{1} \, h^{(1)}_{2}" in markdown(app)
    assert "the largest of h" in refused(open_page("reading_text", reading_forward_cell="h[9, 9]"))[0]


def test_an_edit_beyond_all_use_is_refused():
    arrays = dict(read().parameters) | {"h0": np.zeros(3)}
    with pytest.raises(InputError, match="keep numbers between -100 and 100"):
        take_edits(arrays, list(read().parameters), [(("W", (0, 0)), 1e5)])
