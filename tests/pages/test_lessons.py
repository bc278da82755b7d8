"""Lessons: what a link puts away and asks, what a teacher is offered and sees of a class, and nonsense in all of it."""

import ast
import re
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as some
from places import ROOT
from screen import markdown, press, problems, refused, texts

from cnnlab_core.exercises import make_exercise
from cnnlab_core.lessons import Lesson, Number, Pick, Practice, Results, Step, Tried, pack, read_code, write_code
from cnnlab_core.lessons.asking import seed_of
from cnnlab_core.lessons.lesson import MOST_AWAY
from cnnlab_core.lessons.ready import LESSONS
from cnnlab_core.stories import Guess
from cnnlab_core.ui.contents import small_picture
from cnnlab_core.ui.lesson import EDIT, hiding, put_away
from cnnlab_core.ui.lesson_card import arrivals
from cnnlab_core.ui.teacher import secret
from cnnlab_core.ui.teaching.draft import draft_of, lesson_of
from cnnlab_core.ui.teaching.ready import picture_name

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
    assert len(put_away("a," * 100_000)) == MOST_AWAY


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
    words = markdown(open_page("teaching"))
    assert all(lesson.title in words for lesson in LESSONS)
    looks = [small_picture(picture_name(lesson), dark=dark) for lesson in LESSONS for dark in (False, True)]
    assert len({Path(look).read_bytes() for look in looks}) == len(looks), "each has a picture of its own"
    assert "nobody can start runs" in markdown(open_page("teaching", teaching_tab="Run the server"))


# --- lessons with a task ------------------------------------------------------------------------------------------

KEY = "correct horse battery"
MARKUP = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) $\\LaTeX$ :red[r] `c` **b**"
SHOWN = MARKUP  # texts() takes the backslashes off, which keep it from being more than text
STRIDE = {"conv_tab": "Slide", "conv_tab_slide": "1-D", "conv_1_stride": "2"}
LESSON = Lesson(
    title=f"Title {MARKUP}",
    by=f"By {MARKUP}",
    group="7b",
    steps=(
        Step(
            page="convolution",
            task=f"First {MARKUP}\n# Second",
            view=STRIDE,
            away=("conv_more", "pages"),
            guess=Guess(ask=f"Ask {MARKUP}", choices=(f"a {MARKUP}", "b"), right=0, because=f"Because {MARKUP}"),
            question=Number(ask=f"How long {MARKUP}?", answer=2.5, tolerance=0.25),
            after=f"After {MARKUP}",
        ),
        Step(page="exercises", task="Now you.", question=Practice(kind="output_size")),
        Step(page="exercises", task="Last.", question=Pick(ask="Which?", choices=(f"c {MARKUP}", "d"), right=1)),
    ),
)
FOREIGN = re.compile(r"(?<!\\)(<img|\]\(javascript|\$\\LaTeX|:red\[r|\*\*b\*\*)")


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("CNNLAB_TEACHER_KEY", KEY)
    arrivals.cache_clear()


def opened(open_page, number=1, lesson=LESSON, **more):
    step = lesson.steps[min(number, len(lesson.steps)) - 1]
    return open_page(step.page, **step.view, lesson=pack(lesson), lesson_step=str(number), **more)


def answered(app, answer):
    key = next(box.key for box in app.text_input if str(box.key).startswith("lesson_answer"))
    app.text_input(key=key).set_value(answer)
    return press(app, "Check")


def named(app, name):
    app.text_input(key="lesson_name").set_value(name)
    return press(app, "Begin")


def tells(app):
    """All that the browser takes as markdown, labels too."""
    labels = [control.label for kind in (app.text_input, app.button, app.button_group) for control in kind]
    options = [option.content for group in app.get("button_group") for option in group.proto.options]
    return "\n".join([markdown(app), *(caption.value for caption in app.caption), *labels, *options])


