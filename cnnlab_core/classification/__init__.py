"""What logits say: softmax, the most probable classes, and a batch of pictures."""

from cnnlab_core.classification.softmax import (
    Prediction,
    SoftmaxTerm,
    SoftmaxWorkedOut,
    entropy,
    margin,
    rank,
    softmax,
    top_k,
    work_out_softmax,
)

__all__ = [
    "Prediction",
    "SoftmaxTerm",
    "SoftmaxWorkedOut",
    "entropy",
    "margin",
    "rank",
    "softmax",
    "top_k",
    "work_out_softmax",
]
