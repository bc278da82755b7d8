"""Recurrent networks: a character becomes a vector, recurrent layers remember, a dense layer says what follows."""

from collections.abc import Callable

import torch
from torch import nn

from cnnlab_core.errors import InputError

CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}

State = tuple[torch.Tensor, ...]
"""What is remembered: hidden values (layers, N, hidden) and, of an LSTM, its cells' (layers, N, hidden)."""


class RecurrentNetwork(nn.Module):
    """Embedding, one or two layers of RNN (tanh), GRU or LSTM, and a dense layer to the characters.

    Args:
        kind: "rnn", "gru" or "lstm".
        characters: how many different ones there are.
        embedding: the length of a character's vector.
        hidden: numbers that each layer remembers.
        layers: how many recurrent layers.

    Raises ``InputError`` for another kind.
    """

    def __init__(self, kind: str, characters: int, embedding: int, hidden: int, layers: int) -> None:
        super().__init__()
        if kind not in CELLS:
            raise InputError(f"There is no recurrent network “{kind[:40]}”. Choose one of {', '.join(CELLS)}.")
        self.kind = kind
        self.embedding = nn.Embedding(characters, embedding)
        self.cell = CELLS[kind](embedding, hidden, layers)
        self.readout = nn.Linear(hidden, characters)

    def forward(self, codes: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Logits (T, N, characters) for what follows each of the characters ``codes`` (T, N), and the new state."""
        taken = state if self.kind == "lstm" else state[0]
        outputs, after = self.cell(self.embedding(codes), taken)
        return self.readout(outputs), tuple(after) if self.kind == "lstm" else (after,)

    def nothing_read(self, count: int) -> State:
        """The state before the first character of ``count`` texts: zeros."""
        weight = self.readout.weight
        zeros = weight.new_zeros(self.cell.num_layers, count, self.cell.hidden_size)
        return (zeros, zeros.clone()) if self.kind == "lstm" else (zeros,)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """As torch begins: the embedding normal, all else uniform in ±1 / √hidden."""
        self.embedding.weight.normal_(generator=generator)
        bound = self.cell.hidden_size**-0.5
        for parameter in (*self.cell.parameters(), *self.readout.parameters()):
            parameter.uniform_(-bound, bound, generator=generator)