@pytest.mark.usefixtures("key")
def test_a_student_goes_through_a_lesson_in_which_all_words_are_text(open_page):
    app = opened(open_page)
    assert not problems(app)
    assert "1 of 3" in texts(app)
    assert app.slider(key="conv_1_stride").value == 2
    style = "".join(html.proto.body for html in app.get("html"))
    assert ".st-key-conv_more, .st-key-pages { display: none !important; }" in style
    whose = f"(By {SHOWN}, for 7b) and shown as text"
    for said in (f"Title {SHOWN}", f"First {SHOWN}", "# Second", whose, "isn't an exam mode"):
        assert said.replace("\\", "") in texts(app)
    assert "Because" not in texts(app)
    guess = next(group for group in app.button_group if "Guess first" in group.label)
    guess.set_value(1).run()
    assert f"It is “a {SHOWN}”: Because {SHOWN}".replace("\\", "") in texts(app)
    assert "1 to 40" in problems(named(app, " "))[0]
    named(app, f"An{MARKUP[:30]}")
    for answer, says in (("9", "Not yet"), ("nine", "isn't a number"), ("2.75", "Right"), ("9", "Not yet")):
        assert "After" not in texts(app) or says == "Not yet"
        answered(app, answer)
        assert says in texts(app)
    assert f"After {SHOWN}".replace("\\", "") in texts(app)
    assert not FOREIGN.search(tells(app))
    code = app.query_params["lesson_code"]
    reading = read_code(code, LESSON, secret(KEY))
    assert reading.state == "right"
    assert reading.results.steps == (
        Tried(2, True),
        Tried(),
        Tried(),
    )  # what can't be read is no try, and solved is solved
    assert reading.results.student == f"An{MARKUP[:30]}"
    assert arrivals().codes(LESSON) == [code]

    app = opened(open_page, 2, lesson_code=code)  # after a reload, or in another browser
    exercise = make_exercise("output_size", seed_of(LESSON, f"An{MARKUP[:30]}", 2))
    assert exercise.prompt in markdown(app)
    (box,) = [box for box in app.text_input if str(box.key).startswith("lesson_answer")]
    box.set_value(" ".join(f"{value:g}" for value in exercise.parts[0].answer.ravel()))
    press(app, "Check")
    assert "Solved" in texts(app)

    app = opened(open_page, 3, lesson_code=app.query_params["lesson_code"])
    choice = next(group for group in app.button_group if str(group.key).startswith("lesson_answer"))
    choice.set_value(choice.options[0])
    press(app, "Check")
    assert "Not yet" in texts(app)
    assert "answer is" not in texts(app)
    assert not FOREIGN.search(tells(app))
    app = opened(open_page, 4, lesson_code=app.query_params["lesson_code"])
    assert "Step 2: solved, 1 try" in texts(app)
    assert "Step 3: not solved yet, 1 try" in texts(app)
    assert app.code[0].value == app.query_params["lesson_code"]


def test_without_a_key_a_lesson_works_and_says_why_there_is_no_code(open_page):
    app = named(opened(open_page, 3), "Anna")
    choice = next(group for group in app.button_group if str(group.key).startswith("lesson_answer"))
    choice.set_value(choice.options[1])
    press(app, "Check")
    assert "Right." in texts(app)
    app.query_params["lesson_step"] = "4"
    app.run()
    assert "Step 3: solved, 1 try" in texts(app)
    assert "no teacher's key" in texts(app)
    assert "lesson_code" not in app.query_params


def test_who_leaves_a_lesson_finds_back_until_it_is_closed(open_page):
    app = opened(open_page, 3)
    app.switch_page("pages/teaching.py").run()
    for name in ("lesson", "lesson_step"):
        app.query_params.pop(name, None)
    app.run()
    (back,) = [link.proto for link in app.get("page_link") if link.proto.label.startswith("Back to the lesson")]
    assert back.page == "exercises"
    assert parse_qs(back.query_string)["lesson_step"] == ["3"]
    app = press(opened(open_page, 3), "Close")
    assert "lesson" not in app.query_params
    assert not any("Back to the lesson" in link.proto.label for link in app.get("page_link"))


