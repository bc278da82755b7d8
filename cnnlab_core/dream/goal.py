"""An objective bound to a network: its value and its gradient, and what to do when the gradient is zero."""

from dataclasses import dataclass

import torch

from cnnlab_core.dream.network import Look, has_activation_before, values_at
from cnnlab_core.dream.objectives import PICTURE, BoundTerm, Objective
from cnnlab_core.errors import InputError
from cnnlab_core.models.loaded import LoadedModel


@dataclass(frozen=True)
class Goal:
    """What is climbed. Of the nodes in ``silent``, the values before their activation are measured instead."""

    model: LoadedModel
    terms: tuple[BoundTerm, ...]
    look: Look
    silent: tuple[str, ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The graph nodes that are measured."""
        return _nodes(self.terms)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The objective of each picture: (N, 3, H, W) to (N,), differentiable."""
        return sum(term.weight * values for term, values in zip(self.terms, self.each(x), strict=True))  # type: ignore[return-value]

    def each(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The terms' own values, unweighted, (N,) each."""
        found = self.look(x)
        return [term.measure(x if term.node == PICTURE else found[term.node]) for term in self.terms]


def bind(model: LoadedModel, objective: Objective, size: tuple[int, int]) -> Goal:
    """The objective for a model and a picture's size (height, width). Raises ``InputError`` for what doesn't fit."""
    if not isinstance(objective, Objective):
        raise InputError("An objective is made by layer(), channel(), unit(), class_logit() and the like.")
    return _goal(model, objective.bind(model, size))


def _goal(model: LoadedModel, terms: tuple[BoundTerm, ...], silent: tuple[str, ...] = ()) -> Goal:
    nodes = _nodes(terms)
    look = values_at(model, nodes, silent) if nodes else lambda x: {}
    return Goal(model, terms, look, silent)


def _nodes(terms: tuple[BoundTerm, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(term.node for term in terms if term.node != PICTURE))


def value(goal: Goal, x: torch.Tensor) -> float:
    """The mean objective of pictures, without a gradient."""
    with torch.inference_mode(False), torch.no_grad():
        return goal(x.clone()).mean().item()


def gradient(goal: Goal, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The objective of each picture (N,), and its gradient (N, 3, H, W): safe under no_grad and inference_mode."""
    with torch.inference_mode(False), torch.enable_grad():
        point = x.clone().detach().requires_grad_()
        values = goal(point)
        (slope,) = torch.autograd.grad(values.sum(), point)
    return values.detach(), slope


def awake(goal: Goal, x: torch.Tensor) -> Goal:
    """The goal, measured before the activation at every node that doesn't respond to picture ``x`` at all.

    A ReLU that is zero everywhere has no gradient, so nothing would ever move; its input has one (Lucid's advice).
    Raises ``InputError`` if there is nothing to climb even then.
    """
    silent = _silent(goal, x)
    early = tuple(node for node in silent if has_activation_before(goal.model, node))
    if early:
        goal = _goal(goal.model, goal.terms, early)
        silent = _silent(goal, x)
    if silent:
        raise InputError(
            f"{' and '.join(silent)} of {goal.model.spec.title} doesn't respond to this picture at all: the gradient "
            "is zero everywhere, so there is nothing to climb. Choose another channel or layer, or start from another "
            "picture."
        )
    return goal


def _silent(goal: Goal, x: torch.Tensor) -> tuple[str, ...]:
    """The nodes with a term whose gradient is zero everywhere."""
    with torch.inference_mode(False), torch.enable_grad():
        point = x.clone().detach().requires_grad_()
        found: list[str] = []
        for term, values in zip(goal.terms, goal.each(point), strict=True):
            if term.node == PICTURE or not term.weight:
                continue
            (slope,) = torch.autograd.grad(values.sum(), point, retain_graph=True)
            if not slope.any():
                found.append(term.node)
    return tuple(dict.fromkeys(found))
