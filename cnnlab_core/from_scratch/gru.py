"""The gated recurrent unit, as PyTorch's GRUCell: gates r, z, n.

    r, z = sigmoid(W x + U h' + b)    u = U h' + bu    n = tanh(W x + r u + b)    h = (1 - z) n + z h'

As in PyTorch, r multiplies u, its bias bu included, and not h' itself.
Source: Cho and others, "Learning Phrase Representations using RNN Encoder-Decoder" (2014).
"""

from cnnlab_core.from_scratch.recurrent import Bias, Cell, Node, Product, Vector, Weighted, gate

GRU = Cell(
    "GRU",
    ("r", "z", "n"),
    (
        Node("r", gate(0), "sigmoid"),
        Node("z", gate(1), "sigmoid"),
        Node("u", (Weighted("U", 2, Vector("h", before=True)), Bias("bu"))),
        Node("n", gate(2, of=Vector("r")), "tanh"),
        Node("h", (Product((Vector("z", form="rest"), Vector("n"))), Product((Vector("z"), Vector("h", before=True))))),
    ),
    inner_bias="bu",
)
