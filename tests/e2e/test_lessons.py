"""Lessons in the browser: a teacher makes one, students solve it, codes make a table; ready ones hide what they say."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect
from steering import TEACHERS_KEY

from cnnlab_core.exercises import make_exercise
from cnnlab_core.lessons import Pick, Results, Tried, lesson_in, write_code
from cnnlab_core.lessons.asking import seed_of
from cnnlab_core.lessons.ready import LESSONS
from cnnlab_core.ui.lesson_card import link_of
from cnnlab_core.ui.teacher import secret

LAPTOP, PROJECTOR = {"width": 1366, "height": 768}, {"width": 1920, "height": 1080}
HIDDEN = {"tabs": "[data-testid=stMain] [role=tablist]", "sidebar": "[data-testid=stSidebar]"}


def test_from_the_teachers_choice_to_the_students_view(lab, browser):
    lab.open("/convolution?conv_2_stride=2&teach=edit")
    bar = lab.page.get_by_role("group", name="Students may touch")
    expect(bar.get_by_label("Stride")).to_be_checked()
    bar.get_by_role("button", name="All or none").click()
    expect(bar.get_by_label("Stride")).not_to_be_checked()
    bar.get_by_label("Padding").check()
    link = lab.page.get_by_label("Link to the lesson")
    assert "conv_2_padding" not in link.input_value()
    lab.shot("lesson_teacher")
    lab.check()

    lab.open(link.input_value().removeprefix(lab.server))  # as a student would
    padding, stride = lab.page.locator(".st-key-conv_2_padding"), lab.page.locator(".st-key-conv_2_stride")
    expect(padding).to_be_visible()
    expect(stride).to_be_attached()
    expect(stride).to_be_hidden()
    expect(lab.page.get_by_role("link", name="Training")).to_be_hidden()
    began = lab.page.url
    box = padding.get_by_role("combobox")
    box.click()
    lab.during(lambda: lab.page.get_by_role("option", name="2", exact=True).click())
    assert "conv_2_padding=2" in lab.page.url
    lab.during(lambda: lab.page.get_by_role("button", name="Back to the teacher's view").click())
    expect(box).to_have_value("1")
    assert sorted(lab.page.url.split("?")[1].split("&")) == sorted(began.split("?")[1].split("&"))
    lab.shot("lesson_student")


@pytest.mark.wide
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_a_ready_lesson_hides_what_it_says(lab, lesson):
    page = lab.page
    page.set_viewport_size(LAPTOP)
    lab.open(link_of(lesson, f"{lab.server}/").removeprefix(lab.server))
    expect(page.get_by_role("button", name="Back to the teacher's view")).to_be_visible()
    for key in lesson.steps[0].away:
        place = page.locator(HIDDEN.get(key, f".st-key-{key}")).first
        expect(place).to_be_attached()
        expect(place).to_be_hidden()
    solve(lab, lesson.steps[0])
    lab.picture_is_below("lesson_card")
    lab.accessible()
    page.set_viewport_size(PROJECTOR)
    for projected in ("", "&projector=1"):
        lab.open(page.url.removeprefix(lab.server) + projected)
        lab.settle()
        lab.picture_is_below("lesson_card")
    lab.check()


def solve(lab, step):
    """Guess, and answer rightly."""
    card = lab.page.locator(".st-key-lesson_card")
    if step.guess:
        lab.during(card.get_by_role("radio", name=step.guess.choices[0], exact=True).click)
    if step.question:
        lab.page.get_by_label("Your name or number").fill("Ada")
        press(lab, "Begin")
        if isinstance(step.question, Pick):
            card.get_by_role("radio", name=step.question.choices[step.question.right], exact=True).click()
        else:
            card.get_by_role("textbox").fill(f"{step.question.answer:.3f}")
        press(lab, "Check")
    if step.after:
        expect(card).to_contain_text(step.after)


@pytest.mark.wide
def test_the_teaching_page(lab):
    lab.open("/teaching")
    lab.shot("teaching")
    lab.check()


TASK = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) $x^2$"


def write(lab, label, text):
    box = lab.page.get_by_role("textbox", name=label, exact=True)
    box.fill(text)
    lab.during(lambda: box.press("Control+Enter"))


def press(lab, name, role="button"):
    lab.during(lambda: lab.page.get_by_role(role, name=name, exact=True).first.click())


def choose(lab, label, option):
    lab.page.get_by_role("combobox", name=label).click()
    lab.during(lambda: lab.page.get_by_role("option", name=option, exact=True).click())


def begin(student, link, name):
    student.open(link.removeprefix(student.server))
    student.during(lambda: student.page.get_by_text("about half as long", exact=True).click())
    expect(student.page.get_by_text("leaves out every other place")).to_be_visible()
    student.page.get_by_label("Your name or number").fill(name)
    press(student, "Begin")


def answer(student, label, text, says):
    student.page.get_by_label(label).fill(text)
    press(student, "Check")
    expect(student.page.get_by_text(says).first).to_be_visible()


def test_from_a_teachers_lesson_to_the_class_table(lab, dark_lab, phone_lab):
    teacher, anna, ben = lab, dark_lab, phone_lab
    teacher.open("/teaching?teaching_tab=Make a lesson")
    write(teacher, "Title", "Strides at noon")
    write(teacher, "For the class", "7b")
    press(teacher, "Add a step")
    write(teacher, "The view: its link", f"{teacher.server}/exercises?exercises_tab=Do it live&teach=pages")
    write(teacher, "What to do", TASK)
    choose(teacher, "Question", "Choices")
    write(teacher, "What to ask", "Which?")
    write(teacher, "Choices, one on each line", f"{TASK}\nthe other")
    link = teacher.page.get_by_role("link", name="Open it as a student").get_attribute("href")
    lesson = lesson_in(link)
    assert (lesson.title, lesson.group, len(lesson.steps)) == ("Strides at noon", "7b", 3)

    begin(anna, link, "Anna")
    answer(anna, "How many outputs", "2", "Right.")
    expect(anna.page.get_by_text("rounded down, plus 1")).to_be_visible()
    anna.page.mouse.move(0, 0)
    anna.shot("lesson_card")
    for size in (LAPTOP, PROJECTOR):
        anna.page.set_viewport_size(size)
        anna.settle()
        anna.picture_is_below("lesson_card")
    press(anna, "Next", "link")
    expect(anna.page.get_by_text("2 of 3")).to_be_visible()
    right = make_exercise("output_size", seed_of(lesson, "Anna", 2)).parts[0].answer
    anna.page.get_by_role("button", name="Your question").click()
    answer(anna, "Your answer", " ".join(f"{value:g}" for value in right.ravel()), "Solved.")
    anna.page.keyboard.press("Escape")
    press(anna, "Next", "link")
    expect(anna.page.get_by_role("heading", name="Exercises")).to_be_visible()
    assert anna.page.locator(".st-key-lesson_card").get_by_text(TASK).count() == 2  # as it was typed
    assert not anna.page.locator(".st-key-lesson_card img").count()
    whose = f"(for 7b) and shown as text: the lab at {anna.server.partition('//')[2]} doesn't vouch for it."
    expect(anna.page.locator(".st-key-lesson_card")).to_contain_text(whose)
    anna.page.locator(".st-key-lesson_card").get_by_role("radio").first.click()
    press(anna, "Check")
    press(anna, "To the end", "link")
    codes = [anna.page.locator(".st-key-lesson_card code").inner_text()]

    begin(ben, link, "=Ben")
    for _ in range(3):
        answer(ben, "How many outputs", "3", "Not yet.")
    ben.page.get_by_role("button", name="Your code").click()
    codes.append(ben.page.get_by_test_id("stPopoverBody").locator("code").inner_text())
    ben.page.keyboard.press("Escape")

    def made(of, when, student="Cleo"):
        return write_code(of, Results(student=student, steps=(Tried(1, True),) * 3, when=when), secret(TEACHERS_KEY))

    now = time.time()
    codes += [made(lesson, now - 9e6), made(replace(lesson, group="8a"), now), codes[0].replace(codes[0][-9:-6], "ABC")]
    codes += [made(lesson, now, f"student {number:03}") for number in range(195)]
    teacher.open("/teaching?teaching_tab=Follow a class")
    teacher.page.get_by_label("Teacher's key").fill(TEACHERS_KEY)
    press(teacher, "Enter")
    write(teacher, "The lesson's link, as the class has it", link)
    expect(teacher.page.get_by_test_id("stMetric").first).to_have_text(
        re.compile("Students.*2", re.DOTALL)
    )  # came alone
    teacher.page.get_by_role("spinbutton", name="year").click()
    teacher.page.keyboard.type(time.strftime("%Y%m%d", time.localtime(now - 86400)))
    write(teacher, "Codes, up to 200 at once", ", ".join(codes))
    for words in ("older than the date (1)", "of another class (1)", "mistyped or made up (1)"):
        expect(teacher.page.get_by_text(words)).to_be_visible()
    counts = [one.inner_text().split()[-1] for one in teacher.page.get_by_test_id("stMetric").all()]
    assert counts == ["197", "196", "1"]
    teacher.shot("lesson_class")
    with teacher.page.expect_download() as download:
        teacher.page.get_by_role("button", name="Class (CSV)").click()
    rows = [line.split(",")[:9] for line in Path(download.value.path()).read_text(encoding="utf-8").splitlines()[1:]]
    assert len(rows) == 197
    assert rows[0] == ["'=Ben", "0", "3", "0", "3", "0", "0", "0", "0"]
    assert rows[1] == ["Anna", "3", "3", "1", "1", "1", "1", "1", "1"]
