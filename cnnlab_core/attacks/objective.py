"""What an attack climbs: a value per picture that rises as the network comes nearer to being fooled."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab_core.errors import InputError
from cnnlab_core.runtime.short_repr import short_repr

Classifier = Callable[[Tensor], Tensor]
"""Pixels (N, 3, H, W) in [0, 1] to logits (N, classes): a ``LoadedModel``, or any differentiable function.

An average over random views gives (views, N, classes) instead: see ``expectation``."""

Loss = Literal["cross_entropy", "margin", "probability", "dlr"]
LOSSES: tuple[Loss, ...] = ("cross_entropy", "margin", "probability", "dlr")


_NO_LEAD = 1e-12
"""Keeps the ratio of logits that are all the same a number, as the paper's code does."""

_SURER = 1e-4
"""By so much log P(target) must rise to count: more than a float32 network's answers to one picture differ."""


@short_repr
@dataclass(frozen=True, eq=False)
class Goal:
    """Away from the classes ``y`` (N,), or towards the classes ``target`` (N,) if there are any.

    ``cross_entropy``: -log P(y), or log P(target). ``margin``: how far the best other class leads the true one, or the
    target all others, in logits (Carlini & Wagner 2017, arXiv:1608.04644, f6). ``probability``: -P(y), or P(target).
    ``dlr``: the difference of logits ratio (Croce & Hein 2020, arXiv:2003.01690, equations 6 and 7), how far the best
    other class leads the true one as a share of the lead of the first class over the third; or the target the true one,
    over the third and the fourth. Logits times a number, or plus one, have the same ratio.

    Where the target is y, an attack makes the network surer: it succeeds with log P(target) above ``floor`` (N,).
    """

    y: Tensor
    target: Tensor | None = None
    loss: Loss = "cross_entropy"
    floor: Tensor | None = None

    def seen_from(self, clean: Tensor) -> "Goal":
        """The same, with the ``floor`` that the logits (N, classes) of the pictures before the attack give."""
        if self.target is None or not (self.target == self.y).any():
            return self
        before = self._log_p(clean, self.target) + _SURER
        return replace(self, floor=torch.where(self.target == self.y, before, -math.inf))

    @property
    def classes(self) -> Tensor:
        """The classes that the objective speaks of, (N,)."""
        return self.y if self.target is None else self.target

    @property
    def single(self) -> tuple[int, int | None]:
        """The class y and the target of a single picture."""
        return int(self.y), None if self.target is None else int(self.target)

    def rows(self, index: Tensor) -> "Goal":
        """The same for some of the samples."""
        return self._each(lambda part: part[index])

    def repeated(self, times: int) -> "Goal":
        """The same for the whole batch, ``times`` times after itself."""
        return self._each(lambda part: part.repeat(times))

    def value(self, logits: Tensor) -> Tensor:
        """The objective (N,) of logits (N, classes); the mean over views of logits (views, N, classes)."""
        sign = -1 if self.target is None else 1
        # Cloned: autograd refuses tensors that were made in inference mode.
        classes = self.classes.clone().expand(logits.shape[:-1])
        if self.loss in ("margin", "dlr"):
            index = classes.unsqueeze(-1)
            others = logits.scatter(-1, index, -math.inf).amax(-1)
            if self.loss == "dlr" and self.target is not None:
                true = self.y.clone().expand(logits.shape[:-1])
                others = torch.where(true == classes, others, logits.gather(-1, true.unsqueeze(-1)).squeeze(-1))
            value = sign * (logits.gather(-1, index).squeeze(-1) - others)
            if self.loss == "dlr":
                first, _, third, *fourth = logits.topk(3 if self.target is None else 4, -1).values.unbind(-1)
                value = value / (first - (third + (fourth or [third])[0]) / 2 + _NO_LEAD)
        else:
            # torch's own, since everybody uses it: another formula's last bit would lead a sign attack elsewhere.
            log_p = -F.cross_entropy(logits.flatten(0, -2), classes.flatten(), reduction="none").view(classes.shape)
            value = sign * (log_p.exp() if self.loss == "probability" else log_p)
        return value if value.ndim == 1 else value.mean(0)

    def reached(self, logits: Tensor) -> Tensor:
        """Which of the samples fool the network, (N,) bool: another class than y, or just the target, is first.

        A target that is y must also be more probable than it was.
        """
        first = logits.argmax(-1)
        if self.target is None:
            return first != self.y
        named = first == self.target
        return named if self.floor is None else named & (self._log_p(logits, self.target) > self.floor)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Goal":
        target, floor = (None if part is None else change(part) for part in (self.target, self.floor))
        return replace(self, y=change(self.y), target=target, floor=floor)

    @staticmethod
    def _log_p(logits: Tensor, classes: Tensor) -> Tensor:
        return logits.double().log_softmax(-1).gather(-1, classes[:, None])[:, 0]


