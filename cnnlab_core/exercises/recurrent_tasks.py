"""Exercises on recurrent cells: one step forward, one step back, and how many numbers a cell learns.

The answers are those of :mod:`cnnlab_core.from_scratch`.
"""

from typing import Any

import numpy as np

from cnnlab_core.checks import Array
from cnnlab_core.convolution import latex
from cnnlab_core.convolution.typed import write_planes
from cnnlab_core.exercises.exercise import Numbers, Part, Task
from cnnlab_core.exercises.looks import Look
from cnnlab_core.from_scratch import CELLS, parameter_count, unroll

WORDS = {2: ("ab", "no", "up", "hi", "me", "go", "it", "we"), 3: ("cat", "sun", "dog", "sky", "red", "and")}
TANH = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0)
_ROUNDED = 0.0051  # of an answer to two decimals
_TABLE = (
    "To two decimals, "
    + ", ".join(rf"$\tanh {latex.number(v)} \approx {np.tanh(v):.2f}$" for v in TANH)
    + r", and $\tanh(-a) = -\tanh a$."
)


def recurrent_step(generator: np.random.Generator, level: int) -> Task:
    """A step of a plain cell. Level 2: with logits; level 3: a unit of an LSTM, its gates given."""
    return _lstm_unit(generator) if level == 3 else _rnn_step(generator, level)


def _rnn_step(generator: np.random.Generator, level: int) -> Task:
    size = level + 1
    word = WORDS[size][int(generator.integers(len(WORDS[size])))]
    parameters = {
        "W": _halves(generator, (2, size)), "U": _halves(generator, (2, 2)), "b": _halves(generator, (2,), most=1),
        "V": generator.integers(-2, 3, (size, 2)).astype(np.float64), "by": np.zeros(size),
    }  # fmt: skip
    h0 = _halves(generator, (2,), most=1)
    read = unroll("RNN", parameters, np.eye(size)[:1], h0=h0)
    h, y = read.arrays["h"][0], read.arrays["y"][0]
    a = parameters["W"][:, 0] + parameters["U"] @ h0 + parameters["b"]
    shown = {name: parameters[name] for name in ("W", "U", "b", *(("V",) if level == 2 else ()))}
    prompt = (
        f"A cell reads the letter {word[0]} of {', '.join(word)}, so $x = {_vector(np.eye(size)[0])}$. The state "
        f"before is $h^{{(0)}} = {_vector(h0)}$, and $h^{{(1)}} = \\tanh(W x + U h^{{(0)}} + b)$ with\n\n"
        + "\n\n".join(f"$${name} = {latex.matrix(array)}$$" for name, array in shown.items())
        + f"\n\n{_TABLE}"
    )
    parts: list[Part] = [
        Numbers("What is $a = W x + U h^{(0)} + b$?", a),
        Numbers("The new state $h^{(1)}$, to two decimals", h, _ROUNDED),
    ]
    rows = [
        f"$a_{n + 1} = {latex.number(parameters['W'][n, 0])} + {_products(parameters['U'][n], h0)} + "
        f"{latex.factor(parameters['b'][n])} = {latex.number(a[n])}$"
        for n in range(2)
    ]
    steps = ["$x$ is one-hot, so $W x$ is the first column of $W$.", *rows, rf"$h^{{(1)}} \approx {_rounded(h)}$"]
    if level == 2:
        parts.append(Numbers("The logits $y = V h^{(1)}$, to one decimal", y, 0.0501 + 0.01 * 2 * 2))
        steps.append(rf"$y = V h^{{(1)}} \approx {_rounded(y)}$")
    hint = "One-hot: take a column of W. Add U times the state before, row by row, and b; then tanh of each number."
    query = {name: write_planes(array[None]) for name, array in {**parameters, "h0": h0}.items()}
    named = {f"reading_hand_{name}": text for name, text in {"word": word, "hidden": "2", **query}.items()}
    look = Look("See it by hand", "reading_text", {"reading_tab": "By hand", **named})
    return Task(prompt, tuple(parts), hint, tuple(steps), {**parameters, "h0": h0, "word": word}, look)