@pytest.mark.usefixtures("key")
def test_what_a_link_cannot_lead_to_is_said(open_page):
    assert "can't be read" in problems(open_page("exercises", lesson="<b>"))[0]
    nowhere = replace(LESSON, steps=(replace(LESSON.steps[0], page="nowhere"),))
    assert "“nowhere”, which this lab doesn't have" in problems(open_page("exercises", lesson=pack(nowhere)))[0]
    strange = replace(LESSON, steps=(replace(LESSON.steps[1], question=Practice(kind="juggling")),))
    assert "kind is 'juggling'" in problems(named(opened(open_page, lesson=strange), "Anna"))[0]
    app = opened(open_page, 3, lesson_code="AAAAA-AAAAA")
    assert "isn't of this lesson" in app.info[0].value
    app = opened(open_page, 3, lesson=replace(LESSON, steps=LESSON.steps[2:]))
    assert "“3” as" in refused(app)[0]


# --- the teacher's side -------------------------------------------------------------------------------------------


def test_a_draft_says_what_its_lesson_does():
    for lesson in (LESSON, *LESSONS):
        assert lesson_of(draft_of(lesson)) == lesson


def test_a_teacher_writes_a_lesson(open_page):
    app = open_page("teaching", teaching_tab="Make a lesson")
    fields = {box.label: box for box in (*app.text_input, *app.text_area)}
    fields["Title"].set_value("Mine")
    fields["For the class"].set_value("7b")
    fields["The view: its link"].set_value("https://lab.example/exercises?exercises_tab=Do it live&teach=tabs,pages")
    fields["Answer"].set_value("0,5")
    app.run()
    assert "Exercises: 1 setting, 2 controls put away." in texts(app)
    press(app, "Add a step")
    assert "Step 3 has no view yet" in texts(app)
    (link,) = [box for box in app.text_input if "its link" in box.label]
    link.set_value("https://lab.example/").run()
    assert "isn't a link to a page" in problems(app)[0]
    press(app, "Delete")
    (student,) = [button.proto.url for button in app.get("link_button")]
    query = parse_qs(urlsplit(student).query)
    app = open_page("exercises", **{name: values[-1] for name, values in query.items()})
    assert "Mine · 1 of 2" in texts(app)
    assert "for 7b" in texts(app)
    app = open_page("teaching", teaching_tab="Make a lesson")
    app.text_input(key="lesson_make_link").set_value(student).run()
    assert "Mine" in [box.value for box in app.text_input]
    assert "0.5" in [box.value for box in app.text_input]
    app.text_input(key="lesson_make_link").set_value("https://lab.example/").run()
    assert "isn't the link to a lesson" in problems(app)[0]


@pytest.mark.usefixtures("key")
def test_a_class_of_two_hundred_and_what_does_not_count(open_page, monkeypatch):
    monkeypatch.setattr("cnnlab_core.ui.teaching.entrance.is_teacher", lambda: True)
    now, signed = time.time(), secret(KEY)

    def code(number, lesson=LESSON, of=signed, when=now):
        steps = (Tried(1, True), Tried(4, number % 2 == 0), Tried(2, number % 4 == 0))
        return write_code(lesson, Results(student=f"={number}", steps=steps, when=when), of)

    strange = [
        code(0, of=b"another"), code(1, replace(LESSON, group="8a")), code(2, replace(LESSON, title="x")),
        code(3, when=now - 9e6), "Anna",
    ]  # fmt: skip
    arrivals().add(LESSON, "a browser", code(999))
    app = open_page("teaching", teaching_tab="Follow a class")
    app.text_input(key="teaching_class_link").set_value(f"https://lab.example/exercises?lesson={pack(LESSON)}")
    app.date_input(key="teaching_class_since").set_value(time.strftime("%Y-%m-%d", time.localtime(now - 86400)))
    app.text_area(key="teaching_codes").set_value("\n".join([*map(code, range(195)), *strange])).run()
    assert not problems(app)
    assert {one.label: one.value for one in app.metric} == {"Students": "196", "Have solved all": "49", "Stuck": "98"}
    for words in (
        "mistyped or made up",
        "of another class",
        "before it was changed",
        "older than the date",
        "not a code",
    ):
        assert f"{words} (1)" in app.warning[0].value
    students, steps, refused_codes = (table.value for table in app.dataframe)
    assert students.set_index("student").loc["=3", "where"] == "step 2, stuck"
    assert list(steps["solved"]) == ["196 of 196", "98 of 196", "49 of 196"]
    assert len(refused_codes) == 5
    app.text_area(key="teaching_codes").set_value(" x" * 201).run()
    assert "at most 200" in problems(app)[0]
