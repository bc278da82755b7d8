"""What a training network's insides say: gradient norms, dead units, a NaN in words, catastrophic overfitting."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from cnnlab_core.training.config import Collapse, Config


def gradient_norms(network: nn.Module) -> dict[str, float]:
    """The Euclidean norm of the last gradient, for each layer with weights, in the network's order."""
    names, norms = [], []
    for name, module in network.named_modules():
        gradients = [p.grad for p in module.parameters(recurse=False) if p.grad is not None]
        if gradients:
            names.append(name)
            norms.append(torch.stack([gradient.float().norm() for gradient in gradients]).norm())
    return dict(zip(names, torch.stack(norms).tolist(), strict=True)) if norms else {}


@torch.no_grad()
def dead_units(network: nn.Module, normalised: torch.Tensor) -> dict[str, tuple[int, int]]:
    """For each ReLU layer, how many of its channels are zero everywhere on a batch, and how many there are.

    The network belongs to this process and is in eval mode, so it may be hooked; the hooks are taken away again.
    """
    found: dict[str, tuple[torch.Tensor, int]] = {}

    def watch(name: str) -> None:
        def look(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
            highest = output.amax((0, 2, 3)) if output.ndim == 4 else output.amax(0)
            found[name] = ((highest <= 0).sum(), len(highest))

        hooks.append(layer.register_forward_hook(look))

    hooks: list[torch.utils.hooks.RemovableHandle] = []
    for layer_name, layer in network.named_modules():
        if isinstance(layer, nn.ReLU):
            watch(layer_name)
    if not hooks:
        return {}
    try:
        network(normalised)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (int(dead), count) for name, (dead, count) in found.items()}


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """The network in eval mode for the body, then in training mode again."""
    network.eval()
    try:
        yield
    finally:
        network.train()


@torch.no_grad()
def first_broken_layer(network: nn.Module, normalised: torch.Tensor) -> str:
    """The first layer whose weights, or else whose output on a batch, hold something that isn't a finite number."""
    for name, parameter in network.named_parameters():
        if not torch.isfinite(parameter).all():
            return name.rpartition(".")[0]
    broken: list[str] = []
    hooks = [
        layer.register_forward_hook(
            lambda _, __, output, name=name: None if torch.isfinite(output).all() else broken.append(name)
        )
        for name, layer in network.named_modules()
        if name and not any(layer.children())
    ]
    try:
        network(normalised)
    finally:
        for hook in hooks:
            hook.remove()
    return broken[0] if broken else ""


def explain_nan(config: Config, step: int, rate: float, layer: str, precision: str) -> str:
    """Why the loss is no number any more, and what to change, in a few sentences."""
    where = f" It began in the layer {layer}." if layer else ""
    first = "at the very first step" if step == 0 else f"at step {step + 1}"
    advice = [f"a learning rate of {config.learning_rate / 10:g} instead of {config.learning_rate:g}"]
    if config.net == "homework":
        advice.append("batch normalisation (homework_bn), which keeps the activations in bounds")
    if config.kind == "text" and not config.clip:
        advice.append("a largest gradient norm of 1")
    if config.optimizer != "adamw" and config.momentum > 0.9:
        advice.append("a momentum of 0.9")
    if config.schedule == "constant":
        advice.append("the one-cycle schedule, which begins slowly")
    if config.init not in ("he", "orthogonal"):
        advice.append("the initialisation “he”")
    if precision == "bfloat16":
        advice.append("the precision float32")
    return (
        f"The loss stopped being a number {first}, at a learning rate of {rate:.3g}: the weights were moved so far "
        f"that the activations overflowed.{where} Duplicate the run and try {', or '.join(advice)}."
    )


def overfits_catastrophically(attacked: Sequence[float], robust: Sequence[float]) -> bool:
    """Whether training with a weak attack has stopped making the network robust (Wong et al. 2020, section 5.4).

    ``attacked`` is the accuracy on the training attack by epoch, ``robust`` that under PGD on held-out pictures. The
    sign: the network beats the attack it is trained with, while under the stronger one it falls to less than half of
    what it once had.
    """
    if len(robust) < 2 or len(attacked) != len(robust):
        return False
    fell = robust[-1] < 0.5 * max(robust)
    return fell and attacked[-1] > attacked[-2] - 0.05 and attacked[-1] - robust[-1] > 0.25


_CATASTROPHIC = (
    "Catastrophic overfitting: the network has learned to beat the one-step attack that it is trained with, and under "
    "PGD its robustness collapsed. The best checkpoint is from before. "
)
_FROM_HERE: dict[Collapse, str] = {
    "go on": "Next time use a smaller step (at most epsilon), more attack steps (pgd), or fewer epochs.",
    "pgd": "From here on each batch is attacked by PGD.",
    "stop": "So the training ends here.",
}


def explain_collapse(config: Config) -> str:
    """What has happened to a run that overfits catastrophically, and what comes now, in a few sentences."""
    return _CATASTROPHIC + _FROM_HERE[config.collapse]