def _lstm_unit(generator: np.random.Generator) -> Task:
    f, i, g = int(generator.integers(1, 4)) / 4, 0.5, 0.5 * float(_signed(generator)[0])
    o, before = int(generator.integers(1, 10)) / 10, float(generator.integers(1, 4) * _signed(generator)[0])
    c = f * before + i * g
    h = o * float(np.tanh(c))
    given = {"i": i, "f": f, "g": g, "o": o, "c0": before}
    prompt = (
        f"The gates of one unit of an LSTM are $i = {i}$, $f = {f}$, $o = {o}$, its new content is $g = {g}$, and its "
        f"memory before is $c^{{(0)}} = {latex.number(before)}$. What are its new memory and state?\n\n{_TABLE}"
    )
    parts: tuple[Part, ...] = (
        Numbers("How much of the new memory is left of the old one, $f \\, c^{(0)}$?", np.array([f * before])),
        Numbers("The new memory $c^{(1)}$", np.array([c])),
        Numbers("The new state $h^{(1)}$, to two decimals", np.array([h]), 2 * _ROUNDED),
    )
    kept, tanh = latex.number(f * before), round(float(np.tanh(c)), 2)
    steps = (
        rf"$f \, c^{{(0)}} = {f} \cdot {latex.factor(before)} = {kept}$",
        rf"$c^{{(1)}} = f \, c^{{(0)}} + i \, g = {kept} + {i} \cdot {latex.factor(g)} = {latex.number(c)}$",
        rf"$h^{{(1)}} = o \tanh c^{{(1)}} \approx {o} \cdot {latex.factor(tanh)} \approx {h:.2f}$",
    )
    hint = r"$c = f \, c' + i \, g$: the forget gate keeps, the input gate lets in. Then $h = o \tanh c$."
    return Task(prompt, parts, hint, steps, given)


def recurrent_back(generator: np.random.Generator, level: int) -> Task:
    """A step back through a plain cell. Level 2: to U and to the state before; level 3: through two steps."""
    h0, h1, h2 = (generator.integers(-1, 2, 2) / 2 for _ in range(3))
    u = generator.integers(-2, 3, (2, 2)).astype(np.float64)
    dh2, own = (4.0 * _signed(generator) for _ in range(2))
    da2 = dh2 * (1 - h2**2) + 0.0  # no -0
    hint = (
        r"tanh has the slope $1 - h^2$, so $da = dh \odot (1 - h^2)$. From $a = W x + U h' + b$: $dU$ gets "
        r"$da \, h'^\top$ (row: the unit of $a$; column: the unit of $h'$), and $h'$ gets $U^\top da$."
    )
    slope = rf"$da^{{(2)}} = {_vector(dh2)} \odot (1 - {_vector(h2)}^2) = {_vector(da2)}$"
    givens: dict[str, Any] = {"h2": h2, "dh2": dh2, "U": u, "h1": h1}
    story = (
        r"A plain cell, $h^{(t)} = \tanh(a^{(t)})$ with $a^{(t)} = W x^{(t)} + U h^{(t-1)} + b$, has read two letters. "
        f"The state is $h^{{(2)}} = {_vector(h2)}$, and the loss has the gradient $dh^{{(2)}} = {_vector(dh2)}$ there."
    )
    parts: list[Part] = [Numbers("$da^{(2)}$, the gradient before tanh", da2)]
    steps = [slope]
    if level == 1:
        parts.append(Numbers("What this step adds to the gradient $db$ of the bias", da2))
        steps.append(f"The bias is added as it is, so it gets the same: ${_vector(da2)}$.")
        return Task(story, tuple(parts), hint, tuple(steps), {"h2": h2, "dh2": dh2})
    story += f" The state before was $h^{{(1)}} = {_vector(h1)}$, and\n\n$$U = {latex.matrix(u)}$$"
    back, share = u.T @ da2 + 0.0, np.outer(da2, h1) + 0.0
    through = rf"$U^\top da^{{(2)}} = {_vector(back)}$"
    if level == 2:
        parts += [
            Numbers("What this step adds to $dU$", share),
            Numbers("What goes back to $h^{(1)}$", back),
        ]
        steps += [rf"$da^{{(2)}} \, h^{{(1)\top}} = {latex.matrix(share)}$", through]
        return Task(story, tuple(parts), hint, tuple(steps), givens)
    dh1 = own + back + 0.0
    da1 = dh1 * (1 - h1**2) + 0.0
    total = share + np.outer(da1, h0) + 0.0
    story += (
        f"\n\nThe first step's own loss has the gradient ${_vector(own)}$ at $h^{{(1)}}$, and before it "
        f"$h^{{(0)}} = {_vector(h0)}$."
    )
    parts += [
        Numbers("The whole gradient $dh^{(1)}$", dh1),
        Numbers("$da^{(1)}$", da1),
        Numbers("The gradient $dU$, added up over both steps", total),
    ]
    steps += [
        rf"{through[:-1]}$, so $dh^{{(1)}} = {_vector(own)} + {_vector(back)} = {_vector(dh1)}$",
        rf"$da^{{(1)}} = {_vector(dh1)} \odot (1 - {_vector(h1)}^2) = {_vector(da1)}$",
        rf"$dU = da^{{(1)}} \, h^{{(0)\top}} + da^{{(2)}} \, h^{{(1)\top}} = {latex.matrix(np.outer(da1, h0))} + "
        rf"{latex.matrix(share)} = {latex.matrix(total)}$",
    ]
    return Task(story, tuple(parts), hint, tuple(steps), {**givens, "h0": h0, "own": own})


