"""The three recurrent cells by name, and what reads a sequence with one of them."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy.typing as npt

from cnnlab_core.checks import Array, by_annotation, choice, whole
from cnnlab_core.from_scratch.gru import GRU
from cnnlab_core.from_scratch.lstm import LSTM
from cnnlab_core.from_scratch.recurrent import Cell, Unrolled, random_parameters, read_sequence
from cnnlab_core.from_scratch.rnn import RNN

CELLS: Mapping[str, Cell] = MappingProxyType({cell.name: cell for cell in (RNN, LSTM, GRU)})


@by_annotation
def unroll(
    kind: str,
    parameters: dict[str, Array],
    x: npt.ArrayLike,
    targets: npt.ArrayLike | None = None,
    *,
    h0: npt.ArrayLike | None = None,
    c0: npt.ArrayLike | None = None,
    dh: npt.ArrayLike | None = None,
) -> Unrolled:
    """A sequence read by a recurrent cell: ``.arrays`` has every number, forward and back through time.

    Args:
        kind: "RNN", "LSTM" or "GRU".
        parameters: W (gates * hidden, inputs), U (gates * hidden, hidden), b (gates * hidden,), for a GRU bu (hidden,);
            and, for outputs, V (outputs, hidden) and by (outputs,).
        x: (steps, inputs), or (steps, batch, inputs).
        targets: the right output of each step, (steps,) or (steps, batch): 0 to outputs - 1, or -1 for no loss there.
        h0, c0: the states before the first step, (hidden,) or (batch, hidden); default zeros. Only an LSTM has c.
        dh: a gradient of h that comes from elsewhere, shaped like h.

    Raises:
        InputError: an unknown cell, or arrays that don't fit together.
    """
    cell = CELLS[choice("kind", kind, CELLS)]
    return read_sequence(cell, parameters, x, targets, {"h": h0, "c": c0}, dh)


@by_annotation
def seeded_parameters(kind: str, inputs: int, hidden: int, outputs: int = 0, *, seed: int = 0) -> dict[str, Array]:
    """Parameters with one decimal, from -1 to 1, the same for the same ``seed``; biases are 0.

    Args:
        kind: "RNN", "LSTM" or "GRU".
        inputs, hidden, outputs: sizes up to 256; without ``outputs`` there is no readout.
        seed: 0 to 2^53.
    """
    cell = CELLS[choice("kind", kind, CELLS)]
    return random_parameters(cell, inputs, hidden, whole("outputs", outputs, most=256), seed)


@by_annotation
def parameter_count(kind: str, inputs: int, hidden: int, *, torch_biases: bool = False) -> int:
    """How many numbers a cell learns, without a readout; with ``torch_biases`` as PyTorch counts, with two biases.

    Args:
        kind: "RNN", "LSTM" or "GRU". inputs, hidden: at least 1.
    """
    gates = len(CELLS[choice("kind", kind, CELLS)].gates)
    inputs, hidden = whole("inputs", inputs, least=1), whole("hidden", hidden, least=1)
    inner = 0 if kind != "GRU" or torch_biases else 1
    return gates * hidden * (inputs + hidden + 1 + torch_biases) + inner * hidden
