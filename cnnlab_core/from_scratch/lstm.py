"""Long short-term memory, as PyTorch's LSTMCell: gates i, f, g, o.

    i, f, o = sigmoid(W x + U h' + b)    g = tanh(W x + U h' + b)    each with its own rows of W, U and b
    c = f c' + i g                       h = o tanh(c)

Back through time the memory's gradient is only multiplied by f on its way: dc' gets f dc.
Source: Hochreiter and Schmidhuber (1997); the forget gate: Gers, Schmidhuber and Cummins (2000).
"""

from cnnlab_core.from_scratch.recurrent import Cell, Node, Product, Vector, gate

LSTM = Cell(
    "LSTM",
    ("i", "f", "g", "o"),
    (
        Node("i", gate(0), "sigmoid"),
        Node("f", gate(1), "sigmoid"),
        Node("g", gate(2), "tanh"),
        Node("o", gate(3), "sigmoid"),
        Node("c", (Product((Vector("f"), Vector("c", before=True))), Product((Vector("i"), Vector("g"))))),
        Node("h", (Product((Vector("o"), Vector("c", form="tanh"))),)),
    ),
    states=("h", "c"),
)
