"""The Python of the tab Look inside."""

from cnnlab_core.recipes.reading_text.network import opening


def code(name: str, *, of_run: bool, line: str, changed: str, data: str, length: int) -> str:
    """Python that leaves ``chances`` and ``activity`` of a line, ``comparison`` with a changed one, and ``units``."""
    text = f"learned.written(learned.test[:{length}])" if data else f"model.sample(length={length})"
    learned = f"from cnnlab_core.data import open_text\n\nlearned = open_text({data!r})\n" if data else ""
    return f"""\
from cnnlab_core.language import follow_units
{opening(name, of_run=of_run)}
line, changed = {line!r}, {changed!r}
chances = model.probabilities(model.first + line)  # row t: what may follow the first t characters of the line
activity = model.activity(model.first + line)[1:]  # (T, layers, hidden), after each character
comparison = model.compare(model.first + line, model.first + changed)
print(comparison.divergence[1:])  # bits, after each character

{learned}units = follow_units(model, {text})
for best in units.best:
    print(best.feature, "is followed by unit", best.unit, "with a correlation of", best.correlation)
"""