def recurrent_parameters(generator: np.random.Generator, level: int) -> Task:
    """How many numbers a cell learns. Level 2: an LSTM or GRU; level 3: with readout, and as PyTorch counts."""
    kind = "RNN" if level == 1 else ("LSTM", "GRU")[int(generator.integers(2))]
    inputs, hidden = (int(n) for n in generator.integers(2, 31, 2))
    gates = len(CELLS[kind].gates)
    name = {"RNN": "A plain recurrent cell", "LSTM": "An LSTM", "GRU": "A GRU"}[kind]
    inner = kind == "GRU"
    biases = "a bias for each unit" if kind == "RNN" else "a bias for each unit of each gate"
    if inner:
        biases += " and a second bias of the new content, inside the product with the reset gate"
    prompt = f"{name} reads inputs of {inputs} numbers and has {hidden} hidden units, with {biases}."
    of_w, of_u, total = gates * hidden * inputs, gates * hidden**2, parameter_count(kind, inputs, hidden)
    parts: list[Part] = [
        Numbers("How many weights does W have, of all gates together?", np.array([float(of_w)])),
        Numbers("How many does U have?", np.array([float(of_u)])),
        Numbers("How many numbers does the cell learn?", np.array([float(total)])),
    ]
    times = "" if gates == 1 else f"{gates} \\cdot "
    bias = gates * hidden + inner * hidden
    steps = [
        f"$W$: ${times}{hidden} \\cdot {inputs} = {of_w}$",
        f"$U$: ${times}{hidden} \\cdot {hidden} = {of_u}$",
        f"Biases: ${times}{hidden}{f' + {hidden}' if inner else ''} = {bias}$.",
        f"Together ${of_w} + {of_u} + {bias} = {total}$.",
    ]
    if level == 3:
        by_torch, readout = parameter_count(kind, inputs, hidden, torch_biases=True), inputs * hidden + inputs
        parts += [
            Numbers("And in PyTorch, where each gate has two biases?", np.array([float(by_torch)])),
            Numbers(f"How many does a readout of {inputs} logits add, $V h$ plus a bias?", np.array([float(readout)])),
        ]
        steps += [
            f"Two biases: ${of_w} + {of_u} + 2 \\cdot {gates} \\cdot {hidden} = {by_torch}$.",
            f"Readout: ${inputs} \\cdot {hidden} + {inputs} = {readout}$.",
        ]
    hint = (
        "For each gate: W turns inputs into units, U units into units, and each unit has a bias. A plain cell is one "
        "gate, an LSTM has four (i, f, g, o), a GRU three (r, z, n)."
    )
    return Task(prompt, tuple(parts), hint, tuple(steps), {"kind": kind, "inputs": inputs, "hidden": hidden})


def _halves(generator: np.random.Generator, shape: tuple[int, ...], most: int = 2) -> Array:
    return generator.integers(-most, most + 1, shape) / 2


def _signed(generator: np.random.Generator) -> Array:
    return generator.choice([-1.0, 1.0], 2)


def _vector(values: Array) -> str:
    return f"({', '.join(latex.number(float(value)) for value in values)})"


def _rounded(values: Array) -> str:
    return f"({', '.join(f'{value:.2f}' for value in values)})"


def _products(row: Array, vector: Array) -> str:
    return " + ".join(rf"{latex.factor(a)} \cdot {latex.factor(b)}" for a, b in zip(row, vector, strict=True))
