"""From a spec to a network: built without weights, then filled with pretrained or with seeded random ones.

Networks are built on torch's ``meta`` device. That takes no memory and draws no random numbers, so nothing global
is touched, and the layer table of any model is there without its weights.
"""

import importlib
import math
import pickle
import re
from functools import reduce
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torchvision.models.convnext import CNBlock

from cnnlab_core.errors import WeightsError
from cnnlab_core.models.own.table import find_own
from cnnlab_core.models.spec import ModelSpec, WeightsFile


def build_on_meta(spec: ModelSpec) -> nn.Module:
    """The network's structure in eval mode, its parameters without storage."""
    module, _, function = spec.builder.partition(":")
    builder = reduce(getattr, function.split("."), importlib.import_module(module))
    with torch.device("meta"):
        network = builder(**dict(spec.options))  # type: ignore[operator]
    for layer in network.modules():
        if hasattr(layer, "inplace"):
            layer.inplace = False  # or it would overwrite the activations of the layer before, which people look at
    return network.eval().requires_grad_(False)


_USUAL_STD = 0.225
"""What pixels are divided by where they enter a network with a deviation of 1."""


def build_random(spec: ModelSpec, seed: int) -> nn.Module:
    """The network with He-initialised weights (He et al. 2015, arXiv:1502.01852) drawn from ``seed``.

    Convolutions and linear layers: normal with variance 2 / fan-in, biases zero. Normalisation layers: weight 1,
    bias 0. Batch-norm statistics are measured once on seeded cloudy noise, as a first training batch would do; with
    the usual 0 and 1 a deep residual network's activations double in every block and its softmax is one spike.
    """
    network = build_on_meta(spec).to_empty(device="cpu")
    if brought := find_own(spec.name):
        for name, buffer in brought.network.named_buffers():  # tables of places, for one, which nothing draws
            network.get_buffer(name).copy_(buffer)
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        own = dict(module.named_parameters(recurse=False))
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = module.weight[0].numel()
            module.weight.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm):
            module.reset_parameters()
        elif isinstance(module, CNBlock):
            module.layer_scale.fill_(1.0)  # 1e-6, as training starts with, would leave the blocks out of the picture
        elif own:
            _begin_others(own, generator)
    # Caffe networks take 0 to 255: without a norm, their logits would be as much larger, and the softmax one spike.
    spread = _USUAL_STD / max(spec.preprocessing.std)
    if spread > 2 and not brought:
        next(m for m in network.modules() if isinstance(m, nn.Conv2d)).weight.div_(spread)
    _measure_batch_norm(network, _cloudy_noise(spec.preprocessing.crop, generator))
    return network


def _begin_others(parameters: dict[str, nn.Parameter], generator: torch.Generator) -> None:
    """Tables as linear layers; of lists, weights and scales 1 and all others 0."""
    for name, parameter in parameters.items():
        if parameter.ndim > 1:
            parameter.normal_(0.0, math.sqrt(2.0 / parameter[0].numel()), generator=generator)
        else:
            parameter.fill_(float("bias" not in name))


def build_pretrained(spec: ModelSpec, path: Path) -> nn.Module:
    """The network with the checkpoint at ``path``. Raises ``WeightsError`` that names what doesn't fit."""
    network = build_on_meta(spec)
    state = read_checkpoint(path, spec.weights)
    _check_keys(path, expected=network.state_dict(), found=state)
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False)


def read_checkpoint(path: Path, form: WeightsFile) -> dict[str, torch.Tensor]:
    """The weights in a checkpoint under the network's own names. Pickles are read with ``weights_only=True``."""
    try:
        if path.suffix == ".safetensors":
            return {
                name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()
            }
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise WeightsError(
            f"The file {path} holds more than tensors (Python objects), which could run code, so it was refused. "
            "Save only the weights: torch.save(model.state_dict(), path)."
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, SafetensorError) as error:
        raise WeightsError(
            f"The file {path} is damaged or not a checkpoint ({type(error).__name__}). Delete it and fetch it again."
        ) from None
    state = content.get(form.inner) if form.inner and isinstance(content, dict) else content
    if not isinstance(state, dict):
        missing = f" under “{form.inner}”" if form.inner else ""
        raise WeightsError(f"The checkpoint {path} has no table of weights{missing}. Use the file from {form.url}.")
    weights = {}
    for key, value in state.items():
        if not key.startswith(form.prefix) or key.startswith(form.drop):
            continue
        name = key.removeprefix(form.prefix)
        for pattern, replacement in form.rename:
            name = re.sub(pattern, replacement, name)
        weights[name] = value
    return weights


def _check_keys(path: Path, expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor]) -> None:
    # Checkpoints older than torch 0.4.1 don't count the batches; nothing here reads that counter.
    for name, value in expected.items():
        if name.endswith("num_batches_tracked"):
            found.setdefault(name, torch.zeros_like(value, device="cpu"))
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    odd = [
        f"{name} is {_shape(found[name])}, not {_shape(value)}"
        for name, value in expected.items()
        if name in found and _shape(found[name]) != _shape(value)
    ]
    problems = [
        f"{len(names)} {what} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for what, names in (("missing", missing), ("not of this network", extra), ("of another shape", odd))
        if names
    ]
    if problems:
        raise WeightsError(
            f"The checkpoint {path} belongs to another network: of its tensors, {'; '.join(problems)}. "
            "Check that the file is the one for this model."
        )


def _shape(value: object) -> str:
    """A tensor's shape, and what it holds if that isn't float32."""
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    shape = "×".join(map(str, value.shape)) or "a number"
    return shape if value.dtype == torch.float32 else f"{shape} ({str(value.dtype).removeprefix('torch.')})"


def _cloudy_noise(size: int, generator: torch.Generator) -> torch.Tensor:
    """Four pictures of noise at every scale, as photos have it, (4, 3, size, size) with variance about 1."""
    scales = [2**k for k in range(int(math.log2(size)) + 1)]
    layers = [torch.randn(4, 3, s, s, generator=generator) for s in scales]
    grown = [nn.functional.interpolate(layer, (size, size), mode="bilinear") for layer in layers]
    return torch.stack(grown).sum(0) / math.sqrt(len(scales))


@torch.no_grad()
def _measure_batch_norm(network: nn.Module, x: torch.Tensor) -> None:
    """Set the running statistics of every batch-norm layer from one batch; leaves the network in eval mode."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0  # the running value becomes this batch's own
    network(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval()
        norm.momentum = momentum
