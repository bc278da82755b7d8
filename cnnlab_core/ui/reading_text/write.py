"""The tab Write: a trained network writes on, letter by letter, and how sure it was of each."""

from collections.abc import Generator
from typing import Any

import streamlit as st

from cnnlab_core.language import SampleStep, share_known
from cnnlab_core.plots.letters import shaded_text
from cnnlab_core.recipes.reading_text.write import code
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.convolution.pieces import show_formulas
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.reading_text.network import CONTROLS, Network, choose
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import form, later, main_picture
from cnnlab_core.ui.take_away import File, take_away

NOT_YET = "-"
GUESSES = {"few": "fewer than a fifth", "some": "a fifth to a half", "most": "more than half"}
LIMITS = {"few": (0.0, 0.2), "some": (0.2, 0.5), "most": (0.5, 1.01)}
MOST, USUAL = 1000, 150
FIRST_TEMPERATURE = 0.8

Written = list[tuple[str, float]]
"""Each character that was written, and its probability."""


def show() -> None:
    """What the network writes, how sure it was of each letter, and how many of its lines it has seen before."""
    with form(horizontal=True, gap="medium", vertical_alignment="bottom"):
        network = choose()
        temperature = CONTROLS.slider(
            "temperature", "Temperature", 0.0, 2.0, FIRST_TEMPERATURE, 0.1, width=240, help=HEAT
        )
        prompt = CONTROLS.text("prompt", "Begins with", "", max_chars=80, width=160)
        with st.popover("More", icon=":material/tune:", key="text_write_more"):
            seed = CONTROLS.number("write_seed", "Seed", 0, 99_999, 0, 1, help="Equal seeds write the same.")
            length = CONTROLS.slider("length", "Characters", 20, MOST, USUAL, 10)
        st.button("Another", icon=":material/casino:", on_click=_another, args=(seed,), help="With the next seed.")
    arguments = {"temperature": temperature, "generator": seed, "length": length}
    left, right = st.columns([1, 1.6], gap="large")
    with left:
        text_place = later(main_picture())

    def paint(steps: list[Any]) -> None:
        text_place.code(prompt + steps[-1].written, language="text", wrap_lines=True)

    with left:
        outcome = run(
            "write",
            digest("write", *network.key, prompt, temperature, seed, length),
            lambda: _writing(network, prompt, arguments),
            label="Writing",
            share=lambda step: len(step.written) / length,
            paint=paint,
            for_everybody=not (network.of_run or prompt),
        )
    steps = outcome.result or [(step.character, step.probability) for step in outcome.steps]
    if not steps:
        return
    written = "".join(character for character, _ in steps)
    text = prompt + written
    text_place.code(text.rstrip("\n") or " ", language="text", wrap_lines=True)
    with right:
        about = f"Network: {network.model.title}. Temperature {temperature:g}, seed {seed}."
        figure = shaded_text(written, [probability for _, probability in steps], name="probability")
        show_chart(figure, "written letters", "The probability of each letter when it was written", about)
        st.caption("The deeper a letter's teal, the surer the network was of it. Point at one to read its probability.")
    copied(network, text)
    show_formulas(r"p_i = \frac{e^{z_i / T}}{\sum_j e^{z_j / T}}")
    st.caption(WHY)
    learned(LEARNED)
    recipe = code(
        network.name,
        of_run=network.of_run,
        prompt=prompt,
        arguments=arguments,
        data=network.data,
        held_out=network.config.validation,
    )
    take_away(
        recipe,
        File("Text", text, "cnnlab_written.txt", "text/plain"),
        File("Probabilities as CSV", lambda: _table(steps), "cnnlab_written.csv", "text/csv"),
    )


def _writing(network: Network, prompt: str, arguments: dict[str, Any]) -> Generator[SampleStep, None, Written]:
    written = []
    for step in network.model.sample_steps(prompt, **arguments):
        written.append((step.character, step.probability))
        yield step
    return written


def _another(seed: int) -> None:
    st.session_state[CONTROLS.key("write_seed")] = (seed + 1) % 100_000


def copied(network: Network, text: str) -> None:
    """A guess, then how many whole lines are in what the network learned from."""
    known = network.lines()
    if known is None:
        st.caption("The text that it learned from isn't here any more, so nobody can say what it has copied.")
        return
    seen, count = share_known(text.split("\n")[:-1], known)
    if not count:
        st.caption("Not a whole line yet: there is nothing to look up in the training text.")
        return
    names = {NOT_YET: "no guess", **GUESSES}
    question = f"How many of these {count} lines are in its training text?"
    guess = CONTROLS.one_of_named("guess", question, names, NOT_YET)
    if guess == NOT_YET:
        st.info("Guess first: does it copy, or does it make them up?", icon=":material/help:")
        return
    low, high = LIMITS[guess]
    is_right = low <= seen / count < high
    show_answer, icon = (st.success, "check") if is_right else (st.info, "straighten")
    show_answer(
        f"{'Right' if is_right else 'Not quite'}. {seen} of {count} lines ({seen / count:.0%}) are in the training "
        "text, letter for letter. The others are new.",
        icon=f":material/{icon}:",
    )


def _table(steps: Written) -> str:
    return csv_table(("character", "probability"), ((character, repr(chance)) for character, chance in steps))


HEAT = "Below 1, likely letters become likelier; above 1, unlikely ones get a chance. 0 always takes the likeliest."
WHY = (
    "The network gives each letter a number z, its logit. Divided by the temperature T and put through the softmax, "
    "they are the probabilities from which the next letter is drawn; the network reads it, and goes on."
)
LEARNED = (
    "the network writes by predicting the next letter again and again. A low temperature "
    "writes what is likely, and repeats what it knows; a high one writes what is new, and less like a name."
)
