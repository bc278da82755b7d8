"""The registry: each model is loaded once for all sessions, and put away when memory is short and nobody uses it."""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import nn

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import DeviceError, InputError
from cnnlab_core.models.build import build_pretrained, build_random
from cnnlab_core.models.folding import quick_copy
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.own.table import find_own
from cnnlab_core.models.spec import WEIGHTS_KINDS, ModelSpec, WeightsKind
from cnnlab_core.models.weights import find_weights
from cnnlab_core.models.zoo import all_specs, find_spec
from cnnlab_core.runtime.device import pick_device, with_memory_retry
from cnnlab_core.runtime.limits import MODEL_BUDGET


class Key(NamedTuple):
    """What makes two models the same one."""

    model: str
    weights: WeightsKind
    device: str
    seed: int


@dataclass
class _Entry:
    spec: ModelSpec
    network: nn.Module
    quick: nn.Module | None
    size: int
    users: int = 0


class Registry:
    """Networks by key, least recently used first, within ``budget`` bytes of weights.

    ``get`` hands out a ``LoadedModel`` each time; all of them share one network. A network is in use while any
    of its handles is alive, and is never put away then: there is nothing to release and so nothing to forget.
    """

    def __init__(self, budget: int, load: Callable[[ModelSpec, Key], nn.Module]) -> None:
        self.budget = budget
        self._load = load
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._table = threading.RLock()  # a handle may be finalised by a collection inside a locked section
        self._loading = threading.Lock()

    def get(self, key: Key) -> LoadedModel:
        """The model for ``key``, loaded if it isn't here. Thirty callers at once cause one load.

        Raises what loading raises, and ``DeviceError`` when all the memory is in use by others.
        """
        spec = find_spec(key.model)
        if model := self._handle(spec, key):
            return model
        with self._loading:  # one load at a time; whoever waited here finds the model made
            if model := self._handle(spec, key):
                return model
            self._make_room(4 * spec.parameters, spec.title)
            network = with_memory_retry(lambda: self._load(spec, key), free_memory=self.put_away_idle)
            size, quick = _bytes_of(network), quick_copy(network)
            more = _bytes_of(network, quick) - size if quick else 0
            with self._table:
                if not self._evict(room=size + more):
                    quick, more = None, 0  # without the room it answers itself
                self._entries[key] = _Entry(spec, network, quick, size + more)
                return self._handle(spec, key)  # type: ignore[return-value]

    def loaded(self) -> dict[Key, tuple[int, int]]:
        """What is in memory: the size in bytes and the number of live handles of each."""
        with self._table:
            return {key: (entry.size, entry.users) for key, entry in self._entries.items()}

    def put_away_idle(self) -> None:
        """Forget every network that nobody uses."""
        self._evict(room=float("inf"))

    def forget(self, model: str) -> None:
        """Forget all networks of this name; one in use is there for as long as it is used."""
        with self._table:
            for key in [key for key in self._entries if key.model == model]:
                del self._entries[key]

    def _handle(self, spec: ModelSpec, key: Key) -> LoadedModel | None:
        with self._table:
            entry = self._entries.get(key)
            if entry is None or entry.spec != spec:  # a run can be exported again, with other weights
                return None
            self._entries.move_to_end(key)
            entry.users += 1
            model = LoadedModel(
                spec, key.weights, torch.device(key.device), entry.network, categories(spec), entry.quick
            )
            weakref.finalize(model, self._released, entry).atexit = False
            return model

    def _released(self, entry: _Entry) -> None:
        with self._table:
            entry.users -= 1

    def _make_room(self, size: int, title: str) -> None:
        if not self._evict(room=size):
            raise DeviceError(
                f"The lab's memory for models is full with models in use, so {title} can't be loaded just now. "
                "Try again in a moment, choose a model that is loaded, or raise CNNLAB_MODEL_BUDGET (bytes)."
            )

    def _evict(self, room: float) -> bool:
        """Put away idle networks, least recently used first, until ``room`` bytes are free; False if they aren't."""
        with self._table:
            total = sum(entry.size for entry in self._entries.values())
            for key in [key for key, entry in self._entries.items() if not entry.users]:
                if total + room <= self.budget:
                    break
                total -= self._entries.pop(key).size
            return total + room <= self.budget


def _bytes_of(*networks: nn.Module) -> int:
    """The bytes of all weights in the networks; what they share counts once."""
    tensors = {id(t): t for network in networks for t in (*network.parameters(), *network.buffers())}
    return sum(t.numel() * t.element_size() for t in tensors.values())


@cache
def registry() -> Registry:
    """The one registry of this process, with the budget that is set when it is first asked for."""
    return Registry(MODEL_BUDGET.now(), _load)


@by_annotation
def load_model(
    name: str,
    weights: str = "pretrained",
    device: str | torch.device | None = None,
    *,
    seed: int = 0,
) -> LoadedModel:
    """The model called ``name``, shared with everybody who asks for the same one.

    ``weights`` is "pretrained" or "random" (drawn from ``seed``). ``device`` defaults to the lab's (see
    ``pick_device``). Nothing is downloaded here: pretrained weights must lie on this machine (see ``weights``).
    Raises ``InputError`` for an unknown name, ``WeightsError`` for weights that are missing or don't fit,
    ``DeviceError`` when memory is short.
    """
    if weights not in WEIGHTS_KINDS:
        raise InputError(f"Weights are “pretrained” or “random”, not “{weights}”.")
    kind: WeightsKind = "random" if weights == "random" else "pretrained"
    find_spec(name)
    chosen = pick_device(str(device) if device is not None else None)
    if kind == "pretrained" and (own := find_own(name)):
        return own.on(chosen)
    return registry().get(Key(name, kind, str(chosen), seed if kind == "random" else 0))


def list_models() -> list[ModelSpec]:
    """Every model of the lab, in the order in which it is offered: the zoo, then networks trained here."""
    return list(all_specs())


@torch.inference_mode(False)  # wherever it is first asked for: the network is shared with those who need gradients
def _load(spec: ModelSpec, key: Key) -> nn.Module:
    with torch.inference_mode(False):  # whoever asks first, the parameters must be good for everybody's gradients
        random = key.weights == "random"
        network = build_random(spec, key.seed) if random else build_pretrained(spec, find_weights(spec))
        return network.to(key.device).requires_grad_(False).eval()


def categories(spec: ModelSpec) -> tuple[str, ...]:
    """The names of a model's classes, in the order of its logits."""
    return spec.classes or imagenet_classes()


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names of ImageNet's thousand classes."""
    from torchvision.models import AlexNet_Weights  # every torchvision ImageNet entry carries the same thousand

    return tuple(AlexNet_Weights.IMAGENET1K_V1.meta["categories"])
