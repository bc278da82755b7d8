"""A page's story on the page: a band with one step at a time, which sets the view and asks for a guess.

The step is in the address (``story=3``, after its guess ``story=3-shown``), so that a link leads into the middle; steps
are links themselves, and what was guessed stays for the session. On the keyboard, ``N`` and ``B`` go on and back, and
``1``, ``2`` ... guess. The stories follow each other as the pages do. Whoever closes one finds the page as it was
before: the browser keeps that address (``assets/frame/history.js``).
"""

import re

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.stories import Guess, Step, Story, has_story, read_story
from cnnlab_core.ui.address import refuse
from cnnlab_core.ui.contents import PAGES, find_page
from cnnlab_core.ui.controls import forget_controls

PARAMETER = "story"
_GUESSES = "story guesses"
_LEFT = "story left"
_OPEN = "story open"
_SHOWN = "shown"

_keys = st.components.v2.component("cnnlab_story", js=read_asset("story", "story.js"))


def show_story(page: str, head: DeltaGenerator) -> bool:
    """The open step of the page's story; else, in the page's ``head``, the way into it. Nothing on a page without.

    Gives whether a step is open.
    """
    if not has_story(page):
        return False
    story = read_story(page)
    wanted = st.query_params.get(PARAMETER)
    opened, choice = st.session_state.pop(_OPEN, ("", None))
    if wanted is None:
        if opened == page:
            _forget_view(story)
        if choice:
            st.session_state["shared"].choose(choice)
        with head:
            _offer(page, story)
        return False
    number, shown = _read(wanted)
    if not 1 <= number <= len(story.steps) + 1:
        refuse(PARAMETER, "the story's step", wanted, "step 1", f"1 to {len(story.steps)}")
        number, shown = 1, False
    places = st.session_state.setdefault(_LEFT, {})
    here, shared = _written(number, shown), st.session_state.get("shared")
    choice = choice or (shared.choice if shared else None)
    if (opened, places.get(page)) != (page, here):
        _forget_view(story)
        if shared:
            shared.choose()
    places[page], st.session_state[_OPEN] = here, (page, choice)
    # A link to the page that is open changes the view, and the browser's address only when something is written there.
    st.query_params[PARAMETER] = here
    with st.container(border=True, key="story"):
        if number > len(story.steps):
            _end(page, story)
        else:
            _step(page, story, number, shown)
    with head, st.container(key="story_steps", horizontal=True, gap="small", vertical_alignment="center"):
        _steps(page, story, number)
    return True


def _offer(page: str, story: Story) -> None:
    left, shown = _read(st.session_state.get(_LEFT, {}).get(page, ""))
    if 1 < left <= len(story.steps):
        _link(page, left, f"The story, from step {left}", ":material/auto_stories:", "open", shown)
    else:
        _link(page, 1, f"A story in {len(story.steps)} steps", ":material/auto_stories:", "open")


def _read(text: str) -> tuple[int, bool]:
    """The step's number in an address (0 if there is none), and whether it is shown what was to be guessed."""
    found = re.fullmatch(rf"([0-9]{{1,2}})(-{_SHOWN})?", text)
    return (int(found[1]), bool(found[2])) if found else (0, False)


def _written(number: int, shown: bool) -> str:
    return f"{number}-{_SHOWN}" if shown else str(number)


def _forget_view(story: Story) -> None:
    """The controls are as the address says, and the others as at first."""
    forget_controls(key for step in story.steps for key in step.view)


def _step(page: str, story: Story, number: int, shown: bool) -> None:
    """What the step says on the left, its question on the right; what one should have seen comes after the guess."""
    step: Step = story.steps[number - 1]
    told, asked = st.columns([1.25, 1], gap="large")
    told.markdown(f"**{step.title}**  \n{step.say}")
    with asked:
        known = step.guess is None or _guessed(page, number, step.guess)
        if known and step.before is not None and not shown:
            _link(page, number, "Show me", ":material/visibility:", "show", shown=True)
    if known and (shown or step.before is None):
        told.markdown(f":material/visibility: {step.seen}")


def _guessed(page: str, number: int, guess: Guess) -> bool:
    """Ask for a guess and say what is right; whether there has been one."""
    guesses = st.session_state.setdefault(_GUESSES, {})
    place, key = (page, number), f"story_guess_{number}"

    def take() -> None:
        if choice := st.session_state[key]:
            guesses[place] = choice

    st.session_state[key] = guesses.get(place)
    st.pills(f"Guess first: {guess.ask}", guess.choices, key=key, on_change=take, wrap=True)
    if place in guesses:
        st.markdown(guess.verdict(guesses[place]))
    return place in guesses


def _end(page: str, story: Story) -> None:
    """What one knows now, and which question comes next."""
    st.markdown(f"**Now you know**  \n{story.know}")
    if following := _following(page):
        after = find_page(following)
        st.markdown(f"Next comes **{after.title}**: {after.question}")


def _steps(page: str, story: Story, number: int) -> None:
    """Where one is, and the ways back, on and out."""
    steps = len(story.steps)
    st.markdown(f"**Step {number} of {steps}**" if number <= steps else "**The end**", width="content")
    if number > 1:
        back = story.steps[number - 2]
        was_shown = back.before is not None and (page, number - 1) in st.session_state.get(_GUESSES, {})
        _link(page, number - 1, "Back", ":material/arrow_back:", "back", was_shown)
    if number < steps:
        _link(page, number + 1, "Next", ":material/arrow_forward:", "next")
    elif number == steps:
        _link(page, number + 1, "To the end", ":material/arrow_forward:", "next")
    elif following := _following(page):
        title = find_page(following).title
        _link(following, 1, f"Next story: {title}", ":material/arrow_forward:", "next")
    st.button("Close", key="story_close", icon=":material/close:", type="tertiary", on_click=_closed)
    _keys(key="story_keys", data={})


def _following(page: str) -> str:
    """The page whose story is the next one; empty after the last."""
    told = [entry.name for entry in PAGES if has_story(entry.name)]
    return "".join(told[told.index(page) + 1 :][:1])


def _link(page: str, number: int, label: str, icon: str, role: str, shown: bool = False) -> None:
    """A link to a step, with its view."""
    query = {**read_story(page).view(number, shown), PARAMETER: _written(number, shown)}
    with st.container(key=f"story_{role}", width="content"):
        st.page_link(find_page(page).file, label=label, icon=icon, query_params=query)


def _closed() -> None:
    st.query_params.pop(PARAMETER, None)
