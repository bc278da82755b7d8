"""ImageNet's classes by their synsets: the numbers that WordNet 3.0 gives to meanings, in the names of its files."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from cnnlab_core.runtime.assets import read_asset


@cache
def synsets() -> Mapping[str, int]:
    """The index of each of the thousand classes by its synset, such as 134 by ``n02012849`` (the bird called crane)."""
    return MappingProxyType(
        {synset: index for index, synset in enumerate(read_asset("imagenet", "synsets.txt").split())}
    )
