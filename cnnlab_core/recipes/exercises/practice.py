"""The Python beside an exercise."""


def code(kind: str, seed: int, level: int) -> str:
    """One exercise, its answers checked, and its solution."""
    return f"""\
from cnnlab_core.exercises import make_exercise

exercise = make_exercise("{kind}", seed={seed}, level={level})
print(exercise.prompt)
for part in exercise.parts:
    print(part.question, part.answer, part.check(part.answer).message)
print(*exercise.solution, sep="\\n")
"""
