"""Softmax regression: the linear classifier on top of the features.

    minimise  mean(-log softmax(x W + b)[label]) + penalty / 2 |W|^2

which is convex, with the gradient  x.T (softmax(x W + b) - one_hot) / N + penalty W  (Bishop, "Pattern Recognition
and Machine Learning", 2006, section 4.3.4). Solved by torch's L-BFGS in float64, over all pictures, in batches.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cnnlab_core.classification.answers import Answers, mean_per_class_accuracy
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import Progress, part, plainly

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""Compared on the validation pictures, from strong to weak; each fit starts from the one before."""

BATCH = 4096
"""Pictures whose loss is computed at once."""

_MOST_ITERATIONS, _ITERATIONS_A_STEP = 300, 10
_TOLERANCE = 1e-6
"""The largest entry of the gradient at which the fit is done."""


@dataclass(frozen=True, eq=False)
class SoftmaxRegression:
    """A fitted classifier: ``weight`` (features, classes), ``bias`` (classes,), float64.

    ``gradient`` is the largest entry of the loss's gradient where L-BFGS stopped: 0 at the optimum.
    """

    weight: np.ndarray
    bias: np.ndarray
    penalty: float
    loss: float
    gradient: float

    def logits(self, x: np.ndarray) -> np.ndarray:
        """(N, classes) of features (N, size)."""
        return x.astype(np.float64) @ self.weight + self.bias

    def answers(self, x: np.ndarray, labels: np.ndarray) -> Answers:
        """Its answers for features (N, size) with ``labels`` (N,)."""
        z = self.logits(x)
        log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
        true = log_p[np.arange(len(labels)), labels]
        return Answers(labels, log_p.argmax(1), np.exp(log_p.max(1)), np.exp(true), -true)


def fit_steps(
    x: np.ndarray, labels: np.ndarray, classes: int, penalty: float, start: SoftmaxRegression | None = None
) -> Generator[Progress[float], None, SoftmaxRegression]:
    """Fit to features (N, size) and ``labels`` (N,) in 0..classes - 1, from the weights of ``start`` if it is given.

    Every step's ``latest`` is the loss. Raises ``InputError`` for a penalty that isn't above 0.
    """
    if not penalty > 0:
        raise InputError(f"The penalty must be above 0, but is {penalty:g}: without it, there may be no optimum.")
    if len(x) == 0 or len(x) != len(labels):
        raise InputError(f"There are {len(x)} rows of features and {len(labels)} labels: give each row one label.")
    basis, x = _within_their_span(x.astype(np.float64))
    rows = torch.from_numpy(np.concatenate([x, np.ones((len(x), 1))], axis=1))
    wanted = torch.nn.functional.one_hot(torch.from_numpy(np.asarray(labels, np.int64)), classes).double()
    first = np.zeros((rows.shape[1], classes))
    if start:
        first = np.vstack([start.weight if basis is None else basis.T @ start.weight, start.bias])
    parameters = torch.from_numpy(first.copy()).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [parameters],
        max_iter=_ITERATIONS_A_STEP,
        tolerance_grad=_TOLERANCE,
        tolerance_change=1e-14,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        loss, parameters.grad = _loss_and_gradient(rows, wanted, parameters.detach(), penalty)
        return loss

    for done in range(0, _MOST_ITERATIONS, _ITERATIONS_A_STEP):
        optimizer.step(closure)
        loss, gradient = _loss_and_gradient(rows, wanted, parameters.detach(), penalty)
        if gradient.abs().max() <= _TOLERANCE:
            break
        yield Progress(done + _ITERATIONS_A_STEP, _MOST_ITERATIONS, loss.item())
    weight, bias = np.split(parameters.detach().numpy(), [-1])
    return SoftmaxRegression(
        weight if basis is None else basis @ weight, bias[0], penalty, loss.item(), gradient.abs().max().item()
    )


fit = plainly(fit_steps)


def _within_their_span(x: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """With fewer pictures than features: an orthonormal basis (size, N) of their span, and their coordinates (N, N).

    The optimum's weights lie in that span, as every column of the gradient does, and lengths in it are the same.
    """
    if len(x) >= x.shape[1]:
        return None, x
    basis, triangle = np.linalg.qr(x.T)
    return basis, triangle.T


def _loss_and_gradient(
    rows: torch.Tensor, wanted: torch.Tensor, parameters: torch.Tensor, penalty: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss and its gradient by ``parameters`` (size + 1, classes), whose last row is the unpenalised bias."""
    shrunk = torch.cat([parameters[:-1], torch.zeros_like(parameters[-1:])])
    loss, gradient = penalty / 2 * shrunk.square().sum(), penalty * shrunk
    for x, y in zip(rows.split(BATCH), wanted.split(BATCH), strict=True):
        log_p = (x @ parameters).log_softmax(1)
        loss = loss - (log_p * y).sum() / len(rows)
        gradient = gradient + x.T @ (log_p.exp() - y) / len(rows)
    return loss, gradient


def choose_penalty_steps(
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    classes: int,
    penalties: Sequence[float] = PENALTIES,
) -> Generator[Progress[float], None, SoftmaxRegression]:
    """The classifier fitted to ``train`` (features, labels) that has the highest mean per-class accuracy on
    ``validation``; ties go to the lower loss there."""
    best: tuple[tuple[float, float], SoftmaxRegression] | None = None
    last: SoftmaxRegression | None = None
    for number, penalty in enumerate(sorted(penalties, reverse=True)):
        job = fit_steps(*train, classes, penalty, last)
        last = yield from part(job, number, 1, len(penalties), lambda step: step.latest)
        found = last.answers(*validation)
        score = (mean_per_class_accuracy(found.confusion(classes)), -found.mean_loss)
        if best is None or score > best[0]:
            best = score, last
        yield Progress(number + 1, len(penalties), last.loss)
    if best is None:
        raise InputError("Give at least one penalty to try.")
    return best[1]


choose_penalty = plainly(choose_penalty_steps)