class NoGradientError(InputError):
    """A network gives no gradient that an attack could climb."""


class Forward:
    """A forward pass at pictures ``x`` that remembers the way back: the ``output``, its ``logits`` (N, classes), and
    the gradient of an objective for whoever asks for it.

    Works inside ``no_grad`` and ``inference_mode``; touches nobody's ``.grad``. ``backward=False`` remembers nothing.
    """

    def __init__(self, model: Classifier, x: Tensor, *, backward: bool = True) -> None:
        with torch.inference_mode(False), torch.set_grad_enabled(backward):
            self._x = x.detach().clone().requires_grad_(backward)
            self.output = answer(model, self._x)
        self.logits = plain_logits(self.output.detach())

    def loss(self, goal: "Goal") -> Tensor:
        """The objective (N,)."""
        return goal.value(self.output.detach())

    def gradient(self, goal: "Goal", *, again: bool = False) -> Tensor:
        """The gradient of the objective with respect to x, once; or ``again`` and again.

        Raises ``NoGradientError`` for a model without a gradient, and for one whose numbers overflow.
        """
        try:
            with torch.inference_mode(False), torch.enable_grad():
                (gradient,) = torch.autograd.grad(goal.value(self.output).sum(), self._x, retain_graph=again)
        except RuntimeError as error:
            if self.output.requires_grad and "not have been used" not in str(error):
                raise
            raise NoGradientError(
                "This model gives no gradient for its input (something in it rounds, sorts or leaves torch), so a "
                "gradient attack can't climb. Use a differentiable model."
            ) from error
        if not torch.isfinite(gradient).all():
            raise NoGradientError(
                "The network's gradient isn't a number (NaN or infinite) here, so there is no step to take."
            )
        return gradient


def logits_of(model: Classifier, x: Tensor) -> Tensor:
    """The logits (N, classes) at ``x``, without a gradient."""
    with torch.no_grad():
        return plain_logits(answer(model, x))


def answer(model: Classifier, x: Tensor) -> Tensor:
    """What the model says of ``x``. A bare module answers as in eval mode, and is left in the mode it was in.

    Raises ``InputError`` if it gives anything but a tensor.
    """
    training = [part for part in model.modules() if part.training] if isinstance(model, nn.Module) else []
    try:
        for part in training:
            part.training = False
        logits = model(x)
    finally:
        for part in training:
            part.training = True
    if not isinstance(logits, Tensor):
        raise InputError(
            f"A model gives a tensor of logits (N, classes), but this one gives a {type(logits).__name__}. Wrap it in "
            "a function that picks the logits, such as lambda x: model(x)[0]."
        )
    return logits


def plain_logits(logits: Tensor) -> Tensor:
    """Logits (N, classes) as they are; of several views (views, N, classes) the logarithm of the mean probability."""
    if logits.ndim != 3:
        return logits
    return logits.log_softmax(-1).logsumexp(0) - math.log(len(logits))
