"""The tab Look inside: what the hidden units do as a line is read, what may come next, and what one letter changes."""

from typing import Any

import numpy as np
import streamlit as st

from cnnlab_core.errors import InputError
from cnnlab_core.language import CharacterModel, Comparison, Units, follow_units_steps
from cnnlab_core.plots.letters import letter_cells, shaded_text, sign, units_map
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.recipes.reading_text.look_inside import code
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.reading_text.network import CONTROLS, Network, choose
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import form, main_picture, show_problem
from cnnlab_core.ui.take_away import File, take_away

FIRST_LINE = "christopher"
MOST_LINE = 32
LIKELIEST = 5
MEASURED, DRAWN = 2000, 90
"""Characters of the test text that the units are measured on, and those that are drawn."""
FEATURES = {
    "vowel": "a vowel",
    "two vowels": "two vowels in a row",
    "end": "the end comes next",
    "place": "how far into the line",
}
FELT = 0.1
"""Bits of divergence from which on a changed letter is felt."""
NOT_YET = "-"
GUESSES = {"1": "one", "few": "two to four", "many": "five or more"}
LIMITS = {"1": (0, 1), "few": (2, 4), "many": (5, 10_000)}


def show() -> None:
    """The units over a line, what may come next at each letter, one unit over more text, and a changed letter."""
    with form(horizontal=True, gap="medium", vertical_alignment="bottom"):
        network = choose()
        usual = usual_line(network)
        line = CONTROLS.text(
            "line", "A line to read", "", max_chars=MOST_LINE, width=220, placeholder=usual, on_change=_forget
        )
        unit_place = st.container(width=330)
    line = readable(network.model, line or usual, usual)
    read = network.model.first + line
    units = measured(network)
    if units is None:
        return
    with unit_place:
        unit = choose_unit(units)
    left, right = st.columns([1, 1.25], gap="large")
    about = f"Network: {network.model.title}. Line: {line}."
    activity = network.model.activity(read).reshape(len(read), -1)[1:]
    with left, main_picture():
        figure = units_map(activity, line, chosen=unit)
        show_chart(figure, "hidden units", "Every hidden unit after each letter", about)
        st.caption("A row for each hidden unit, after each letter: −1 is orange, 1 is teal. The chosen unit is framed.")
    with right:
        chances = network.model.probabilities(read)
        next_ones(network.model, line, chances, about)
        more_text(units, unit, network.model.title)
    changed = changing(network.model, line, read, chances, about)
    learned(LEARNED)
    recipe = code(network.name, of_run=network.of_run, line=line, changed=changed, data=network.data, length=MEASURED)
    take_away(
        recipe,
        File("Activity as CSV", lambda: _activity_table(line, activity), "cnnlab_units.csv", "text/csv"),
        File("Probabilities as CSV", lambda: _table(network.model, line, chances), "cnnlab_next.csv", "text/csv"),
    )


def usual_line(network: Network) -> str:
    """A name, or where the network doesn't know its letters, the first line of text that it has never seen."""
    letters = network.model.characters
    if set(FIRST_LINE) <= set(letters):
        return FIRST_LINE
    text = network.learned.written(network.learned.test[:MEASURED]) if network.learned else "".join(letters)
    return next((line[:MOST_LINE] for line in text.split("\n") if len(line) > 3), letters[-1])


def readable(model: CharacterModel, line: str, usual: str) -> str:
    """The line; where it has letters that the network doesn't know, the usual one, and why."""
    try:
        model.encode(line)
    except InputError as error:
        show_problem(f"{error} Here it is “{usual}”.")
        return usual
    return line


def measured(network: Network) -> Units | None:
    """All units over text that the network has never seen; of a text that isn't here, over what it writes itself."""
    model, learned = network.model, network.learned

    def job() -> Any:
        if learned:
            text = learned.written(learned.test[:MEASURED])
        else:
            text = yield from model.sample_steps(length=MEASURED)
        return (yield from follow_units_steps(model, text))

    key = digest("units", *network.key, learned.digest() if learned else "")
    return run("units", key, job, label="Reading", for_everybody=not network.of_run).result


def choose_unit(units: Units) -> int:
    """The box of units: first those that follow something, then all others."""
    names: dict[str, list[str]] = {}
    for best in units.best:
        names.setdefault(str(best.unit + 1), []).append(f"{FEATURES[best.feature]} ({best.correlation:+.2f})")
    options = [*names, *(str(unit + 1) for unit in range(units.activity.shape[1]) if str(unit + 1) not in names)]

    def said(option: str) -> str:
        return f"unit {option}: " + ", ".join(names[option]) if option in names else f"unit {option}"

    chosen = CONTROLS.named("unit", "Hidden unit, and what it follows", options, options[0], said)
    return int(chosen) - 1


