"""Lessons in links and files, and codes of what was solved: they come back whole, and nothing else gets through."""

import base64
import json
import random
import string
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab_core.errors import InputError
from cnnlab_core.exercises import KINDS
from cnnlab_core.lessons import (
    Arrivals,
    Lesson,
    Number,
    Pick,
    Practice,
    Results,
    Step,
    Tried,
    class_table,
    pack,
    read_code,
    read_file,
    read_lesson,
    read_link,
    unpack,
    write_code,
    write_file,
)
from cnnlab_core.lessons.asking import exercise_of, parts_of, seed_of
from cnnlab_core.lessons.codes import MOST_NAME, student_name
from cnnlab_core.lessons.packed import MOST_BYTES, MOST_LETTERS
from cnnlab_core.stories import Guess

SECRET, NOW = b"a secret of thirty-two bytes....", 1_790_000_040.0
STRIDE = Step(
    page="convolution",
    task="Move only the stride.",
    view={"conv_tab": "Slide", "conv_1_x": "", "exercises_convolution": ("Output size", "Max pooling")},
    away=("conv_more", "tabs"),
    guess=Guess(ask="Longer or shorter?", choices=("longer", "shorter"), right=1, because="It skips places."),
    question=Number(ask="How long is y?", answer=0.3, tolerance=0.01),
    after="Right: (n - k) / s + 1.",
)
LESSON = Lesson(
    title="Strides",
    by="Ms X",
    group="7b",
    steps=(
        STRIDE,
        Step(page="classifier", task="Look.", question=Pick(ask="Which?", choices=("a", "b"), right=0)),
        Step(page="exercises", task="Now you.", question=Practice(kind="conv1d", level=2)),
    ),
)

PRINTED = st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))


def texts(most, least=1):
    return (
        st.text(PRINTED, min_size=least, max_size=most)
        .map(lambda text: " ".join(text.split()))
        .filter(lambda text: len(text) >= least)
    )


def guesses(kind, **more):
    choices = st.lists(texts(12), min_size=2, max_size=6, unique=True).map(tuple)
    return choices.flatmap(
        lambda found: st.builds(
            kind, ask=texts(30), choices=st.just(found), right=st.integers(0, len(found) - 1), **more
        )
    )


NUMBERS = st.floats(-1e15, 1e15)
QUESTIONS = st.one_of(
    st.none(),
    st.builds(Number, ask=texts(30), answer=NUMBERS, tolerance=NUMBERS.map(abs)),
    guesses(Pick),
    st.builds(Practice, kind=st.sampled_from(sorted(KINDS)), level=st.integers(1, 3)),
)
KEYS = st.from_regex(r"[a-z]{1,9}_[a-z0-9]{1,9}", fullmatch=True)
STEPS = st.builds(
    Step,
    page=st.sampled_from(["convolution", "training"]),
    task=texts(60),
    view=st.dictionaries(KEYS, texts(20, 0) | st.lists(texts(9), min_size=1, max_size=3).map(tuple), max_size=4),
    away=st.lists(KEYS, max_size=3).map(tuple),
    guess=st.none() | guesses(Guess, because=texts(30, 0)),
    question=QUESTIONS,
    after=texts(40, 0),
)
LESSONS = st.builds(
    Lesson,
    title=texts(30),
    by=texts(20, 0),
    group=texts(20, 0),
    steps=st.lists(STEPS, min_size=1, max_size=4).map(tuple),
)


@settings(max_examples=25)
@given(LESSONS)
def test_a_lesson_comes_back_from_its_link_and_its_file(lesson):
    assert unpack(pack(lesson)) == lesson
    assert read_file(write_file(lesson).encode()) == lesson


def test_what_is_empty_in_a_view_stays():
    assert unpack(pack(LESSON)).steps[0].view["conv_1_x"] == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [(), ("steps", 0), ("steps", 0, "view"), ("steps", 0, "guess"), ("steps", 0, "question"),
          ("steps", 1, "question"), ("steps", 2, "question")]  # fmt: skip


@settings(max_examples=100)
@given(st.data())
def test_whatever_stands_in_one_place_it_is_a_lesson_or_a_sentence(data):
    whole = json.loads(write_file(LESSON))
    place = whole
    for key in data.draw(st.sampled_from(FIELDS)):
        place = place[key]
    place[data.draw(st.sampled_from([*place, "strange"]))] = data.draw(JSON)
    try:
        assert unpack(pack(read_lesson(whole)))
    except InputError as error:
        assert str(error).endswith((".", "up to date."))


@settings(max_examples=100)
@given(
    st.text(max_size=40) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="))
)
def test_whatever_a_link_holds_it_is_a_sentence(text):
    with pytest.raises(InputError):
        unpack(text)


