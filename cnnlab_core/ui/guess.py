"""A guess before something is told, and what to have learned: small pieces at the end of a view."""

from collections.abc import Sequence

import streamlit as st


def guess(name: str, ask: str, choices: Sequence[str], right: str, told: str) -> None:
    """A guess before the answer: what is ``right`` and what is to be ``told`` appear once one is taken.

    The view shows all else without it.
    """
    with st.container(key=f"guess_{name}"):
        taken = st.pills(f"Guess first: {ask}", choices, key=f"guess {name}")
        if taken:
            st.markdown(f"**{'Right' if taken == right else f'It is: {right}'}.** {told}")


def guess_number(name: str, ask: str, value: float, bounds: tuple[float, float], unit: str, told: str) -> None:
    """The same for a number: below the first of the ``bounds``, between them, or from the second one on."""
    low, high = bounds
    choices = (f"under {low:g}{unit}", f"{low:g} to {high:g}{unit}", f"over {high:g}{unit}")
    guess(name, ask, choices, choices[int(value >= low) + int(value > high)], told)


def learned(words: str) -> None:
    """What to have learned in a view, in a sentence."""
    st.markdown(f":material/lightbulb: **Now you know:** {words}")
