"""The Python of the tab Write."""

from collections.abc import Mapping

from cnnlab_core.recipes.reading_text.network import opening


def code(name: str, *, of_run: bool, prompt: str, arguments: Mapping[str, float], data: str, held_out: float) -> str:
    """Python that leaves ``text``, as the page shows it, each letter's ``probability``, and ``known`` of ``count``."""
    given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    known = f"""
from cnnlab_core.data import open_text
from cnnlab_core.language import share_known

learned = open_text({data!r})  # what it learned from, and how many whole lines it has copied
lines = learned.written(learned.split({held_out!r})[0]).split("\\n")
known, count = share_known(text.split("\\n")[:-1], set(lines))
print(known, "of", count, "lines are in the training text")
"""
    return f"""\
{opening(name, of_run=of_run)}
prompt = {prompt!r}
steps = list(model.sample_steps(prompt, {given}))
text = prompt + steps[-1].written
probability = [step.probability for step in steps]  # of each character, at this temperature
print(text)
{known if data else ""}"""
