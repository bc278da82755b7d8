"""True or false: statements about attacks, some at a time."""

from cnnlab_core.exercises.exercise import Choice, Task
from cnnlab_core.exercises.statement_bank import draw_questions

AT_LEVEL = {1: 4, 2: 6, 3: 8}
"""How many statements."""


def true_or_false(seed: int, level: int) -> Task:
    """Statements of the bank; those of neighbouring seeds are others, as long as there are any."""
    drawn = draw_questions(seed, AT_LEVEL[level])
    parts = tuple(
        Choice(question.statement, ("true", "false"), "true" if question.answer else "false", question.explanation)
        for question in drawn
    )
    steps = tuple(f"**{part.answer.capitalize()}:** {part.question} *{part.why}*" for part in parts)
    hint = "If a statement is about a linear model, the tab One neuron, before this one, can settle it."
    names = [question.name for question in drawn]
    return Task("Is each of these statements true or false?", parts, hint, steps, {"names": names})
