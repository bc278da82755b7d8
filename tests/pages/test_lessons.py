"""Lessons: what a link puts away, what a teacher is offered, and nonsense in the list."""

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some
from places import ROOT

from cnnlab_core.ui.contents import PAGES
from cnnlab_core.ui.lesson import EDIT, LESSONS, MOST, hiding, put_away

KEY = "[A-Za-z0-9_-]{1,80}"
RULE = re.compile(rf"(\.st-key-{KEY}|\[class\*=st-key-{KEY}\]|\[data-testid=\w+\]( \[role=tablist\])?)")


@given(some.text())
def test_whatever_the_list_holds_the_style_holds_only_selectors(text):
    style = hiding(put_away(text))
    if style:
        rules, rest = style.split(" {", 1)
        assert rest == " display: none !important; }"
        assert all(RULE.fullmatch(rule) for rule in rules.split(", "))


def test_a_long_list_ends_somewhere():
    assert len(put_away("a," * 100_000)) == MOST


def test_a_lesson_hides_what_it_lists_and_says_whose_view_it_is(open_page):
    app = open_page("convolution", teach="conv_2_stride,</style><b>,pages")
    style = "".join(html.proto.body for html in app.get("html"))
    assert ".st-key-conv_2_stride, .st-key-pages { display: none !important; }" in style
    assert "<b>" not in style
    assert "Make a lesson of this view" not in {button.label for button in app.button}


SETTINGS = (":material/tune:", ":material/straighten:", ":material/keyboard:")
"""The icons of popovers with controls in them; others hold files, links or words."""


def test_settings_in_a_popover_can_be_put_away():
    files = (ROOT / "cnnlab_core" / "ui").rglob("*.py")
    for call in (node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "popover":
            given = {word.arg: word.value for word in call.keywords}
            if getattr(given["icon"], "value", "") in SETTINGS:
                assert "key" in given, f"{ast.unparse(call)}: lessons find a popover by its key"


def test_without_a_lesson_there_is_none(open_page):
    app = open_page("convolution")
    assert not any("{ display: none !important; }" in style.proto.body for style in app.get("html"))
    assert "Make a lesson of this view" in {button.label for button in app.button}


def test_a_teacher_opens_and_closes_the_bar(open_page):
    app = open_page("convolution")
    next(button for button in app.button if button.label == "Make a lesson of this view").click().run()
    assert app.query_params["teach"] == EDIT
    assert any("Make a lesson" in text.value for text in app.markdown)
    next(button for button in app.button if button.label == "Close").click().run()
    assert "teach" not in app.query_params
    assert not any("Make a lesson" in text.value for text in app.markdown)


def test_the_teaching_page_lists_lessons_and_settings(open_page, monkeypatch):
    monkeypatch.setenv("CNNLAB_TRAINING", "off")
    app = open_page("teaching")
    words = " ".join(text.value for text in app.markdown)
    assert all(lesson.title in words for lesson in LESSONS)
    assert "nobody can start runs" in words


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_a_lessons_link_leads_to_a_page_with_its_view(lesson):
    assert lesson.page in {page.name for page in PAGES}
    link = lesson.address("https://lab.example/base/teaching?x=1")
    assert link.startswith(f"https://lab.example/base/{lesson.page}?")
    assert put_away(lesson.query["teach"]) == list(lesson.away)
