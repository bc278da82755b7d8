"""Tables as CSV."""

import pytest

from cnnlab_core.runtime.csv_tables import csv_table


def test_a_table_has_a_header_and_its_rows():
    assert csv_table(("a", "b"), [(1, "x, y"), (2.5, "z")]) == 'a,b\n1,"x, y"\n2.5,z\n'


@pytest.mark.parametrize("text", ["=1+1", "+1", "@sum", "\tx", "\rx"])
def test_names_that_a_spreadsheet_would_run_are_kept_from_it(text):
    header, row = csv_table((text,), [(text,)]).replace("\r", "R").splitlines()
    assert header.lstrip('"').startswith("'")
    assert row.lstrip('"').startswith("'")
