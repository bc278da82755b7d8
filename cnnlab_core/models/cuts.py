"""The part of a network that some graph nodes need: its graph, cut behind the last of them. No hooks, no modes."""

import difflib
import weakref
from dataclasses import dataclass, field

from torch import fx, nn

from cnnlab_core.errors import InputError
from cnnlab_core.models.graph import trace
from cnnlab_core.models.loaded import LoadedModel


def cut_behind(model: LoadedModel, nodes: tuple[str, ...]) -> fx.GraphModule:
    """The part of the network that ``nodes`` need, as a module that gives their values as a tuple.

    It shares the network's parameters and takes normalised pixels (see ``LoadedModel.normalise``). Modules can be named
    as well: see ``node_named``.
    """
    graphs = _graphs_of(model.network)
    if not nodes:
        raise InputError("Name at least one node to capture; model.nodes() lists them.")
    nodes = tuple(node_named(model, name) for name in nodes)
    if nodes not in graphs.cuts:
        while len(graphs.cuts) >= _MOST_CUTS:
            graphs.cuts.pop(next(iter(graphs.cuts)), None)
        graphs.cuts[nodes] = _cut(graphs.whole, [graphs.nodes[name] for name in nodes])
    return graphs.cuts[nodes]


def node_named(model: LoadedModel, name: str) -> str:
    """The graph node called ``name``; of a module, such as ``layer4.1``, the node whose values it gives.

    Raises ``InputError`` for unknown names, with the nearest ones, and for a module that gives several nodes' values.
    """
    nodes = _graphs_of(model.network).nodes
    if name in nodes:
        return name
    inside = {node: path for path, node in nodes.items() if path.startswith(f"{name}.")}
    given = [path for node, path in inside.items() if any(user not in inside for user in node.users)]
    if len(given) == 1:
        return given[0]
    if given:
        raise InputError(f"{name} gives the values of {len(given)} nodes, such as {', '.join(given[:3])}. Choose one.")
    near = difflib.get_close_matches(name, nodes, n=3, cutoff=0.4)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise InputError(f"{model.spec.title} has no node called “{name}”.{hint} model.nodes() lists them all.")


def graph_of(model: LoadedModel) -> tuple[fx.GraphModule, dict[str, fx.Node]]:
    """The network's whole graph, which writes into no argument, and its nodes by name. It is shared: only read it."""
    graphs = _graphs_of(model.network)
    return graphs.whole, graphs.nodes


def whole_graph(network: nn.Module) -> fx.GraphModule:
    """The same of a network that no model holds yet. Raises ``InputError`` if torch.fx can't trace it."""
    return _graphs_of(network).whole


def know_graph(network: nn.Module, whole: fx.GraphModule, nodes: dict[str, fx.Node]) -> None:
    """Say what a network's graph is that has been put together rather than traced; ``whole`` mustn't hold it."""
    _known[network] = _Graphs(whole, nodes)


_MOST_CUTS = 32
"""Parts of one network that are kept."""


@dataclass
class _Graphs:
    """A network's graph, its nodes by name, and the parts cut from it."""

    whole: fx.GraphModule
    nodes: dict[str, fx.Node]
    cuts: dict[tuple[str, ...], fx.GraphModule] = field(default_factory=dict)


# They go when the registry puts the network away: a graph holds the layers, but not the network itself.
_known: "weakref.WeakKeyDictionary[nn.Module, _Graphs]" = weakref.WeakKeyDictionary()


def _graphs_of(network: nn.Module) -> _Graphs:
    graphs = _known.get(network)
    if graphs is None:
        whole, names = trace(network)
        graphs = _known[network] = _Graphs(whole, {name: node for node, name in names.items() if node.op != "output"})
    return graphs


def _cut(whole: fx.GraphModule, wanted: list[fx.Node]) -> fx.GraphModule:
    """A graph of the nodes that ``wanted`` depend on, and no others."""
    needed: set[fx.Node] = set()
    for node in reversed(whole.graph.nodes):
        if node.op == "placeholder" or node in wanted or not needed.isdisjoint(node.users):
            needed.add(node)
    graph: fx.Graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    for node in whole.graph.nodes:
        if node in needed:
            copied[node] = graph.node_copy(node, copied.__getitem__)
    graph.output(tuple(copied[node] for node in wanted))
    return fx.GraphModule(whole, graph)
