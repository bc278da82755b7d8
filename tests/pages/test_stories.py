"""Stories: every step opens what it says, asks before it tells, is right on the page's own numbers, and leads on."""

import re
import sys

import pytest
from streamlit.runtime.state.query_params_proxy import QueryParamsProxy

from cnnlab_core.images import open_image, sample_images
from cnnlab_core.lessons import Number, Results, Tried, read_code, write_code
from cnnlab_core.lessons.asking import parts_of, seed_of
from cnnlab_core.lessons.ready import LESSONS
from cnnlab_core.models import load_model
from cnnlab_core.network.covered import Patch, logits_without
from cnnlab_core.stories import has_story, read_story
from cnnlab_core.ui.contents import PAGES, find_page
from tests.screen import press, problems, refused, texts

TOLD = [page.name for page in PAGES if has_story(page.name)]
STEPS = {(page, number): step for page in TOLD for number, step in enumerate(read_story(page).steps, 1)}

# The right choice, and where the page says it once it is shown. (Those of the page network are computed in the browser:
# see tests/e2e/test_network_glass.py.)
ON_THE_PAGE = {
    ("classifier", 3): ("0.6 %", r"## tiger cat · 0\.6%"),
    ("classifier", 4): ("Under 1 %", r"## Walker hound · 0\.6%"),
    ("classifier", 5): ("A football helmet", r"## football helmet · 16\.2%"),
    ("feature_maps", 3): ("1152", r"1152 maps of 7 × 7"),
    ("feature_maps", 4): ("About half", r"580 are dead"),
    ("feature_maps", 5): ("Yes, in several", r"(?s)\*\*1\.\*\* 21\.4.*\*\*6\.\*\* 19\.5"),
    ("receptive_fields", 1): ("7", r"Size: 7 × 7"),
    ("receptive_fields", 2): ("At 110", r"sees rows \*\*110 … 128"),
    ("receptive_fields", 3): ("13", r"columns \*\*0 … 12"),
    ("receptive_fields", 4): ("659", r"Size: 659 × 659"),
    ("receptive_fields", 5): ("About half", r"(?s)covers \*\*56%.*covers \*\*85%"),
    ("receptive_fields", 6): ("3", r"\*\*conv3\*\* sees: 7 × 7 pixels"),
    ("convolution", 1): ("0", r"1 \\cdot 1 \+ 1 \\cdot \(-1\) \+ 0 = 0"),
    ("convolution", 2): ("3", r"(?s)How large is the output\?.*\+ 1 = 3\b"),
    ("convolution", 3): ("(0, 7)", r"1 \\cdot 3 \+ 1 \\cdot 4 \+ 0 = 7"),
    ("adversarial", 1): ("Tarantula, 100 %", r"\*\*tarantula\*\* 100\.0%"),
    ("adversarial", 2): ("Tabby", r"still says \*\*tabby\*\* 18"),
    ("adversarial", 3): ("1 of 255", r"changes the class: 1/255\*\* \(tabby"),
    ("adversarial", 4): ("4", r"survives \*\*4 of 11\*\*: grayscale, bit depth, brightness, translate"),
    ("adversarial", 5): ("Truck, less sure", r"still says \*\*truck\*\* 39\.8%"),
    ("adversarial", 6): ("0.67", r"at epsilon \*\*0\.6667\*\*"),
    ("report_card", 1): ("None, or nearly none", r"deep\*\*.* \*\*0\.\d% .* under attack"),
    ("report_card", 2): ("About 3 times", r"\*\*93\.\d%\*\* of 2,000 \(92\.\d% to 94\.\d%\)"),
    ("report_card", 3): ("About 27 %", r"\*\*2[67]\.\d%\*\* .* withstand all.* PGD-20 alone leaves 3[0-4]\.\d%"),
    ("report_card", 4): ("All of them", r"plain grey, PGD fools the network every time"),
    ("report_card", 5): ("Not sure enough", r"(?s)\*\*not sure enough\*\*.*\*\*not sure enough\*\*"),
    ("report_card", 6): ("Four", r"keeps 95% of its answers under mirror, grayscale, bit depth, brightness\."),
    ("deepdream", 1): ("The weights", r"\*\*1\.9 times\*\*"),
    ("deepdream", 3): ("1.0 times", r"\*\*1\.0 times\*\*"),
    ("deepdream", 5): ("Nearly 60 times", r"0\.5414 before and \*\*31\.85\*\* after"),
    ("deepdream", 6): ("An odd cat", r"P\(tarantula\): 99\.90%"),
    ("training", 1): ("All of them", r"Weights: 60,970"),
    ("training", 4): ("Dogs", r"cat is taken for dog: 210 times"),
    ("training", 5): ("About 47 %", r"\*\*47\.1%\*\* of 10,000 test pictures correctly, and 29\.1% under attack"),
    ("training", 6): ("About 3 %", r"held-out accuracy under PGD fell from 19% to 3%"),
    ("transfer_learning", 1): ("20 %", r"\*\*82%\*\*.*\*\*20%\*\* with random"),
    ("transfer_learning", 2): ("7", r"Mean per-class accuracy: 82\.5%"),
    ("transfer_learning", 4): ("Trained ones with one", r"20\.0% with random"),
    ("reading_text", 2): ("No, it is worse", r"Loss after 10 steps: 1\.7900"),
    ("reading_text", 4): ("Less than 0.1 %", r"RNN 0\.00065, LSTM 0\.818, GRU 0\.302"),
    ("reading_text", 6): ("Vowels", r"unit 94: a vowel \(\+0\.81\)"),
    ("reading_text", 5): ("It repeats one", r"(standel\n){10}"),
    ("exercises", 4): ("36", r"The 30 sheets to print"),
    ("exercises", 5): ("Yes, its answer is 3", r"frac\{6\}\{3\}.* = 3\b"),
}  # fmt: skip
DEAR = {("adversarial", 3), ("adversarial", 4), ("deepdream", 1), ("deepdream", 5), ("deepdream", 6)}
"""Steps whose results take seconds."""

