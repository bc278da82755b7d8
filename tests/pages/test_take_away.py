"""What the buttons hand out at the click."""

import zipfile
from io import BytesIO
from xml.etree import ElementTree

import nbformat
import streamlit as st
from screen import NOTEBOOK


def test_the_files_are_those_of_the_view(open_page, monkeypatch):
    """A notebook of its code, with its name and link; questions for schools' systems, of what is chosen."""
    files, button = {}, st.download_button

    def kept(label, data, name, *more, **options):
        files[label] = (name, data)
        return button(label, data, name, *more, **options)

    monkeypatch.setattr(st, "download_button", kept)
    app = open_page("exercises", exercises_tab="Sheets", exercises_variants="2", exercises_seed="30")
    name, make = files[NOTEBOOK]
    assert name == "cnnlab_exercises_sheets.ipynb"
    title, _, *cells = nbformat.reads(make(), as_version=4).cells
    assert title.source.startswith("# Exercises: Sheets\n")
    assert "exercises_seed=30" in title.source
    assert "\n".join(cell.source for cell in cells).split() == app.code[-1].value.split()
    name, make = files["For Moodle (XML)"]
    assert name == "cnnlab_exercises_30_moodle.xml"
    numbers = [one.text for one in ElementTree.fromstring(make()).iter("idnumber")]
    assert numbers[:2] == ["cnnlab-conv2d-1-30", "cnnlab-conv2d-1-31"]
    name, make = files["For other systems (QTI)"]
    assert name == "cnnlab_exercises_30_qti.zip"
    assert len([one for one in zipfile.ZipFile(BytesIO(make())).namelist() if one.startswith("items/")]) == len(numbers)
