"""Memory: a tensor may be a view of another, and be written into."""

import math
from dataclasses import dataclass, field

import torch

from cnnlab_core.receptive_field.parts import INDEX, Part, Parts, distinct, extended, thin


def geometry(tensor: torch.Tensor) -> tuple:
    storage = tensor.untyped_storage()._cdata
    return storage, tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


@dataclass
class Writes:
    """What is known of each tensor, by the memory it lies in: views share it, and writing changes all of them."""

    _known: dict[int, dict[tuple, Parts]] = field(default_factory=dict)
    _flat: dict[int, Parts] = field(default_factory=dict)
    alive: list[torch.Tensor] = field(default_factory=list)  # so that no memory is used twice

    def note(self, tensor: torch.Tensor, parts: Parts) -> None:
        self.alive.append(tensor)
        key = geometry(tensor)
        self._known.setdefault(key[0], {})[key] = parts

    def read(self, tensor: torch.Tensor) -> Parts:
        key = geometry(tensor)
        known = self._known.get(key[0])
        if known is None:
            return []
        if key not in known:
            known[key] = distinct(
                [Part(step, *(thin(self._view(i, tensor)) for i in both)) for step, *both in self._whole(tensor)]
            )
            known[key] = [part for part in known[key] if bool(part.rows.any())]
        return known[key]

    def write(self, tensor: torch.Tensor, parts: Parts) -> None:
        """The elements of ``tensor``, and of all views of them, now hold ``parts``."""
        storage = geometry(tensor)[0]
        if not parts and storage not in self._known:
            return
        if tensor.is_contiguous() and tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes():
            self._known[storage] = {}
            self._flat.pop(storage, None)
            self.note(tensor, parts)
            return
        flat = [Part(step, *(index.clone() for index in both)) for step, *both in self._whole(tensor)]
        for part in flat:
            for index in part[1:]:
                self._view(index, tensor).zero_()
        for step, *both in parts:
            new = Part(step, *(torch.zeros(self._length(tensor), dtype=INDEX) for _ in both))
            for target, index in zip(new[1:], both, strict=True):
                self._view(target, tensor).copy_(index)
            flat = extended(flat, new)
        self.alive.append(tensor)
        self._known[storage], self._flat[storage] = {}, [part for part in flat if bool(part.rows.any())]

    def _whole(self, tensor: torch.Tensor) -> Parts:
        """The parts of all of a tensor's memory, in one row."""
        storage = geometry(tensor)[0]
        if storage not in self._flat:
            known = self._known.get(storage, {})
            (_, offset, shape, stride), parts = max(known.items(), key=lambda item: math.prod(item[0][2]), default=(
                (storage, 0, (0,), (1,)), []
            ))  # fmt: skip
            flat = []
            for step, *both in parts:
                new = Part(step, *(torch.zeros(self._length(tensor), dtype=INDEX) for _ in both))
                for target, index in zip(new[1:], both, strict=True):
                    target.as_strided(shape, stride, offset).copy_(index)
                flat.append(new)
            self._flat[storage] = flat
        return self._flat[storage]

    @staticmethod
    def _length(tensor: torch.Tensor) -> int:
        return tensor.untyped_storage().nbytes() // tensor.element_size()

    @staticmethod
    def _view(flat: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
        return flat.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