READ_ALL = ("open_address", "_write_todays_titles", "whole_address")
"""What reads the address without asking for anything of it."""


def wide(steps):
    """The steps as cases; those that are dear, or whose number isn't on the page, are for ``make test-all``."""
    for step in steps:
        cheap = step in ON_THE_PAGE and step not in DEAR
        yield pytest.param(*step, marks=() if cheap else pytest.mark.wide)


def everything(app):
    """All that a page says, in text."""
    metrics = (f"{metric.label}: {metric.value}" for metric in app.metric)
    options = (option for box in app.selectbox for option in box.options)
    files = (button.proto.label for button in app.get("download_button"))
    return "\n".join(
        [*(one.value for one in app.markdown), texts(app), *metrics, *options, *files, *(one.value for one in app.code)]
    )


@pytest.fixture
def asked(monkeypatch):
    """The keys that a page asks its address for."""
    keys = set()

    def recorded(read):
        def get(self, key, *more):
            if sys._getframe(1).f_code.co_name not in READ_ALL:
                keys.add(key)
            return read(self, key, *more)

        return get

    for name in ("get", "get_all"):
        monkeypatch.setattr(QueryParamsProxy, name, recorded(getattr(QueryParamsProxy, name)))
    return keys


def open_step(open_page, page, number, shown=False, guess=None):
    written = f"{number}-shown" if shown else str(number)
    kept = {"story guesses": {(page, number): guess}} if guess else None
    return open_page(page, kept, **read_story(page).view(number, shown), story=written)


def test_every_page_has_one():
    assert [page.name for page in PAGES] == TOLD
    assert not has_story("nowhere")


@pytest.mark.parametrize("page", TOLD)
def test_five_to_seven_steps_that_ask(page):
    story = read_story(page)
    assert 5 <= len(story.steps) <= 7
    assert story.title
    assert story.know
    assert story.steps[0].view
    assert len({step.title for step in story.steps}) == len(story.steps)
    assert {(p, n) for p, n in ON_THE_PAGE if p == page} or page in ("network", "teaching")
    for step in story.steps:
        assert step.say.count(". ") <= 2, f"more than it takes: {step.say}"
        for text in (step.title, step.say, step.seen):
            assert text.strip()
        if guess := step.guess:
            assert 0 <= guess.right < len(guess.choices) == len({*guess.choices})
            assert len(guess.choices) > 1
            assert guess.verdict(guess.choices[guess.right]).startswith("Yes: ")
            assert guess.choices[guess.right] in guess.verdict(guess.choices[guess.right - 1])
    assert len([step for step in story.steps if step.guess]) >= 3


@pytest.mark.parametrize(("page", "number"), wide(STEPS))
def test_a_step_shows_what_it_tells(open_page, asked, page, number):
    step, guess = STEPS[page, number], STEPS[page, number].guess
    app = open_step(open_page, page, number, shown=True, guess=guess and guess.choices[guess.right - 1])
    assert not problems(app)
    assert not refused(app)
    assert {*read_story(page).view(number, shown=True)} <= asked
    assert step.seen in texts(app)
    assert not guess or guess.because in texts(app)
    right, said = ON_THE_PAGE.get((page, number), (None, ""))
    assert right in (None, guess and guess.choices[guess.right])
    assert re.search(said, everything(app))


@pytest.mark.wide
@pytest.mark.parametrize(("page", "number"), [step for step in STEPS if STEPS[step].before])
def test_what_is_asked_before_opens_too(open_page, asked, page, number):
    app = open_step(open_page, page, number)
    assert not problems(app)
    assert not refused(app)
    assert {*read_story(page).view(number)} <= asked


