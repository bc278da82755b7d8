"""The picture, followed through every operator of torch that a network runs.

Nothing is computed but shapes: the rules (see ``rules``) say which cells of which map each element reads.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from cnnlab_core.receptive_field.maps import Call, Maps, NoRule
from cnnlab_core.receptive_field.parts import Parts, Step, canonical, constant
from cnnlab_core.receptive_field.rules import rule_of
from cnnlab_core.receptive_field.windows import Span
from cnnlab_core.receptive_field.writes import geometry

_MOST_FOLDED = 4_000_000
"""Elements of a mask that is worked out, at most."""


class Flow(Maps, TorchDispatchMode):
    """Follows the picture through every operator that runs while this mode is on."""

    def __init__(
        self,
        constants: Iterable[tuple[torch.Tensor, torch.Tensor]] = (),
        known: Mapping[tuple, torch.Tensor] | None = None,
    ) -> None:
        TorchDispatchMode.__init__(self)
        Maps.__init__(self, constants)
        self.constants |= known or {}

    def begin(self, picture: torch.Tensor, name: str) -> None:
        """The picture, each pixel of which sees itself."""
        size = (picture.shape[-2], picture.shape[-1])
        step = Step(0, name, "input", size, [], (Span(), Span()))
        self.steps.append(step)
        self.keep(picture, [canonical(step, picture.shape, (picture.ndim - 2, picture.ndim - 1))])

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        out = _plain_norm(func, args) or func(*args, **kwargs)
        with torch._C.DisableTorchFunction():  # rules compute with numbers on the CPU, whatever the network's device
            fixed = self._follow(func, _by_name(func, args, kwargs), out)
            if isinstance(out, torch.Tensor) and out.is_meta and out.numel() <= _MOST_FOLDED:
                self._fold(func, args, kwargs, out, fixed)
        return out

    def _fold(self, func: Any, args: tuple, kwargs: Mapping[str, Any], out: torch.Tensor, fixed: bool) -> None:
        """Works out a small tensor that depends neither on the picture nor on weights: a mask, numbers of elements."""
        op = func._schema.name.split("::")[-1]
        shaped = op.startswith("new_") or op.endswith("_like")  # only the shape of an argument counts
        writes = func._schema.is_mutable
        if not (fixed or shaped) or torch.Tag.nondeterministic_seeded in func.tags or "empty" in op:
            self._forget(self.constants, out, writes)
            return

        def real(leaf: Any) -> Any:
            if isinstance(leaf, torch.device):
                return torch.device("cpu")
            if not isinstance(leaf, torch.Tensor) or not leaf.is_meta:
                return leaf
            found = self.constants.get(geometry(leaf))
            if found is None and not shaped:
                raise LookupError
            return torch.zeros((), dtype=leaf.dtype).expand(leaf.shape) if found is None else found

        try:
            args, kwargs = tree_map(real, (args, dict(kwargs)))
            self.constants[geometry(out)] = func(*args, **kwargs)
            self._memory.alive.append(out)
        except Exception:  # noqa: BLE001  not known, or not on a CPU
            self._forget(self.constants, out, writes)

    @staticmethod
    def _forget(known: dict[tuple, torch.Tensor], written: torch.Tensor, writes: bool, but: Any = None) -> None:
        """What was known of a tensor, and of others in its memory, if it has been written into."""
        if writes and known:
            storage = geometry(written)[0]
            for key in [key for key, value in known.items() if key[0] == storage and value is not but]:
                del known[key]

    def _follow(self, func: Any, arguments: dict[str, Any], out: Any) -> bool:
        """Notes what the operator's result reads. Gives whether it doesn't depend on the picture."""
        op = func._schema.name.split("::")[-1]
        writes = op.endswith("_") and not op.endswith("__")
        target = arguments.pop("out", None) if not writes else next(iter(arguments.values()))
        parts = {}
        for name, value in arguments.items():
            tensors = [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]
            if any(found := [self.of(tensor) for tensor in tensors]):
                parts[name] = list(zip(tensors, found, strict=True))
        call = Call(op.removesuffix("_") if writes else op, func, arguments, parts, out)
        place = geometry(target) if isinstance(target, torch.Tensor) else ()
        before = [table.get(place) for table in (self.zero, self.shut)]
        states = self._states(call) if parts else []
        if isinstance(target, torch.Tensor):
            self._memory.write(target, states[0] if states else [])
            for table, old in zip((self.zero, self.shut), before, strict=True):
                new = table.get(place)
                self._forget(table, target, True, but=new if new is not old else None)
            return not parts
        leaves = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        for leaf, state in zip(leaves, states, strict=False):
            self.keep(leaf, state)
        return not parts

    def _states(self, call: Call) -> list[Parts]:
        """The parts of each tensor that an operator gives."""
        leaves = [leaf for leaf in tree_leaves(call.out) if isinstance(leaf, torch.Tensor)]
        if not leaves or call.op.startswith("new_") or call.op.endswith("_like"):
            return []
        inputs = [part for pairs in call.parts.values() for _, parts in pairs for part in parts]
        if blind := next((part.step for part in inputs if not part.step.known), None):
            return [[constant(blind, leaf.shape)] for leaf in leaves]
        try:
            found = rule_of(call)(self, call)
        except NoRule as refusal:
            return [[constant(self.unknown(str(refusal), inputs), leaf.shape)] for leaf in leaves]
        except Exception as error:  # noqa: BLE001  a rule's own mistake: all other nodes still have their fields
            what = f"{call.op}, whose own rule failed: internal error, {type(error).__name__}"
            return [[constant(self.unknown(what, inputs), leaf.shape)] for leaf in leaves]
        states = found if found and isinstance(found[0], list) else [found]
        for leaf in leaves[len(states) :]:
            same = leaf.shape == leaves[0].shape
            other = states[0] if same else [constant(self.unknown(f"the statistics of {call.op}", inputs), leaf.shape)]
            states = [*states, other]
        return states


def _plain_norm(func: Any, args: tuple) -> tuple[torch.Tensor, ...] | None:
    """What batch normalisation by stored statistics gives: for this, torch would run a dozen operators in Python."""
    if func is torch.ops.aten.native_batch_norm.default and args[0].is_meta and not args[5]:
        return torch.empty_like(args[0]), args[0].new_empty(0), args[0].new_empty(0)
    return None


def _by_name(func: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Every argument of an operator by the name that its schema gives it, defaults included."""
    schema = func._schema.arguments
    given = {argument.name: value for argument, value in zip(schema, args, strict=False)} | kwargs
    return {argument.name: given.get(argument.name, argument.default_value) for argument in schema}
