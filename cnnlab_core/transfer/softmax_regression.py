"""Softmax regression: the linear classifier on top of the features.

    minimise  mean(-log softmax(x W + b)[label]) + penalty / 2 |W|^2

which is convex, with the gradient  x.T (softmax(x W + b) - one_hot) / N + penalty W  (Bishop, "Pattern Recognition
and Machine Learning", 2006, section 4.3.4). Solved in float64 over all pictures by Newton's method with conjugate
gradients (Nocedal & Wright, "Numerical Optimization", 2006, section 7.1), in the main axes of the features, where the
Hessian is nearly diagonal. (L-BFGS stops short of the optimum where the penalty is small.)
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cnnlab_core.checks import MAX_CELLS, classes_of, fitting, table, whole
from cnnlab_core.classification.answers import Answers, mean_per_class_accuracy
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import Progress, part, plainly
from cnnlab_core.runtime.short_repr import short_repr

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""Compared on the validation pictures, from strong to weak; each fit starts from the one before."""

BATCH = 4096
"""Pictures whose features are squared at once."""

_MOST_ITERATIONS = 60
_MOST_PRODUCTS, _PRODUCTS_A_STEP = 300, 10
"""Hessians times vectors in an iteration, at most, and between two steps."""
_TOLERANCE = 1e-5
"""How far from the optimum the weights may be, relative to their length."""
_ARMIJO, _ROUNDING = 1e-4, 1e-14


@short_repr
@dataclass(frozen=True, eq=False)
class SoftmaxRegression:
    """A fitted classifier: ``weight`` (features, classes), ``bias`` (classes,), float64.

    ``gradient`` is the largest entry of the loss's gradient (in the main axes of the features): 0 at the optimum.
    """

    weight: np.ndarray
    bias: np.ndarray
    penalty: float
    loss: float
    gradient: float

    def logits(self, x: np.ndarray) -> np.ndarray:
        """(N, classes) of features (N, size)."""
        return table("features", x, len(self.weight)).astype(np.float64) @ self.weight + self.bias

    def answers(self, x: np.ndarray, labels: np.ndarray) -> Answers:
        """Its answers for features (N, size) with ``labels`` (N,)."""
        z = self.logits(x)
        labels = classes_of("labels", labels, len(z), z.shape[1])
        log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
        true = log_p[np.arange(len(labels)), labels]
        return Answers(labels, log_p.argmax(1), np.exp(log_p.max(1)), np.exp(true), -true)


def fit_steps(
    x: np.ndarray, labels: np.ndarray, classes: int, penalty: float, start: SoftmaxRegression | None = None
) -> Generator[Progress[float], None, SoftmaxRegression]:
    """Fit to features (N, size) and ``labels`` (N,) in 0..classes - 1, from the weights of ``start`` if it is given.

    Every step's ``latest`` is the loss. Raises ``InputError`` for a penalty that isn't above 0, for features that
    aren't numbers, and for another number of labels.
    """
    penalty, classes = fitting("penalty", penalty, float), whole("classes", classes, least=1, most=MAX_CELLS)
    if not penalty > 0:
        raise InputError(f"The penalty must be above 0, but is {penalty:g}: without it, there may be no optimum.")
    labels = classes_of("labels", labels, len(table("features", x)), classes)
    if not len(x):
        raise InputError("There are no features to fit to.")
    fitting("start", start, SoftmaxRegression | None)
    if start is not None and start.weight.shape != (x.shape[1], classes):
        raise InputError("start was fitted to other features or classes: leave it out.")
    x = x.astype(np.float64)
    mean = x.mean(0)
    basis, coordinates = _main_axes(x - mean)
    problem = _Problem.of(coordinates, labels, classes, penalty)
    first = np.zeros((coordinates.shape[1] + 1, classes))
    if start:
        first = np.vstack([basis.T @ start.weight, start.bias + mean @ start.weight])
    w = torch.from_numpy(first)
    loss = problem.loss(w)
    for done in range(_MOST_ITERATIONS):
        p, gradient = problem.gradient(w)
        # The loss is penalty-strongly convex: the weights are no further from the optimum than gradient / penalty.
        if gradient.norm() <= _TOLERANCE * penalty * w[:-1].norm() + _ROUNDING:
            break
        step = yield from part(problem.newton_step(p, gradient), done, 1, _MOST_ITERATIONS, loss)
        slope, length = (gradient * step).sum().item(), 1.0
        while problem.loss(w + length * step) > loss + _ARMIJO * length * slope + _ROUNDING * abs(loss):
            length /= 2
        w = w + length * step
        loss = problem.loss(w)
        yield Progress(done + 1, _MOST_ITERATIONS, loss)
    largest = problem.gradient(w)[1].abs().max().item()
    weight = basis @ w[:-1].numpy()
    return SoftmaxRegression(weight, w[-1].numpy() - mean @ weight, penalty, loss, largest)