@pytest.mark.parametrize(("page", "number"), [("convolution", 3), ("exercises", 1)])
def test_a_step_tells_after_the_guess(open_page, page, number):
    step = STEPS[page, number]
    app = open_step(open_page, page, number)
    assert step.title in texts(app)
    assert step.seen not in texts(app)
    pills = next(pills for pills in app.button_group if step.guess.ask in pills.label)
    pills.set_value(step.guess.choices[step.guess.right - 1]).run()
    assert step.guess.because in texts(app)
    assert (step.seen in texts(app)) == (step.before is None)


def test_it_ends_with_what_one_knows_and_the_next(open_page):
    app = open_page("convolution", story="7")
    assert read_story("convolution").know in texts(app)
    assert f"Next comes **Adversarial attacks**: {find_page('adversarial').question}" in texts(app)
    labels = [link.proto.label for link in app.get("page_link")]
    assert "Next story: Adversarial attacks" in labels
    app = open_page(TOLD[-1], story=str(len(read_story(TOLD[-1]).steps) + 1))
    assert not any(link.proto.label.startswith("Next story") for link in app.get("page_link"))


def test_a_story_begins_with_the_page_as_at_first(open_page):
    app = open_page("classifier", picture="coffee", model="efficientnet_lite2", classifier_k="2")
    assert "A story in 6 steps" in [link.proto.label for link in app.get("page_link")]
    app.query_params.clear()
    app.query_params.update(read_story("classifier").view(2) | {"story": "2"})
    app.run()
    assert "## tiger cat · 39.5%" in everything(app)
    app.query_params.clear()
    app.run()
    assert "The story, from step 2" in [link.proto.label for link in app.get("page_link")]


def open_in_story(app, page, number):
    app.query_params.clear()
    app.query_params.update(read_story(page).view(number) | {"story": str(number)})
    app.run()
    assert not app.exception


def test_nothing_that_was_typed_is_lost_for_a_story(open_page, monkeypatch):
    monkeypatch.setenv("CNNLAB_TEACHER_KEY", "correct horse battery")
    monkeypatch.setattr("cnnlab_core.ui.teaching.entrance.is_teacher", lambda: True)
    app = open_page("teaching", teaching_tab="Follow a class")
    app.text_area(key="teaching_codes").set_value("AAAAA BBBBB").run()
    open_in_story(app, "teaching", 1)
    assert "Ready to use" in texts(app)
    assert not app.text_area
    open_in_story(app, "teaching", 4)
    assert app.text_area(key="teaching_codes").value == "AAAAA BBBBB"

    app = open_page("exercises", exercises_live_kind="Output size")
    (box,) = (box for box in app.text_input if "_answer " in box.key)
    box.set_value("77")
    press(app, "Check")
    open_in_story(app, "exercises", 4)
    app.query_params.clear()
    app.query_params.update(exercises_live_kind="Output size")
    app.run()
    assert app.text_input(key=box.key).value == "77"
    assert "Not yet" in texts(app)


def test_true_classes_outlive_a_story(open_page, monkeypatch):
    tables, truck = [], "9 · truck"

    def edit(rows, **more):
        """The table, in which somebody once says that all of it are trucks."""
        tables.append([row["true class"] for row in rows])
        return rows if len(tables) > 1 else [{**row, "true class": truck} for row in rows]

    monkeypatch.setattr("streamlit.data_editor", edit)
    view = {"adversarial_tab_attack": "Sweep", "adversarial_of": "Accuracy over several", "model": "cifar10_standard"}
    app = open_page("adversarial", **view)
    open_in_story(app, "adversarial", 6)
    app.query_params.clear()
    app.query_params.update(view)
    app.run()
    assert {*tables[-1]} == {truck} != {*tables[0]}


@pytest.mark.parametrize("wanted", ["0", "99", "-1", "x", "3-seen", "٣٣٣٣", ""])
def test_a_step_that_is_not_there_is_said(open_page, wanted):
    app = open_page("convolution", story=wanted)
    assert "One window, one number" in texts(app)
    assert refused(app)


def test_what_is_said_of_lessons():
    (part,) = parts_of(Number(ask="?", answer=0.667, tolerance=0.01), 0, str)
    assert part.check("0.66").correct
    lesson = LESSONS[0]
    assert len({seed_of(lesson, name, 1) for name in ("Ada", "Emmy")}) == 2
    code = write_code(lesson, Results(student="Ada", steps=(Tried(1, True),) * len(lesson.steps)), b"key")
    other = code[:20] + ("B" if code[20] == "A" else "A") + code[21:]
    assert [read_code(one, lesson, b"key").state for one in (code, other)] == ["right", "forged"]


def test_no_patch_of_a_third_hides_the_cat():
    model = load_model("efficientnet_lite0", weights="pretrained", device="cpu")
    x, seen = model.prepare(open_image(sample_images()["chelsea"].content)), model.spec.preprocessing
    corners = (0.0, 1 / 3, 2 / 3)
    best = {
        int(logits_without(model, x, Patch(top, left, 1 / 3), seen).argmax()) for top in corners for left in corners
    }
    assert best == {282, 285}  # tiger cat, Egyptian cat
