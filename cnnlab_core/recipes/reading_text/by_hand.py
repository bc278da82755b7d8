"""The Python of the tab By hand."""

from cnnlab_core.checks import Array


def code(kind: str, word: str, parameters: dict[str, Array], h0: Array, eta: float, steps: int) -> str:
    """Python that leaves ``read``, the word as the page shows it, and ``module``, the same cell by torch."""
    given = "".join(f"    {name!r}: {array.tolist()},\n" for name, array in parameters.items())
    return f"""\
import numpy as np
from cnnlab_core.from_scratch import explain_recurrent, recurrent_difference, to_torch
from cnnlab_core.from_scratch.reading import learn_steps, spell

word = spell({word!r})
parameters = {{
{given}}}
h0 = np.array({h0.tolist()})
*_, step = learn_steps({kind!r}, parameters, word, eta={eta!r}, steps={steps}, h0=h0)
read = step.read
print(word.letters, read.loss)
print(read.arrays["p"], read.arrays["dU"], read.shares["dU"], sep="\\n")
print(explain_recurrent(read, "dU", (0, 0), letters=word.letters).numbers)

module = to_torch({kind!r}, {{name: read.parameters[name] for name in parameters if name not in ("V", "by")}})
print(module, recurrent_difference(read))
"""
