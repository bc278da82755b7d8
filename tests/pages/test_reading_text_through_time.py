"""Reading text, through time: the curves are the core's norms, the guess is judged by them, and clipping clips."""

import numpy as np
import pytest
from screen import figures, markdown, run_code, texts

from cnnlab_core.from_scratch import CELLS, clip_by_norm
from cnnlab_core.from_scratch.through_time import gradient_norms
from cnnlab_core.ui.reading_text.through_time import SHOWN_FIRST

TAB = {"reading_tab": "Through time"}


def curves(app):
    """The norms that are drawn, by cell; what isn't drawn is NaN."""
    return {trace["name"]: np.array(_values(trace["y"]), dtype=float) for trace in figures(app)[0]["data"]}


def _values(y):
    import base64

    return np.frombuffer(base64.b64decode(y["bdata"]), y["dtype"]) if isinstance(y, dict) else y


def test_before_the_guess_only_the_last_steps_are_drawn(open_page):
    app = open_page("reading_text", **TAB)
    for kind, drawn in curves(app).items():
        expected = gradient_norms(kind, singular_value=0.8).norms
        assert np.isnan(drawn[:-SHOWN_FIRST]).all()
        np.testing.assert_allclose(drawn[-SHOWN_FIRST:], expected[-SHOWN_FIRST:], rtol=1e-9)
    assert "Guess first" in texts(app)
    assert "agrees with PyTorch" in markdown(app)
    assert not app.error


@pytest.mark.parametrize(
    ("guess", "value", "says"),
    [
        ("LSTM GRU", "0.8", "Right. LSTM and GRU feel it."),
        ("RNN", "0.8", "Not quite. LSTM and GRU feel it."),
        ("RNN LSTM GRU", "1.2", "Right. RNN and LSTM and GRU feel it."),
    ],
)
def test_the_guess_is_judged_by_what_is_left(open_page, guess, value, says):
    app = open_page("reading_text", **TAB, reading_time_guess=guess, reading_time_singular=value)
    assert says in texts(app)
    for kind, drawn in curves(app).items():
        expected = gradient_norms(kind, singular_value=float(value)).norms
        np.testing.assert_allclose(drawn, expected, rtol=1e-9)
        assert f"{kind} {expected[0]:.3g}" in texts(app)


def test_none_of_them_is_an_answer_too(open_page):
    shut = {"reading_time_guess": "none", "reading_time_keep": "-3.0"}
    assert "Right. None of them feels it." in texts(open_page("reading_text", **TAB, **shut))


def test_clipping_is_shown(open_page):
    app = open_page("reading_text", **TAB, reading_time_singular="2.0", reading_time_clip="1.0")
    table = app.table[0].value
    for row, kind in enumerate(CELLS):
        found = gradient_norms(kind, singular_value=2.0)
        clipped = clip_by_norm(found.read.back.parameters, 1.0)
        shown = [float(table.iloc[row][name]) for name in ("norm before", "norm after")]
        assert shown == pytest.approx([clipped.norm, min(1.0, clipped.norm)], rel=1e-2)


def test_what_is_taken_away_is_what_is_shown(open_page):
    app = open_page("reading_text", **TAB, reading_time_guess="RNN", reading_time_steps="20")
    names = run_code(app)
    for kind, drawn in curves(app).items():
        np.testing.assert_allclose(names["norms"][kind], drawn, rtol=1e-9)
        np.testing.assert_allclose(names["by_torch"][kind], drawn, rtol=1e-9)
