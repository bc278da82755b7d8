"""A network's graph by torch.fx, traced so that other threads can go on computing meanwhile."""

import operator
import threading
from collections.abc import Callable

from torch import fx, nn
from torchvision.models.feature_extraction import NodePathTracer

from cnnlab_core.errors import InputError

_tracing = threading.Lock()


def trace(
    network: nn.Module, *, leaves: tuple[type[nn.Module], ...] = (), as_written: bool = False
) -> tuple[fx.GraphModule, dict[fx.Node, str]]:
    """The graph of ``network`` and the name of each node, as torchvision's feature extraction names them.

    Functions that write into their argument are replaced by those that don't: otherwise ``out += identity`` or
    ``relu(x, inplace=True)`` would overwrite the value of an earlier node that somebody asked for. Modules of the
    kinds in ``leaves`` stay one node, as torch's own do. The graph ``as_written`` keeps functions that write.

    Raises ``InputError`` that names the cause if the network can't be traced.
    """
    with _tracing:
        tracer = _OwnThreadTracer(leaves)
        try:
            graph = tracer.trace(network)
        except Exception as error:
            raise InputError(
                f"torch.fx can't trace this network: {_cause(error)}. Maps, receptive fields and dreams need "
                "its graph; naming, attacks and most attributions don't."
            ) from error
    for node in () if as_written else graph.nodes:
        _write_nowhere(node)
    return fx.GraphModule(tracer.root, graph), dict(tracer.node_to_qualname)


def _cause(error: Exception) -> str:
    text = first_line(error)
    if "item assignment" in text:
        return f"its forward pass writes into a part of a tensor ({text})"
    if "control flow" in text or "Proxy" in text:
        return f"its forward pass depends on values that are known only when it runs ({text})"
    if "not installed as a submodule" in text:
        return f"a layer is made inside forward ({text}). Make it in __init__"
    return f"its forward pass raised {type(error).__name__} ({text})"


def first_line(error: Exception) -> str:
    """What an error says first, without its full stop; its kind if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".!")[:300]


_OUT_OF_PLACE: dict[object, Callable] = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}


def _write_nowhere(node: fx.Node) -> None:
    if node.kwargs.get("inplace"):
        node.kwargs = {**node.kwargs, "inplace": False}
    if node.op == "call_function":
        node.target = _OUT_OF_PLACE.get(node.target, node.target)
    elif node.op == "call_method" and str(node.target).endswith("_"):
        node.target = str(node.target).removesuffix("_")


class _OwnThreadTracer(NodePathTracer):
    """While it traces, fx replaces ``nn.Module.__call__`` and ``__getattr__`` for the whole process.

    A forward pass in another thread would be recorded into this graph, or fail. This tracer lets every other
    thread through to the original; the lock keeps two tracers from restoring each other's replacement.
    """

    def __init__(self, leaves: tuple[type[nn.Module], ...]) -> None:
        super().__init__(autowrap_modules=())
        self._leaves = leaves
        self._thread = threading.get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualname: str) -> bool:
        return isinstance(m, self._leaves) or super().is_leaf_module(m, module_qualname)

    def call_module(self, m: nn.Module, forward: Callable, args: tuple, kwargs: dict) -> object:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: object, parameter_proxy_cache: dict) -> object:
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)
