"""A network as a feature extractor: what enters its classifier, l2-normalised, kept on disk.

Features are kept in shards of 16 pictures, each named by the digest of everything it depends on, so an interrupted
extraction continues where it stopped, and no picture is computed twice.
"""

import hashlib
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import ModelSpec, layer_table
from cnnlab_core.models.layers import features_before_classifier
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.files import cache_folder, slug, write_atomically
from cnnlab_core.runtime.jobs import Progress, meanwhile, plainly
from cnnlab_core.runtime.limits import FEATURES_MB
from cnnlab_core.training.storage import trim_caches
from cnnlab_core.transfer.collections import Item

SHARD = 16
"""Pictures whose features lie in one file."""

_VERSION = 1
"""To be raised when the same settings give different features."""


@dataclass(frozen=True)
class FeatureLayer:
    """The node whose values enter the classifier: ``size`` features, or as many feature maps if ``is_map``."""

    node: str
    size: int
    is_map: bool


@by_annotation
def feature_layer(spec: ModelSpec) -> FeatureLayer:
    """The node before the classifier: after its ReLU, pooling and dropout (which does nothing here).

    The classifier is the last layer with weights. Where that is a convolution (SqueezeNet), the features are maps,
    which are averaged over rows and columns, as the network itself does after it.
    """
    layers = layer_table(spec.name)
    classifier = features_before_classifier(layers)
    before = layers[layers.index(classifier) - 1]
    return FeatureLayer(before.name, before.shape[0], len(before.shape) == 3)


@by_annotation
@torch.no_grad()
def features(model: LoadedModel, x: torch.Tensor) -> torch.Tensor:
    """The features of pixels (N, 3, H, W) in [0, 1]: float32 (N, size), each row of length 1 (0 if all are zero)."""
    layer = feature_layer(model.spec)
    values = capture(model, x, [layer.node])[layer.node]
    flat = values.mean((2, 3)) if layer.is_map else values
    return torch.nn.functional.normalize(flat, dim=1)


def refuse_large(spec: ModelSpec, count: int) -> None:
    """Raise ``InputError`` if the features of so many pictures are more than ``FEATURES_MB`` allows.

    What learns from them has several copies of them in memory.
    """
    size, most = feature_layer(spec).size, FEATURES_MB.now()
    if 4 * size * count > most * 10**6:
        few = most * 10**6 // (4 * size)
        raise InputError(
            f"{count:,} pictures with {size:,} features each (what enters this network's classifier) are more than the "
            f"{most:,} MB that are allowed here: {few:,} pictures would fit. Choose fewer, or a network with fewer "
            "features."
        )


@by_annotation
def extract_steps(model: LoadedModel, items: Sequence[Item]) -> Generator[Progress[None], None, np.ndarray]:
    """The features of many pictures, float32 (N, size); those in the cache are read from it.

    Raises ``InputError`` for more than ``FEATURES_MB`` of them.
    """
    refuse_large(model.spec, len(items))
    size, found = feature_layer(model.spec).size, []
    batch = 4 if model.device.type == "cpu" else SHARD
    for first in range(0, len(items), SHARD):
        shard = items[first : first + SHARD]
        file = _file(model, shard)
        values = _read(file, len(shard), size)
        if values is None:
            rows = []
            for start in range(0, len(shard), batch):
                prepared, waiting = [], Progress[None](first + start, len(items))
                for item in shard[start : start + batch]:
                    prepared.append(model.prepare((yield from meanwhile(item.steps(), waiting))))
                rows.append(features(model, torch.cat(prepared)).cpu().numpy())
                yield Progress(first + min(start + batch, len(shard)), len(items))
            values = np.concatenate(rows)
            _write(file, values)
        found.append(values)
        yield Progress(first + len(shard), len(items))
    return np.concatenate(found) if found else np.empty((0, size), np.float32)


extract = plainly(extract_steps)


# --- the cache ------------------------------------------------------------------------------------------------


def _file(model: LoadedModel, shard: Sequence[Item]) -> Path:
    parts = (_VERSION, model.identity, feature_layer(model.spec).node, model.spec.preprocessing)
    digest = hashlib.sha256(repr(parts).encode())
    for item in shard:
        digest.update(hashlib.sha256(item.content()).digest())
    return cache_folder() / "features" / slug(model.spec.name) / f"{digest.hexdigest()[:32]}.features"


def _read(file: Path, count: int, size: int) -> np.ndarray | None:
    """The features in a file, or None if it isn't there or is damaged: it begins with the digest of the rest."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    digest, values = content[:32], content[32:]
    if len(values) != 4 * count * size or hashlib.sha256(values).digest() != digest:
        return None
    return np.frombuffer(values, "<f4").reshape(count, size)


def _write(file: Path, values: np.ndarray) -> None:
    content = values.astype("<f4").tobytes()
    with suppress(OSError):  # a cache that can't be written is done without
        write_atomically(file, hashlib.sha256(content).digest() + content)
        trim_caches()
