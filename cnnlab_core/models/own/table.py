"""The networks of one's own that are in memory, by name. Needs no torch.

A name holds a digest of all that the network is, so two of one title are two, and one that two visitors bring is one.
Nothing here keeps a network: it is there as long as its owner, or something that computes with it, has it. What was
kept of it elsewhere goes with it: random weights in its form, and files in the caches.
"""

import shutil
import threading
import weakref
from typing import TYPE_CHECKING

from cnnlab_core.errors import InputError
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.runtime.files import cache_folder, slug

if TYPE_CHECKING:
    from torch import nn

    from cnnlab_core.models.own.network import Own

_known: "weakref.WeakValueDictionary[str, Own]" = weakref.WeakValueDictionary()
_lock = threading.Lock()


def remember(own: "Own") -> "Own":
    """The entry of this name: the one that is there already, or this one."""
    with _lock:
        found = _known.setdefault(own.spec.name, own)
    if found is own:
        weakref.finalize(own, _forget, own.spec.name)
    return found


def _forget(name: str) -> None:
    from cnnlab_core.models.registry import registry

    if name not in _known:  # else somebody has brought it again meanwhile
        registry().forget(name)
        for folder in cache_folder().glob(f"*/{slug(name)}"):
            shutil.rmtree(folder, ignore_errors=True)


def find_own(name: str) -> "Own | None":
    """The network of this name, if it is in memory."""
    return _known.get(name)


def own_specs() -> tuple[ModelSpec, ...]:
    """What is known of each network in memory."""
    return tuple(own.spec for own in list(_known.values()))


def bytes_in_memory() -> int:
    """The weights of all of them."""
    return sum(own.size for own in list(_known.values()))


def skeleton(name: str) -> "nn.Module":
    """A copy of the network of this name on the meta device: its structure without its weights."""
    from copy import deepcopy

    own = find_own(name)
    if own is None:
        raise InputError("This network isn't in memory any more. Bring its file again.")
    return deepcopy(own.skeleton)
