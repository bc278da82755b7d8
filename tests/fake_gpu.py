"""A GPU that isn't one: its tensors are computed on the processor, and refuse to be mixed with a processor's.

So what would stop with “expected all tensors to be on the same device” stops here too, without a GPU.
"""

from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

CUDA, CPU = torch.device("cuda", 0), torch.device("cpu")
aten = torch.ops.aten
_BOTH = {
    aten.copy_.default,
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}
"""What takes tensors of the other device, on a real GPU too: copies, and indices."""


class Elsewhere(torch.Tensor):
    """A tensor that says it is on the GPU."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
            device=CUDA, requires_grad=inner.requires_grad,
        )  # fmt: skip

    def __init__(self, inner):
        self.inner = inner

    def __repr__(self, **_):
        return f"Elsewhere({self.inner!r})"

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _call(function, args, kwargs or {})


class _Mode(TorchDispatchMode):
    """Tensors that are made on the GPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _call(function, args, kwargs or {})


def _call(function, args, kwargs):
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, Elsewhere)]
    device = kwargs.get("device")
    made_there = torch.device(device).type == "cuda" if device is not None else bool(there)
    if there and function not in _BOTH:
        here = [tensor for tensor in tensors if not isinstance(tensor, Elsewhere) and tensor.ndim]
        assert not here, f"{function} mixes the GPU with the processor: {[tuple(one.shape) for one in here]}"
    generator = kwargs.get("generator")
    if generator is not None:
        assert (generator.device.type == "cuda") == made_there, f"{function} draws with another device's generator"
    if device is not None and torch.device(device).type == "cuda":
        kwargs = kwargs | {"device": CPU}
    out = function(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    if function is aten._local_scalar_dense.default or not made_there:
        return out
    out = tree_map(lambda leaf: Elsewhere(leaf) if isinstance(leaf, torch.Tensor) else leaf, out)
    return return_and_correct_aliasing(function, args, kwargs, out) if there else out


def _inner(leaf):
    return leaf.inner if isinstance(leaf, Elsewhere) else leaf


@contextmanager
def fake_gpu(monkeypatch):
    """One GPU for the body."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: None)
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda device=None: None)
    monkeypatch.setenv("CNNLAB_DEVICE", "cuda")
    with _Mode():
        yield CUDA