def next_ones(model: CharacterModel, line: str, chances: np.ndarray, about: str) -> None:
    """At each place the likeliest next characters; what really came is framed."""
    order = np.argsort(-chances, axis=1, kind="stable")[:, :LIKELIEST].T  # (rank, place)
    came = [*model.encode(line).tolist(), -1]
    cells = [[sign(model.characters[code]) for code in row] for row in order]
    values = np.take_along_axis(chances.T, order, axis=0)
    before = ["", *(sign(letter) for letter in line)]
    words = [
        [f"after {last or 'the beginning'}: {cell} {value:.1%}" for last, cell, value in zip(before, *row, strict=True)]
        for row in zip(cells, values, strict=True)
    ]
    framed = [(int(rank), place) for place, code in enumerate(came) for rank in np.flatnonzero(order[:, place] == code)]
    figure = letter_cells(cells, values, words, columns=[f"{letter}…" for letter in before], framed=framed)
    show_chart(figure, "next letters", "The likeliest next letters at each place", about)
    likely = [float(chances[place, code]) for place, code in enumerate(came[:-1])]
    bits = -np.log2(likely)
    worst = int(bits.argmax())
    st.caption(
        "What the network expects after each letter, the likeliest on top; framed is what came. On average a letter of "
        f"this line costs {bits.mean():.2f} bits; the greatest surprise is “{sign(line[worst])}”, letter {worst + 1}, "
        f"with {bits[worst]:.1f} bits."
    )


def more_text(units: Units, unit: int, title: str) -> None:
    """One unit over the beginning of the text that it was measured on, whole lines of it."""
    end = units.text.find("\n", DRAWN) + 1
    end = end if 0 < end < 2 * DRAWN else DRAWN
    st.markdown(f"**Unit {unit + 1} over other text**, which the network has never seen")
    figure = shaded_text(units.text[:end], units.activity[:end, unit], name="activity", signed=True)
    show_chart(figure, f"unit over text {unit}", f"Unit {unit + 1} over text", f"Network: {title}.")


def changing(model: CharacterModel, line: str, read: str, chances: np.ndarray, about: str) -> str:
    """The same line with another letter: a guess, and then how far the change is felt. Gives the changed line."""
    usual = _one_other(model, line, chances)
    typed, guessed = st.columns([1, 2.2], gap="large", vertical_alignment="bottom")
    changed = CONTROLS.text(
        "changed", "The same with other letters", "", max_chars=MOST_LINE, placeholder=usual, place=typed
    )
    changed = changed or usual
    try:
        comparison = model.compare(read, model.first + changed)
    except InputError as error:
        show_problem(f"{error} Here it is “{usual}”.")
        changed, comparison = usual, model.compare(read, model.first + usual)
    if not comparison.places:
        st.caption("The two are the same. Change a letter.")
        return changed
    names = {NOT_YET: "no guess", **GUESSES}
    question = f"“{line}” or “{changed}”: for how many letters does the network expect something else?"
    guess = CONTROLS.one_of_named("change_guess", question, names, NOT_YET, place=guessed)
    if guess == NOT_YET:
        st.info("Guess first: the curve is drawn then.", icon=":material/help:")
        return changed
    felt = int((comparison.divergence >= FELT).sum())
    low, high = LIMITS[guess]
    is_right = low <= felt <= high
    show_answer, icon = (st.success, "check") if is_right else (st.info, "straighten")
    show_answer(
        f"{'Right' if is_right else 'Not quite'}. After {felt} of the letters the network expects something else, by "
        f"{FELT:g} bits or more; most of all after letter {int(comparison.divergence.argmax())}.",
        icon=f":material/{icon}:",
    )
    show_chart(_divergence(line, changed, comparison), "changed letter", "What a changed letter changes", about)
    st.caption(
        "The Kullback–Leibler divergence between the two predictions after each letter: as long as it is above 0, the "
        "network hasn't forgotten the change."
    )
    return changed


def _divergence(line: str, changed: str, comparison: Comparison) -> Any:
    places = np.arange(1, len(line) + 1)
    ticks = [
        sign(one) if one == other else f"{sign(one)}→{sign(other)}" for one, other in zip(line, changed, strict=True)
    ]
    return line_figure(
        [Line("bits", places, comparison.divergence[1:], marked=True)],
        x_title="after the letter",
        y_title="bits",
        x_axis={"tickvals": places.tolist(), "ticktext": ticks},
        level=FELT,
        level_name=f"{FELT:g} bits",
        height=230,
    )


def _one_other(model: CharacterModel, line: str, chances: np.ndarray) -> str:
    """The line with its second letter replaced by the likeliest other one that isn't a line's end."""
    place = min(1, len(line) - 1)
    order = np.argsort(-chances[place], kind="stable")
    letters = (model.characters[code] for code in order)
    other = next(letter for letter in letters if letter not in (line[place], model.first))
    return line[:place] + other + line[place + 1 :]


def _forget() -> None:
    """A changed line belongs to the line that it was changed from."""
    st.session_state[CONTROLS.key("changed")] = ""


def _activity_table(line: str, activity: np.ndarray) -> str:
    units = [f"unit {unit + 1}" for unit in range(activity.shape[1])]
    rows = zip(line, activity.tolist(), strict=True)
    return csv_table(("after", *units), ([letter, *map(repr, row)] for letter, row in rows))


def _table(model: CharacterModel, line: str, chances: np.ndarray) -> str:
    rows = zip(["", *line], chances.tolist(), strict=True)
    return csv_table(("after", *model.characters), ([letter, *map(repr, row)] for letter, row in rows))


LEARNED = (
    "all that the network remembers of a line are its hidden units. Nobody told it "
    "of vowels or of endings; some units follow them because that helps to guess the next letter."
)
