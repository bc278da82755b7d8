"""A sheet holds what was asked for, and its file stands alone."""

import pytest

from cnnlab_core.errors import InputError
from cnnlab_core.exercises import KINDS, LEVELS, make_exercise, make_sheets, moodle_xml, qti_package, sheets_html
from cnnlab_core.recipes.exercises import practice
from cnnlab_core.recipes.exercises import sheets as sheet_recipe


def test_a_sheet_has_so_many_of_each_and_every_sheet_others():
    sheets = make_sheets(["conv2d", "pgd_walk"], seed=5, level=2, each=3, sheets=4)
    assert [sheet.seed for sheet in sheets] == [5, 6, 7, 8]
    assert [(exercise.kind, exercise.seed, exercise.level) for exercise in sheets[1].exercises] == [
        (kind, seed, 2) for kind in ("conv2d", "pgd_walk") for seed in (18, 19, 20)
    ]
    assert len({exercise.prompt for sheet in sheets for exercise in sheet.exercises}) == 24


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"kinds": []}, "is empty"),
        ({"kinds": ["evil"]}, "choose one of"),
        ({"sheets": 41}, "sheets"),
        ({"each": 0}, "each"),
        ({"kinds": list(KINDS), "sheets": 40}, f"{40 * len(KINDS)} exercises in one file"),
    ],
)
def test_sheets_that_can_not_be_are_sentences(wish, words):
    with pytest.raises(InputError, match=words):
        make_sheets(**{"kinds": ["conv2d"], "seed": 1, **wish})


@pytest.mark.parametrize("level", LEVELS)
def test_the_printed_sheet_stands_alone_and_all_of_it_is_drawn(level):
    sheets = make_sheets(list(KINDS), seed=3, level=level, sheets=2)
    html = sheets_html(sheets, solutions=True, lab="http://localhost:8501")
    assert html == sheets_html(
        make_sheets(list(KINDS), seed=3, level=level, sheets=2), solutions=True, lab="http://localhost:8501"
    )
    assert html.count("<section>") == 4
    assert html.count("<article>") == 4 * len(KINDS)
    assert html.count('href="http://localhost:8501/') == 2 * len(KINDS)
    for fetched in ("<script", "<link", "<img", "src=", "@import", "url("):
        assert fetched not in html
    assert "\\" not in html  # no LaTeX is left over
    assert "<mi>&<" not in html
    assert "$" not in html
    solved = html.split("<h1>Solutions</h1>")
    assert "<ol>" in solved[0]
    without = sheets_html(sheets)
    assert "Solutions" not in without
    assert "in the lab" not in without


def test_markup_in_the_address_of_the_lab_stays_text():
    html = sheets_html(make_sheets(["conv1d"], seed=1), lab='http://x/"><script>')
    assert "<script" not in html


def run(code):
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    return names


def test_the_recipe_makes_the_same_sheet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wish = {"kinds": ("field_box", "true_or_false"), "seed": 4, "level": 2, "each": 2, "sheets": 2}
    run(sheet_recipe.code(**wish, variants=3, solutions=True, lab="http://lab", file="sheet"))
    made = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert made == sheets_html(make_sheets(**wish), solutions=True, lab="http://lab")
    questions = make_sheets(**wish | {"each": 1, "sheets": 3})
    assert (tmp_path / "sheet_moodle.xml").read_text(encoding="utf-8") == moodle_xml(questions)
    assert (tmp_path / "sheet_qti.zip").read_bytes() == qti_package(questions)


def test_the_recipe_of_an_exercise(capsys):
    exercise = run(practice.code("fgsm_step", 9, 3))["exercise"]
    assert exercise.prompt == make_exercise("fgsm_step", 9, 3).prompt
    assert capsys.readouterr().out.count("Right") == len(exercise.parts)
