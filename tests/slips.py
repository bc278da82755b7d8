"""What the tests of slips share: wrong arguments of every kind, and that each gets a sentence."""

import inspect
import warnings

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from cnnlab_core.errors import LabError
from cnnlab_core.runtime.jobs import finish

WRONG = {
    "None": None,
    "text": "tabby",
    "bytes": b"tabby",
    "a list": [5],
    "a ragged list": [[1], [2, 3]],
    "an empty list": [],
    "a dict": {"a": 1},
    "a set": {1},
    "nan": float("nan"),
    "inf": float("inf"),
    "-1": -1,
    "0": 0,
    "True": True,
    "2.5": 2.5,
    "a complex": 1j,
    "a huge int": 10**400,
    "an object": object(),
    "a class": int,
    "a function": lambda *args, **more: "tabby",
    "a generator": (each for each in "ab"),
    "an array of text": np.array(["a", "b"]),
    "an array of objects": np.array([None, 1], dtype=object),
    "an array of NaN": np.full((1, 3, 4, 4), np.nan),
    "an empty tensor": torch.zeros(0),
    "a complex tensor": torch.zeros(2, dtype=torch.complex64),
    "a half tensor": torch.zeros(1, 3, 32, 32, dtype=torch.float16),
    "a whole tensor": torch.zeros(1, 3, 32, 32, dtype=torch.int64),
    "a meta tensor": torch.zeros(1, 3, 32, 32, device="meta"),
    "a tensor of another shape": torch.zeros(5, 2),
    "a tensor of NaN": torch.full((1, 3, 32, 32), float("nan")),
    "a tensor with a gradient": torch.full((1, 3, 32, 32), 0.5, requires_grad=True),
    "a module": nn.Linear(2, 2),
    "a picture": Image.new("L", (1, 1)),
}


def call(function, arguments):
    """The function to its end, all its steps if it has any; what it warns of doesn't matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = function(**arguments)
        return finish(found) if inspect.isgenerator(found) else found


def spoil(function, good):
    """The good arguments are taken, and with any one of them wrong there is an answer, or a sentence."""
    call(function, good)
    for argument in good:
        for kind, wrong in WRONG.items():
            try:
                call(function, {**good, argument: wrong})
            except LabError as error:
                said = str(error)
                assert said.endswith("."), (argument, kind, said)
                assert "\n" not in said, (argument, kind, said)
            except Exception as error:
                pytest.fail(f"{argument}={kind} raised {error!r}")


def offered(*packages):
    """What can be called of all that packages offer, by name."""
    return {
        f"{package.__name__.rpartition('.')[2]}.{name}": getattr(package, name)
        for package in packages
        for name in package.__all__
        if callable(getattr(package, name))
    }


SCALARS = st.one_of(
    st.none(), st.text(max_size=5), st.integers(-3, 70), st.floats(width=32), st.booleans(), st.complex_numbers()
)
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner), max_leaves=4)
