"""Lessons in the browser: a teacher makes one, a student opens it and finds back; the ready ones hide what they say."""

import pytest
from playwright.sync_api import expect

from cnnlab_core.lessons.ready import LESSONS
from cnnlab_core.ui.lesson_card import link_of

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
    lab.open(link_of(lesson, f"{lab.server}/").removeprefix(lab.server))
    expect(lab.page.get_by_role("button", name="Back to the teacher's view")).to_be_visible()
    for key in lesson.steps[0].away:
        place = lab.page.locator(HIDDEN.get(key, f".st-key-{key}")).first
        expect(place).to_be_attached()
        expect(place).to_be_hidden()
    lab.check()


def test_the_teaching_page(lab):
    lab.open("/teaching")
    lab.shot("teaching")
    lab.check()