def link(content):
    return base64.urlsafe_b64encode(zlib.compress(content, 9)).decode().rstrip("=")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[" * 39_000, "isn't a lesson"),
        (b" " * 3_000_000, "40,000 bytes at most"),  # 3 kB as a link
        (b'{"version": 1e999, "title": "t", "steps": []}', "another version"),
        (b'{"version": 2, "title": "t", "steps": []}', "another version"),
        (b'{"version": 1, "title": "t", "steps": []}', "list of 1 to 10"),
        (b'{"version": 1, "title": "' + b"9" * 121 + b'", "steps": [1]}', "121 letters"),
        (b'{"version": 1, "title": "\\ud800", "steps": [1]}', "can't be shown"),
        (b'{"version": 1, "title": "a\\u202eb", "steps": [1]}', "can't be shown"),
        (b'{"version": 1, "title": "t", "html": "", "steps": [1]}', "'html', which the lab doesn't know"),
        (b'{"version": 1, "title": ["t"], "steps": [1]}', "must be text"),
        (b'{"version": 1, "title": "t", "steps": [{"page": "../etc", "task": "t"}]}', "doesn't have"),
        (b'{"version": 1, "title": "t", "steps": [{"page": "a", "task": "t", "view": {"teach": "x"}}]}', "a control"),
        (b"\xff", "isn't a lesson"),
        (b"9" * 5000, "isn't a lesson"),
    ],
)
def test_hostile_links_get_a_sentence(content, says):
    with pytest.raises(InputError, match=says):
        unpack(link(content))


def test_a_link_that_is_cut_or_too_long():
    for text in (pack(LESSON)[:-9], "A" * (MOST_LETTERS + 1), "", "a b", "é"):
        with pytest.raises(InputError, match="whole link"):
            unpack(text)
    draw = random.Random(0)
    noise = ["".join(draw.choices(string.ascii_letters, k=600)) for _ in range(20)]
    steps = tuple(Step(page="a", task=task, after=after) for task, after in zip(noise[:10], noise[10:], strict=True))
    with pytest.raises(InputError, match="shorter, or two lessons"):
        pack(replace(LESSON, steps=steps))
    with pytest.raises(InputError, match="this is larger"):
        read_file(b" " * (MOST_BYTES + 1))


def test_a_step_is_taken_from_a_link():
    page, view, away = read_link(
        " https://lab.example/base/convolution?conv_tab=Slide&conv_1_x=&k=a&k=b&teach=conv_more,<b>,tabs&story=2 "
    )
    assert (page, view, away) == (
        "convolution",
        {"conv_tab": "Slide", "conv_1_x": "", "k": ["a", "b"]},
        ["conv_more", "tabs"],
    )
    assert read_link("/training?teach=edit") == ("training", {}, [])
    for bad in (
        "",
        "https://lab.example/",
        "https://[",
        "/a?" + "&".join(f"k{n}=1" for n in range(99)),
        "javascript:1",
    ):
        with pytest.raises(InputError, match="link"):
            read_link(bad)
    with pytest.raises(InputError, match="own picture"):
        read_link("/classifier?picture=own:cat.png")


# --- questions ----------------------------------------------------------------------------------------------------


def test_answers_are_checked_with_their_tolerance():
    (number,) = parts_of(LESSON.steps[0].question, 0, str)
    assert [number.check(text).correct for text in ("0.3", "0.31", "0.29", "3/10", "0.3101", "0.2899")] == [
        True, True, True, True, False, False,
    ]  # fmt: skip
    (pick,) = parts_of(LESSON.steps[1].question, 0, lambda text: f"<{text}>")
    assert pick.check("<a>").correct
    assert not pick.check("<b>").correct


def test_each_student_has_numbers_of_their_own_and_keeps_them():
    seeds = [seed_of(LESSON, f"student {n}", 3) for n in range(40)]
    assert len(set(seeds)) > 35
    assert seeds[0] == seed_of(LESSON, "STUDENT 0", 3) != seed_of(replace(LESSON, group="8a"), "student 0", 3)
    exercise = exercise_of(LESSON.steps[2].question, seeds[0])
    assert (exercise.kind, exercise.seed, exercise.level) == ("conv1d", seeds[0], 2)
    for part, asked in zip(exercise.parts, parts_of(LESSON.steps[2].question, seeds[0], str), strict=True):
        assert asked.check(part.answer).correct
    with pytest.raises(InputError, match="kind"):
        parts_of(Practice(kind="juggling"), 0, str)


# --- codes --------------------------------------------------------------------------------------------------------


def results(student="Anna", *steps, when=NOW):
    return Results(student=student, steps=steps or (Tried(1, True), Tried(3), Tried()), when=when)


