"""A page's story on the page: a card with one step at a time, which sets the view and asks for a guess.

The step is in the address (``story=3``, after its guess ``story=3-shown``), so that a link leads into the middle; steps
are links themselves, and what was guessed stays for the session. ``N`` and ``B`` on the keyboard go on and back.
"""

import re

import streamlit as st

from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.stories import Guess, Story, has_story, read_story
from cnnlab_core.ui.address import refuse
from cnnlab_core.ui.contents import find_page

PARAMETER = "story"
_GUESSES = "story guesses"
_LEFT = "story left"
_SHOWN = "shown"

_keys = st.components.v2.component("cnnlab_story", js=read_asset("story", "story.js"))


def show_story(page: str) -> None:
    """The open step of the page's story; else the way into it. Draws nothing on a page without one."""
    if not has_story(page):
        return
    story = read_story(page)
    wanted = st.query_params.get(PARAMETER)
    if wanted is None:
        left, _ = _read(st.session_state.get(_LEFT, {}).get(page, ""))
        on = 1 < left <= len(story.steps)
        words = f"Go on with the story: step {left} of {len(story.steps)}" if on else f"Story: {story.title}"
        _link(page, story, left if on else 1, words, ":material/auto_stories:", "open")
        return
    number, shown = _read(wanted)
    if not 1 <= number <= len(story.steps) + 1:
        refuse(PARAMETER, "the story's step", wanted, "step 1", f"1 to {len(story.steps)}")
        number, shown = 1, False
    places = st.session_state.setdefault(_LEFT, {})
    here = _written(number, shown)
    if places.get(page) != here:
        _open_view(story)
    places[page] = here
    # A link to the page that is open changes the view, and the browser's address only when something is written there.
    st.query_params[PARAMETER] = here
    with st.container(border=True, key="story"):
        if number > len(story.steps):
            _end(page, story)
        else:
            _step(page, story, number, shown)


def _read(text: str) -> tuple[int, bool]:
    """The step's number in an address (0 if there is none), and whether it is shown what was to be guessed."""
    found = re.fullmatch(rf"([0-9]{{1,2}})(-{_SHOWN})?", text)
    return (int(found[1]), bool(found[2])) if found else (0, False)


def _written(number: int, shown: bool) -> str:
    return f"{number}-{_SHOWN}" if shown else str(number)


def _open_view(story: Story) -> None:
    """Forget how the page's controls stand: those of the view are as the address says, the others as at first."""
    prefixes = tuple({key.partition("_")[0] + "_" for step in story.steps for key in step.view})
    for key in [*st.session_state]:
        if str(key).startswith(prefixes):
            del st.session_state[key]


def _step(page: str, story: Story, number: int, shown: bool) -> None:
    step, steps = story.steps[number - 1], len(story.steps)
    told, asked = st.columns([3, 2], gap="large")
    told.markdown(f"**{number} of {steps} · {step.title}**  \n{step.say}")
    with asked:
        known = step.guess is None or _guessed(page, number, step.guess)
        if known and step.before is not None and not shown:
            _link(page, story, number, "Show me", ":material/visibility:", "show", shown=True)
    if known and (shown or step.before is None):
        told.markdown(f":material/visibility: {step.seen}")
    with told.container(horizontal=True, gap="small", vertical_alignment="center"):
        if number > 1:
            _link(page, story, number - 1, "Back", ":material/arrow_back:", "back")
        _link(page, story, number + 1, "Next" if number < steps else "To the end", ":material/arrow_forward:", "next")
        _leave()
        _keys(key="story_keys", data={})


def _guessed(page: str, number: int, guess: Guess) -> bool:
    """Ask for a guess and say what is right; whether there has been one."""
    guesses = st.session_state.setdefault(_GUESSES, {})
    place, key = (page, number), f"story_guess_{number}"

    def take() -> None:
        if choice := st.session_state[key]:
            guesses[place] = choice

    st.session_state[key] = guesses.get(place)
    st.pills(f"Guess first: {guess.ask}", guess.choices, key=key, on_change=take)
    if place in guesses:
        st.markdown(guess.verdict(guesses[place]))
    return place in guesses


def _end(page: str, story: Story) -> None:
    following = find_page(story.next)
    st.markdown(f"**Now you know**  \n{story.know}")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        _link(page, story, len(story.steps), "Back", ":material/arrow_back:", "back")
        with st.container(key="story_next", width="content"):
            st.page_link(following.file, label=f"Go on: {following.title}", icon=following.icon)
        _leave()


def _link(page: str, story: Story, number: int, label: str, icon: str, role: str, shown: bool = False) -> None:
    """A link to a step, with its view."""
    query = {**story.view(number, shown), PARAMETER: _written(number, shown)}
    with st.container(key=f"story_{role}", width="content"):
        st.page_link(find_page(page).file, label=label, icon=icon, query_params=query)


def _leave() -> None:
    st.button("Close", key="story_close", icon=":material/close:", type="tertiary", on_click=_closed)


def _closed() -> None:
    st.query_params.pop(PARAMETER, None)
