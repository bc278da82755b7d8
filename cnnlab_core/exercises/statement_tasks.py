"""Exercises of statements about attacks, true or false."""

from cnnlab_core.exercises.exercise import Choice, Task
from cnnlab_core.exercises.statement_bank import CHANGES, Statement, draw_statements

AT_LEVEL = {1: 4, 2: 6, 3: 8}
"""How many statements."""


def true_or_false(seed: int, level: int) -> Task:
    """Statements of the bank; neighbouring seeds have different ones, as long as there are any left."""
    return _task(draw_statements(seed, AT_LEVEL[level]))


def what_changes(seed: int, level: int) -> Task:
    """Statements about what an attack changes, and how far it gets."""
    return _task(draw_statements(seed, AT_LEVEL[level], CHANGES))


def _task(drawn: tuple[Statement, ...]) -> Task:
    parts = tuple(
        Choice(statement.text, ("true", "false"), "true" if statement.answer else "false", statement.why)
        for statement in drawn
    )
    steps = tuple(f"**{part.answer.capitalize()}:** {part.question} *{part.why}*" for part in parts)
    hint = "If a statement is about a linear model, try it on the neuron that this lab draws in the plane."
    names = [statement.name for statement in drawn]
    return Task("Is each of these statements true or false?", parts, hint, steps, {"names": names})