fit = plainly(fit_steps)


def _main_axes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The main axes of centred features (N, size) as an orthonormal basis (size, k), and their coordinates (N, k).

    The optimum's weights lie in the features' span, k = min(N, size), and lengths in it are the same.
    """
    if len(x) >= x.shape[1]:
        basis = np.linalg.eigh(x.T @ x)[1]
        return basis, x @ basis
    span, triangle = np.linalg.qr(x.T)
    axes = np.linalg.eigh(triangle @ triangle.T)[1]
    return span @ axes, triangle.T @ axes


@dataclass(frozen=True, eq=False)
class _Problem:
    """The loss of parameters ``w`` (k + 1, classes), whose last row is the bias, and its derivatives."""

    rows: torch.Tensor
    wanted: torch.Tensor
    shrinking: torch.Tensor

    @staticmethod
    def of(x: np.ndarray, labels: np.ndarray, classes: int, penalty: float) -> "_Problem":
        shrinking = torch.full((x.shape[1] + 1, 1), penalty, dtype=torch.float64)
        shrinking[-1] = 0  # of the bias
        wanted = torch.nn.functional.one_hot(torch.from_numpy(labels), classes).double()
        return _Problem(torch.from_numpy(np.hstack([x, np.ones((len(x), 1))])), wanted, shrinking)

    def loss(self, w: torch.Tensor) -> float:
        log_p = (self.rows @ w).log_softmax(1)
        return (-(log_p * self.wanted).sum() / len(self.rows) + (self.shrinking * w.square()).sum() / 2).item()

    def gradient(self, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The probabilities (N, classes), and the gradient."""
        p = (self.rows @ w).softmax(1)
        return p, self.rows.T @ (p - self.wanted) / len(self.rows) + self.shrinking * w

    def curvature(self, p: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """The Hessian times ``v`` (Bishop, eq. 4.110)."""
        u = self.rows @ v
        return self.rows.T @ (p * (u - (p * u).sum(1, keepdim=True))) / len(self.rows) + self.shrinking * v

    def newton_step(self, p: torch.Tensor, gradient: torch.Tensor) -> Generator[Progress[None], None, torch.Tensor]:
        """About -Hessian⁻¹ gradient, by conjugate gradients; the Hessian's diagonal is the preconditioner."""
        pairs = zip(self.rows.split(BATCH), (p * (1 - p)).split(BATCH), strict=True)
        squared = torch.stack([x.square().T @ weights for x, weights in pairs]).sum(0)
        diagonal = squared / len(self.rows) + self.shrinking + _ROUNDING
        step, left = torch.zeros_like(gradient), -gradient
        size = gradient.norm()
        enough = size * min(0.1, size.item() ** 0.5)
        way = left / diagonal
        match = (left * way).sum()
        for done in range(_MOST_PRODUCTS):
            bent = self.curvature(p, way)
            length = match / (way * bent).sum()
            step += length * way
            left = left - length * bent
            if left.norm() <= enough:
                break
            if done % _PRODUCTS_A_STEP == 0:
                yield Progress(done, _MOST_PRODUCTS)
            down = left / diagonal
            before, match = match, (left * down).sum()
            way = down + match / before * way
        return step


def choose_penalty_steps(
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    classes: int,
    penalties: Sequence[float] = PENALTIES,
) -> Generator[Progress[float], None, SoftmaxRegression]:
    """The classifier fitted to ``train`` (features, labels) that has the highest mean per-class accuracy on
    ``validation``; ties go to the lower loss there."""
    parts = {"train": train, "validation": validation}
    for name, pair in parts.items():
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise InputError(f"{name} must be a pair: features (N, size) and labels (N,).")
    penalties = fitting("penalties", penalties, Sequence[float])
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
