"""The page of exercises: what is chosen is on the sheet, in the files and in the recipe."""

from urllib.parse import parse_qsl

import pytest
from screen import files, problems

from cnnlab_core.exercises import (
    KINDS,
    make_exercise,
    make_sheets,
    moodle_xml,
    moodle_xml_steps,
    qti_package,
    qti_package_steps,
    sheets_html,
)
from cnnlab_core.exercises.kinds import address
from cnnlab_core.ui.exercises.sheets import FIRST, Wanted

TOPICS = {
    "exercises_convolution": "Convolution",
    "exercises_receptive_fields": "Receptive fields",
    "exercises_attacks_on_a_neuron": "Attacks on a neuron",
    "exercises_recurrent_cells": "Recurrent cells",
    "exercises_statements_about_attacks": "Statements about attacks",
}


def text(app):
    return "\n".join(element.value for element in [*app.markdown, *app.caption])


def headings(app):
    return [element.value for element in app.markdown if element.value.startswith("**") and ":gray[" in element.value]


def links(app):
    return [element.proto.url for element in app.get("link_button")]


def recipe(app):
    return app.code[-1].value


def test_it_opens_with_an_exercise_to_do_and_every_kind_can_be_done_there(open_page):
    app = open_page("exercises")
    assert make_exercise("conv2d", 7).prompt in text(app)
    assert app.text_area
    box = app.selectbox(key="exercises_live_kind")
    assert box.options == [kind.title for kind in KINDS.values()]
    box.set_value("One step of FGSM").run()
    assert make_exercise("fgsm_step", 7).prompt in text(app)


def test_the_sheets_open_with_a_finished_one(open_page):
    app = open_page("exercises", exercises_tab="Sheets")
    assert not app.error
    assert [heading.split("**")[1].split(". ")[1] for heading in headings(app)] == [KINDS[name].title for name in FIRST]
    for name in FIRST:
        assert make_exercise(name, 7).prompt in text(app)
        assert make_exercise(name, 7).solution[-1] not in text(app)
    assert "make_sheets" in recipe(app)


def test_every_kind_is_offered_under_its_topic(open_page):
    app = open_page("exercises", exercises_tab="Sheets")
    for key, topic in TOPICS.items():
        titles = [kind.title for kind in KINDS.values() if kind.topic == topic]
        assert app.pills(key=key).options == titles
    assert {kind.topic for kind in KINDS.values()} == set(TOPICS.values())


def test_kinds_level_number_and_seed_make_the_sheet(open_page):
    app = open_page("exercises", exercises_seed="3", exercises_level="2", exercises_each="2")
    for key in TOPICS:
        app.pills(key=key).set_value([])
    app.pills(key="exercises_receptive_fields").set_value(["The pixels of a unit"]).run()
    assert len(headings(app)) == 2
    assert [make_exercise("field_box", seed, 2).prompt in text(app) for seed in (5, 6, 7, 8)] == [
        False,
        True,
        True,
        False,
    ]
    app.toggle(key="exercises_solved").set_value(True).run()
    assert all(step in text(app) for step in make_exercise("field_box", 6, 2).solution)
    app.pills(key="exercises_receptive_fields").set_value([]).run()
    assert "The sheet is empty" in app.error[0].value


def test_every_exercise_links_to_where_it_is_done(open_page):
    app = open_page("exercises", exercises_seed="12")
    assert links(app) == [address(make_exercise(name, 12)) for name in FIRST]
    page, _, asked = links(app)[0].partition("?")
    there = open_page(page, **dict(parse_qsl(asked)))
    assert make_exercise("conv2d", 12).prompt in text(there)


def test_another_seed_is_another_sheet(open_page):
    app = open_page("exercises", exercises_tab="Sheets")
    app.button(key="exercises_another").click().run()
    assert app.number_input(key="exercises_seed").value != 7
    assert make_exercise("conv2d", 7).prompt not in text(app)


SYSTEMS = ["For Moodle (XML)", "For other systems (QTI)"]


def test_the_chosen_kinds_leave_for_schools_systems_in_as_many_variants_as_are_asked_for(open_page):
    app = open_page("exercises", exercises_variants="40", exercises_level="2")
    assert {*SYSTEMS} <= {*files(app)}
    assert "questions = make_sheets(kinds, seed=7, level=2, sheets=40)" in recipe(app)
    for key in TOPICS:
        app.pills(key=key).set_value(app.pills(key=key).options)
    app.run()
    assert not {*SYSTEMS} & {*files(app)}
    assert f"{40 * len(KINDS)} exercises in one file" in problems(app)[0]
    app.number_input(key="exercises_variants").set_value(20).run()
    assert {*SYSTEMS} <= {*files(app)}
    assert problems(app) == []


def test_too_many_exercises_are_a_sentence(open_page):
    app = open_page("exercises", exercises_each="6", exercises_sheets="40")
    assert "1440 exercises in one file" in app.error[0].value.replace("\\", "")


@pytest.mark.parametrize(
    "query", [{"seed": "-1"}, {"level": "7"}, {"convolution": "<b>"}, {"sheets": "1e9"}, {"each": "x"}, {"solved": "?"}]
)
def test_nonsense_in_the_address_is_left_aside(open_page, query):
    app = open_page("exercises", **{f"exercises_{key}": value for key, value in query.items()})
    assert not app.error


def test_the_file_is_the_cores():
    wanted = Wanted(("max_pool", "true_or_false"), 5, 2, 1, 3)
    assert wanted.name == "cnnlab_exercises_5_to_7"
    sheets = make_sheets(wanted.kinds, seed=5, level=2, sheets=3)
    for solutions in (False, True):
        assert wanted.html("http://lab", solutions=solutions) == sheets_html(
            sheets, solutions=solutions, lab="http://lab"
        )
    questions = make_sheets(wanted.kinds, seed=5, level=2, sheets=4)
    assert wanted.questions(moodle_xml_steps, 4) == moodle_xml(questions)
    assert wanted.questions(qti_package_steps, 4) == qti_package(questions)