@given(
    st.text(PRINTED, max_size=20).filter(lambda text: 1 <= len(" ".join(text.split()).encode()) <= MOST_NAME),
    st.lists(st.builds(Tried, st.integers(0, 127), st.booleans()), min_size=3, max_size=3),
    st.integers(0, 2**23),
)
def test_a_code_comes_back(name, steps, minute):
    sent = Results(student=student_name(name), steps=tuple(steps), when=1_735_689_600 + 60.0 * minute)
    code = write_code(LESSON, sent, SECRET)
    assert len(code) <= 120
    for written in (
        code,
        code.lower(),
        code.replace("O", "0").replace("I", "1").replace("B", "8"),
        code.replace("-", ""),
    ):
        reading = read_code(f" {written}\n", LESSON, SECRET)
        assert (reading.state, reading.results) == ("right", sent)


def test_a_code_with_any_bit_flipped_is_never_right():
    code = write_code(LESSON, results(), SECRET)
    letters, alphabet = code.replace("-", ""), "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for place, letter in enumerate(letters):
        for bit in range(5):
            other = alphabet[alphabet.index(letter) ^ 1 << bit]
            assert read_code(letters[:place] + other + letters[place + 1 :], LESSON, SECRET).state in (
                "forged",
                "unreadable",
            )
    for cut in range(len(letters)):
        assert read_code(letters[:cut], LESSON, SECRET).state in ("forged", "unreadable")


@given(st.text(max_size=90) | st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567-", min_size=40, max_size=120))
def test_whatever_a_code_is_it_is_not_right(text):
    assert read_code(text, LESSON, SECRET).state in ("forged", "unreadable")


def test_what_else_a_code_can_be():
    code = write_code(LESSON, results(), SECRET)
    assert read_code(code, LESSON, b"another").state == "forged"
    assert read_code(code, replace(LESSON, group="8a"), SECRET).state == "another class"
    assert read_code(code, replace(LESSON, title="Strides, new"), SECRET).state == "another lesson"
    assert read_code(code, LESSON, SECRET, since=NOW + 3600).state == "old"
    assert read_code(code, LESSON, SECRET, since=NOW).state == "right"
    assert read_code(code, replace(LESSON, group="7B"), SECRET).state == "right"


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "é" * 21])
def test_a_name_fits_into_a_code(name):
    with pytest.raises(InputError, match="1 to 40"):
        student_name(name)
    assert student_name(" A\n\0B\u202e ") == "A B"


# --- the class ----------------------------------------------------------------------------------------------------


def test_a_class_of_two_hundred_codes_at_once():
    sent = [
        results(f"s{n:03}", Tried(1 + n % 4, n % 2 == 0), Tried(n % 3), Tried(), when=NOW + 60 * n) for n in range(200)
    ]
    codes = [write_code(LESSON, one, SECRET) for one in sent]
    table = class_table(" ,\n;".join(codes).replace("-", "-\n", 3), LESSON, SECRET)
    assert [row.student for row in table.rows] == [one.student for one in sent]
    assert table.refused == ()
    assert (table.solved(1), table.solved(2), table.mean_tries(1), table.mean_tries(3)) == (100, 0, 2.5, 0.0)
    assert [table.at(row) for row in table.rows[:2]] == [2, 1]
    assert sum(table.is_stuck(row, 4) for row in table.rows) == 50
    assert len(table.csv().splitlines()) == 201
    with pytest.raises(InputError, match="at most 200"):
        class_table(" ".join([*codes, "x"]), LESSON, SECRET)


def test_the_latest_code_counts_and_all_are_kept():
    first, then, other = results("Anna", Tried(1), Tried(), Tried()), results("anna", when=NOW + 120), results("=1+1")
    codes = [write_code(LESSON, one, SECRET) for one in (then, first, first, other)]
    table = class_table(
        " ".join([*codes, "nonsense"]), LESSON, SECRET, arrived=[codes[0], write_code(LESSON, first, b"?")]
    )
    assert [(row.student, len(row.results)) for row in table.rows] == [("=1+1", 1), ("anna", 2)]
    assert sorted(state for _, state in table.refused) == ["forged", "unreadable"]
    assert table.csv().splitlines()[1] == "'=1+1,1,3,1,1,0,3,0,0,2026-09-21 14:14"
    assert len(table.csv(every=True).splitlines()) == 4


def test_only_so_many_codes_arrive():
    arrivals = Arrivals()
    for n in range(260):
        arrivals.add(LESSON, n % 230, f"code {n}")
    assert len(arrivals.codes(LESSON)) == 200
    assert arrivals.codes(LESSON)[-1] == "code 259"
    for n in range(50):
        arrivals.add(replace(LESSON, group=str(n)), 0, "x")
    assert arrivals.codes(LESSON) == []
    assert arrivals.codes(replace(LESSON, group="49")) == ["x"]
