"""Stories: every step opens what it says, asks before it tells, and leads on."""

import pytest

from cnnlab_core.runtime.assets import asset
from cnnlab_core.stories import has_story, read_story
from cnnlab_core.ui.contents import PAGES, find_page
from tests.screen import problems, refused, texts

PAGES_TOLD = sorted(file.stem for file in asset("stories").glob("*.toml"))
STEPS = [(page, number) for page in PAGES_TOLD for number in range(1, len(read_story(page).steps) + 1)]


def test_each_belongs_to_a_page():
    assert PAGES_TOLD
    assert {*PAGES_TOLD} <= {page.name for page in PAGES}
    assert all(has_story(page) and find_page(read_story(page).next) for page in PAGES_TOLD)
    assert not has_story("nowhere")


@pytest.mark.parametrize("page", PAGES_TOLD)
def test_five_to_seven_steps_with_guesses(page):
    story = read_story(page)
    assert 5 <= len(story.steps) <= 7
    guesses = [step.guess for step in story.steps if step.guess]
    assert len(guesses) >= 3
    for guess in guesses:
        assert 0 <= guess.right < len(guess.choices) == len({*guess.choices})
        assert guess.verdict(guess.choices[guess.right]).startswith("Yes: ")
        assert guess.choices[guess.right] in guess.verdict(guess.choices[guess.right - 1])


@pytest.mark.parametrize(("page", "number"), STEPS)
def test_a_step_opens_its_view_and_tells_after_the_guess(open_page, page, number):
    story = read_story(page)
    step = story.steps[number - 1]
    app = open_page(page, **story.view(number), story=str(number))
    assert not problems(app)
    assert not refused(app)
    assert step.title in texts(app)
    assert (step.seen in texts(app)) == (step.guess is None)
    if step.guess is None:
        return
    choices = next(pills for pills in app.button_group if step.guess.ask in pills.label)
    choices.set_value(step.guess.choices[step.guess.right - 1]).run()
    assert step.guess.because in texts(app)
    if step.before is not None:
        assert step.seen not in texts(app)
        app = open_page(page, **story.view(number, shown=True), story=f"{number}-shown")
        assert not problems(app)
        assert not refused(app)
        choices = next(pills for pills in app.button_group if step.guess.ask in pills.label)
        choices.set_value(step.guess.choices[step.guess.right]).run()
    assert step.seen in texts(app)


@pytest.mark.parametrize("page", PAGES_TOLD)
def test_it_ends_with_what_one_knows(open_page, page):
    story = read_story(page)
    app = open_page(page, story=str(len(story.steps) + 1))
    assert story.know in texts(app)


@pytest.mark.parametrize("wanted", ["0", "99", "-1", "x", "3-seen", "٣٣٣٣", ""])
def test_a_step_that_is_not_there_is_said(open_page, wanted):
    app = open_page("convolution", story=wanted)
    assert "One window, one number" in texts(app)
    assert refused(app)
