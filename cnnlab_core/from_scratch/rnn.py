"""The plain recurrent cell, as PyTorch's RNNCell.

    h = tanh(W x + U h' + b)        h' is h of the step before

Back through time, with da = dh (1 - h^2): dh' gets U.T da from every later step, dW adds up da x.T, dU adds up da h'.T.
"""

from cnnlab_core.from_scratch.recurrent import Cell, Node, gate

RNN = Cell("RNN", ("",), (Node("h", gate(0), "tanh"),))
