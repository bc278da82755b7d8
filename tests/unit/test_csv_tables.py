"""Tables as CSV."""

import csv
import io
import math
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnnlab_core.convolution import to_csv
from cnnlab_core.runtime.csv_tables import csv_table


def read(table):
    return list(csv.reader(io.StringIO(table, newline="")))


def test_a_table_has_a_header_and_its_rows():
    assert csv_table(("a", "b"), [(1, "x, y"), (2.5, "z")]) == 'a,b\n1,"x, y"\n2.5,z\n'


DANGEROUS = ("=1+1", "+1", "+cmd", "-1+1", "-cmd|' /C calc'!A0", "-", "--1", "-1_0", "@sum",
             "\tx", "\rx", "\n=1", " =1",
             "\u00a0=1", "＝1", "＋1", "－1", "＠x", "-1e", "-١", "=-3.5",
             "\ufeff=1", "\u200b+1", "\u2060\u00ad@x", "\0=1", "\v=1", "\u2028-1+1", "﹦1", "﹢1", "﹣1", "﹫x", "⁺1",
             "−1+1")  # fmt: skip


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_a_spreadsheet_would_run_is_kept_from_it(text):
    header, row = read(csv_table((text, "b"), [("a", text)]))
    kept = f"'{text}".replace("\r", "\n")
    assert header == [kept, "b"]
    assert row == ["a", kept]
    assert read(to_csv({text: np.array(1.0)}))[1][0] == kept


@given(text=st.text(st.characters(codec="utf-8"), max_size=6))
@example(text="x\r=1")
def test_no_cell_begins_like_a_formula(text):
    table = csv_table((text, "b"), [])
    ((cell, _),) = read(table)
    assert cell.replace("'", "") == text.replace("\r\n", "\n").replace("\r", "\n").replace("'", "")
    assert cell[:1] not in ("=", "+", "@", "\t", "\n")
    assert "\r" not in table
    if cell.startswith("-"):
        assert math.isfinite(float(cell))


@pytest.mark.parametrize("cell", ["a;=1+1", "a\t@x", 'a"; "=1', "a; \ufeff+1"])
def test_a_spreadsheet_that_splits_elsewhere_runs_nothing(cell):
    assert not re.search(r"[;\t][^'\w]*[=+@]", csv_table(("a",), [(cell,)]))


@pytest.mark.parametrize(
    "number",
    [-3.5, "-3.5", -1, "-1", "-1e-07", "-1.5e+30", "-inf", "nan", np.float32(-0.25), np.int64(-4), "-.5", "-2."],
)
def test_negative_numbers_stay_numbers(number):
    assert read(csv_table(("a",), [(number,)]))[1] == [str(number)]


def test_what_is_missing_is_empty():
    assert read(csv_table(("a", "b"), [(None, "")]))[1] == ["", ""]
