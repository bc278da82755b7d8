"""Records in a notebook: a line each, and their pictures."""

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import numpy as np
import torch
from PIL import Image
from torch import nn

from cnnlab_core import (
    attacks,
    classification,
    data,
    dream,
    evaluation,
    from_scratch,
    interpretability,
    language,
    models,
    training,
    transfer,
)
from cnnlab_core.attacks import step_map, sweep
from cnnlab_core.classification import batch
from cnnlab_core.dream import atlas, several_layers
from cnnlab_core.interpretability import Attribution, first_layer_filters, map_statistics
from cnnlab_core.network import cell, contributions, difference, layer, live, strongest

LISTED = (attacks, classification, data, dream, evaluation, from_scratch, interpretability, language, models, training,
          transfer)  # fmt: skip
OTHERS = (atlas, batch, cell, contributions, difference, first_layer_filters, layer, live, map_statistics,
          several_layers, step_map, strongest, sweep)  # fmt: skip
LONG = (torch.zeros(3, 50, 50), np.zeros((4, 99)), "x" * 5000, list(range(5000)), dict.fromkeys(range(999), b"y" * 999))


def inside(hint: Any) -> Iterator[Any]:
    yield hint
    for part in get_args(hint):
        yield from inside(part)


def records() -> set[type]:
    """What the public functions give, and what they offer themselves, if it holds arrays."""
    found = set()
    for module in (*LISTED, *OTHERS):
        for name in getattr(module, "__all__", vars(module)):
            thing = getattr(module, name)
            if isinstance(thing, type):
                found.add(thing)
            elif callable(thing) and getattr(thing, "__module__", "").startswith("cnnlab_core"):
                gives = get_type_hints(thing, localns={"torch": torch}).get("return")
                found |= {one for one in inside(gives) if isinstance(one, type)}
    return {one for one in found if is_dataclass(one) and _holds_arrays(one)}


def _holds_arrays(record: type) -> bool:
    return any(one in (torch.Tensor, np.ndarray) for hint in get_type_hints(record).values() for one in inside(hint))


def test_no_repr_is_longer_than_a_kilobyte():
    found = records()
    assert len(found) > 40
    for record in found:
        one = object.__new__(record)
        for index, field in enumerate(fields(record)):
            object.__setattr__(one, field.name, LONG[index % len(LONG)])
        assert len(repr(one)) < 1000, record


def pictures(html):
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


def test_a_result_shows_its_pictures_in_a_notebook():
    network = nn.Sequential(nn.AvgPool2d(64), nn.Flatten(), nn.Linear(48, 3)).eval()
    x = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    result = attacks.pgd(network, x, eps=0.2, steps=2)
    assert repr(result).startswith("AttackResult(goal=Goal(…), clean=Measured(…), exact=Measured(…)")
    assert repr(result.exact) == (
        "Measured(x=float32 (1, 3, 256, 256), x_adv=float32 (1, 3, 256, 256), logits=float32 (1, 3), success=bool (1,))"
    )
    before, after = pictures(result._repr_html_())
    assert before.size == after.size == (224, 224)
    assert np.abs(np.asarray(before, float) - np.asarray(after, float)).max() > 20
    (heat,) = pictures(Attribution(np.array([[-2.0, 0.0, 2.0]]), signed=True)._repr_html_())
    assert np.asarray(heat).tolist() == [[0, 128, 255]]
    model = models.LoadedModel.from_module(network, side=256)
    assert len(repr(model)) < 1000
    assert "Linear" not in repr(model)
