"""Stories in the browser: followed to their end by keys and by clicks, left, found again, and entered in the middle."""

import re
from itertools import product
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from cnnlab_core.stories import has_story, read_story
from cnnlab_core.ui.contents import PAGES, find_page

TOLD = [page.name for page in PAGES if has_story(page.name)]
PHONE, LAPTOP = {"width": 390, "height": 800}, {"width": 1366, "height": 768}


class Reader:
    """Somebody who reads a page's story, by keys or by clicks."""

    def __init__(self, lab, page, keys):
        self.lab, self.page, self.name, self.story, self.keys = lab, lab.page, page, read_story(page), keys
        self.card = lab.page.locator(".st-key-story")

    def arrives(self, step):
        expect(self.page).to_have_url(re.compile(rf"[?&]story={step}(&|$)"))

    def goes(self, role, step):
        """On, back, or to what was to be guessed."""
        link = self.page.locator(f".st-key-story_{role} a")
        press = (lambda: self.page.keyboard.press("b" if role == "back" else "n")) if self.keys else link.click
        expect(link).to_be_visible()
        self.lab.during(press)
        self.arrives(step)

    def guesses(self, number):
        guess = self.story.steps[number - 1].guess
        choice = (guess.right + number) % len(guess.choices)
        button = self.card.get_by_role("radio", name=guess.choices[choice], exact=True)
        self.lab.during((lambda: self.page.keyboard.press(str(choice + 1))) if self.keys else button.click)
        expect(self.card).to_contain_text("Yes: " if choice == guess.right else "It is “")
        expect(self.card).to_contain_text(guess.because)

    def reads(self, number):
        """A step: guess, look, and what one should have seen."""
        step = self.story.steps[number - 1]
        expect(self.card).to_contain_text(step.title)
        if step.guess:
            expect(self.card).not_to_contain_text(step.seen)
            self.guesses(number)
        if step.before is not None:
            self.goes("show", f"{number}-shown")
        expect(self.card).to_contain_text(step.seen)
        self.lab.no_exception()
        self.lab.picture_is_below("story")


def query(url):
    return sorted(parse_qsl(urlsplit(url).query))


def follow(lab, name, *, keys_first=True):
    """The story of the page that is open, from its first step to the next one: half by keys, half by clicks."""
    reader = Reader(lab, name, keys=True)
    lab.settle()  # the browser writes into the address one after the other
    steps, before = len(reader.story.steps), query(lab.page.url)
    lab.during(lab.page.locator(".st-key-story_open a").click)
    reader.arrives("1")
    for number in range(1, steps + 1):
        reader.keys = (number <= steps / 2) == keys_first
        reader.reads(number)
        if number == 2:
            lab.accessible()
        if number == 3:
            lab.during(lab.page.get_by_role("button", name="Close").click)
            expect(reader.card).to_have_count(0)
            lab.page.wait_for_url(lambda url: query(url) == before)  # the page is as it was
            lab.during(lab.page.get_by_role("link", name="The story, from step 3").click)
            expect(reader.card).to_contain_text(reader.story.steps[2].seen)
        reader.goes("next", str(number + 1))
    expect(reader.card).to_contain_text(reader.story.know)
    reader.goes("back", str(steps) if reader.story.steps[-1].before is None else f"{steps}-shown")
    expect(reader.card).to_contain_text(reader.story.steps[-1].seen)
    reader.goes("next", str(steps + 1))
    for following in TOLD[TOLD.index(name) + 1 :][:1]:
        reader.goes("next", "1")
        expect(reader.card).to_contain_text(read_story(following).steps[0].title)


def test_from_the_first_step_to_the_next_story(lab):
    lab.page.set_viewport_size(LAPTOP)
    lab.open("/exercises")
    seed = lab.page.get_by_label("Seed")
    seed.fill("12")
    lab.during(lambda: seed.press("Enter"))
    expect(lab.page).to_have_url(re.compile("exercises_live_seed=12"))
    lab.during(lab.page.locator(".st-key-story_open a").click)
    expect(seed).to_have_value("7")  # the story's, though it is what an address need not say
    lab.during(lab.page.get_by_role("button", name="Close").click)
    expect(seed).to_have_value("12")
    follow(lab, "exercises")


def test_left_and_found_again_and_entered_in_the_middle(lab):
    lab.page.set_viewport_size(LAPTOP)
    story = read_story("convolution")
    lab.open(f"/convolution?{urlencode({**story.view(3, shown=True), 'story': '3-shown'})}")
    reader = Reader(lab, "convolution", keys=True)
    lab.picture_is_below("story")
    lab.accessible()
    reader.guesses(3)
    beside = lab.page.get_by_test_id("stSidebar")
    for other in ("exercises", "convolution"):
        lab.during(beside.get_by_role("link", name=find_page(other).title).click)
    lab.during(lab.page.get_by_role("link", name="The story, from step 3").click)
    reader.arrives("3-shown")
    expect(reader.card).to_contain_text(story.steps[2].seen)
    stride = lab.page.locator(".st-key-conv_1_stride").get_by_role("slider")
    expect(stride).to_have_value("2")
    stride.focus()
    reader.goes("next", "4")
    expect(stride).to_have_value("1")
    lab.page.get_by_role("gridcell").first.click()
    lab.page.keyboard.press("2")  # into the cell
    lab.settle()
    expect(reader.card.get_by_role("radio", checked=True)).to_have_count(0)


@pytest.mark.wide
@pytest.mark.parametrize("name", TOLD)
def test_each_on_every_screen(lab, name):
    """By keys and by clicks, which change places in the dark; all by one visitor, for whom results are kept."""
    for screen, theme in product((LAPTOP, PHONE), ("light", "dark")):
        lab.page.set_viewport_size(screen)
        lab.page.emulate_media(color_scheme=theme)
        lab.open(f"/{name}")
        follow(lab, name, keys_first=theme == "light")
