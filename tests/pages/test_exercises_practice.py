"""The practice tabs: every kind of exercise is asked, checked, hinted at and solved."""

import numpy as np
import pytest

from cnnlab_core.exercises import KINDS, Choice, make_exercise
from cnnlab_core.exercises.kinds import query

FIRST = {
    "convolution": "conv2d",
    "receptive_fields": "field_growth",
    "adversarial": "true_or_false",
    "exercises": "recurrent_step",
}


@pytest.fixture
def open_tab(open_page):
    def opened(page, **address):
        place = KINDS[FIRST[page]].place
        return open_page(page, **{**place.view, **address})

    return opened


@pytest.fixture
def open_exercise(open_tab):
    return lambda exercise: open_tab(KINDS[exercise.kind].place.page, **query(exercise))


def text(app):
    return "\n".join(element.value for element in [*app.markdown, *app.caption]).replace("\\", "")


def typed(values):
    return "\n".join(" ".join(f"{cell:.12g}" for cell in row) for row in np.atleast_2d(values))


def answer(app, exercise, answers):
    boxes = {box.key: box for box in [*app.text_area, *app.text_input, *app.button_group]}
    for number, given in enumerate(answers):
        key = next(key for key in boxes if key and "_answer " in key and key.endswith(f" {number}"))
        boxes[key].set_value(given)
    next(button for button in app.button if button.label == "Check").click().run()
    assert not app.exception


def right(exercise):
    return [part.answer if isinstance(part, Choice) else typed(part.answer) for part in exercise.parts]


@pytest.mark.parametrize("kind", KINDS)
def test_every_exercise_accepts_its_answers_and_marks_wrong_ones(open_exercise, kind):
    exercise = make_exercise(kind, 5, 2)
    app = open_exercise(exercise)
    assert not app.error
    answer(app, exercise, right(exercise))
    assert text(app).count(":green[") == len(exercise.parts)
    assert ":orange[" not in text(app)
    wrong = [
        next(option for option in part.options if option != part.answer)
        if isinstance(part, Choice)
        else typed(part.answer + np.eye(1, part.answer.size).reshape(part.answer.shape))
        for part in exercise.parts
    ]
    answer(app, exercise, wrong)
    assert text(app).count(":orange[") == len(exercise.parts)
    assert ":green[" not in text(app)
    grids = [part for part in exercise.parts if not isinstance(part, Choice) and part.answer.size > 1]
    assert sum(element.value.count("boxed") for element in app.latex) == len(grids)


def test_a_statement_is_explained_once_it_is_answered(open_exercise):
    exercise = make_exercise("true_or_false", 3)
    app = open_exercise(exercise)
    assert exercise.parts[0].why[:30] not in text(app)
    answer(app, exercise, [exercise.parts[0].answer])
    assert exercise.parts[0].why[:30] in text(app)
    assert exercise.parts[1].why[:30] not in text(app)
    assert text(app).count("No answer yet.") == len(exercise.parts) - 1


def test_a_wrong_shape_and_nonsense_are_sentences(open_tab):
    app, exercise = open_tab("convolution"), make_exercise("conv2d", 7)
    answer(app, exercise, ["1 2 3"])
    assert "yours has 3 numbers in a row" in text(app)
    answer(app, exercise, ["<b>one</b>"])
    assert "isn't a number" in app.error[0].value.replace("\\", "")
    answer(app, exercise, [""])
    assert "No answer yet." in text(app)


@pytest.mark.parametrize("page", FIRST)
def test_another_exercise_has_another_seed_and_forgets_the_answers(open_tab, page):
    prefix = KINDS[FIRST[page]].place.prefix
    exercise = make_exercise(FIRST[page], 7)
    app = open_tab(page, **query(exercise))
    answer(app, exercise, right(exercise))
    assert ":green[" in text(app)
    app.button(key=f"{prefix}_another").click().run()
    assert app.number_input(key=f"{prefix}_seed").value != 7
    assert ":green[" not in text(app)
    assert not any(box.value for box in [*app.text_area, *app.text_input])


def test_the_solution_comes_step_by_step(open_tab):
    app, exercise = open_tab("receptive_fields"), make_exercise("field_growth", 7)
    shown = [step.replace("\\", "") for step in exercise.solution]
    assert exercise.hint.replace("\\", "") not in text(app)
    app.toggle(key="maps_practice_hint field_growth 1 7").set_value(True).run()
    assert exercise.hint.replace("\\", "") in text(app)
    assert shown[0] not in text(app)
    for count in range(1, len(shown) + 1):
        app.button(key="maps_practice_next").click().run()
        assert [step in text(app) for step in shown] == [index < count for index in range(len(shown))]
    app.button(key="maps_practice_hide").click().run()
    assert not any(step in text(app) for step in shown)
    app.button(key="maps_practice_whole").click().run()
    assert all(step in text(app) for step in shown)


@pytest.mark.parametrize("page", FIRST)
def test_nonsense_in_the_address_is_left_aside(open_tab, page):
    prefix = KINDS[FIRST[page]].place.prefix
    app = open_tab(
        page, **{f"{prefix}_{key}": value for key, value in {"kind": "evil", "level": "9", "seed": "1.5"}.items()}
    )
    assert not app.error


@pytest.mark.parametrize(
    ("kind", "level"), [("fgsm_step", 1), ("pgd_walk", 2), ("best_point", 3), ("smallest_epsilon", 1)]
)
def test_the_plane_takes_over_the_very_numbers(open_page, kind, level):
    exercise = next(exercise for seed in range(50) if (exercise := make_exercise(kind, seed, level)).look)
    app = open_page("adversarial", **exercise.look.query)
    assert not app.error
    givens = exercise.givens
    shown = {name: app.number_input(key=f"adversarial_plane_{name}").value for name in ("w1", "w2", "x1", "x2", "b")}
    assert shown == {
        "w1": givens["w"][0],
        "w2": givens["w"][1],
        "x1": givens["x"][0],
        "x2": givens["x"][1],
        "b": givens["b"],
    }
    assert app.segmented_control(key="adversarial_plane_label").value == givens["y"]
    if "eps" in givens:
        assert app.slider(key="adversarial_plane_eps").value == pytest.approx(givens["eps"])
    if "step_size" in givens:
        assert app.number_input(key="adversarial_plane_step").value == givens["step_size"]


def test_the_stack_can_be_looked_through(open_page):
    exercise = make_exercise("field_growth", 8, 2)
    app = open_page("feature_maps", **exercise.look.query)
    assert not app.error
    assert f'read_stack("{exercise.givens["stack"]}"), {exercise.givens["side"]}' in app.code[-1].value
    last = len(exercise.givens["stack"].split(","))
    assert app.number_input(key="maps_through_typed").value == last


def test_what_no_tab_can_show_or_would_give_away_has_no_link():
    assert make_exercise("fgsm_step", 1, 3).look is None  # three inputs
    assert all(make_exercise("field_setting", seed).look is None for seed in range(20))


@pytest.mark.parametrize("page", FIRST)
def test_the_code_beside_an_exercise_runs(open_tab, page, capsys):
    code = next(code.value for code in open_tab(page).code if code.language == "python")
    exec(code, {})
    assert "Right" in capsys.readouterr().out
