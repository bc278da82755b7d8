"""Random numbers by counter: what is drawn depends on (seed, purpose, epoch, step) and on nothing that came before.

So a run that goes on in the middle of an epoch draws what it would have drawn.
"""

import hashlib

import torch


def generator(seed: int, purpose: str, *counters: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for one purpose at one place of a run."""
    name = "/".join([str(seed), purpose, *map(str, counters)])
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") >> 1
    return torch.Generator(device).manual_seed(number)
