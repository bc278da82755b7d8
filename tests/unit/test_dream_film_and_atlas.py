"""The film of a dream, the layers to dream of, and the atlas on disk."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab_core.dream import atlas as atlas_module
from cnnlab_core.dream import blocks, channel, dream_steps, layer, stages, visualise_steps, zoom_steps
from cnnlab_core.dream.atlas import atlas, atlas_channels, atlas_steps, cache_folder, is_cached
from cnnlab_core.dream.film import Film, filmed
from cnnlab_core.dream.layers import maps_of
from cnnlab_core.images import to_picture
from cnnlab_core.models import ZOO, find_spec, load_model
from cnnlab_core.plots.lines import objective_line
from cnnlab_core.plots.network_strip import GAP, SIZE, network_strip
from cnnlab_core.runtime.jobs import finish

NODE = "_blocks.2.add"


@pytest.fixture(scope="module")
def model():
    return load_model("efficientnet_lite0")


@pytest.fixture(scope="module")
def x():
    return torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))


def opened(data):
    return Image.open(io.BytesIO(data))


# --- film -----------------------------------------------------------------------------------------------------


def test_a_film_has_a_frame_and_a_number_for_every_step(model, x):
    film = finish(filmed(dream_steps(model, x, layer(NODE), octaves=2, steps=3), (64, 48)))
    assert len(film.frames) == len(film.objectives) == 6
    assert film.taken == [1, 2, 3, 4, 5, 6]
    assert {opened(frame).size for frame in film.frames} == {(64, 48)}
    assert np.array_equal(np.asarray(film.picture), np.asarray(to_picture(film.result.image)))


def test_a_film_that_is_left_keeps_what_there_is_and_leaves_the_dream(model, x):
    steps = dream_steps(model, x, layer(NODE), octaves=2, steps=3)
    job = filmed(steps, (64, 48))
    film = next(job)
    next(job)
    job.close()
    assert steps.gi_frame is None
    assert len(film.frames) == 2
    assert film.result is None
    assert film.picture.size == (46, 34)  # still in the first octave


def test_the_animation_has_every_frame(model, x):
    film = finish(filmed(dream_steps(model, x, layer(NODE), octaves=2, steps=3), (64, 48)))
    written = opened(film.animation())
    assert written.format == "WEBP"
    assert written.is_animated
    assert written.n_frames == 6
    assert written.size == (64, 48)


def test_long_films_are_thinned_evenly():
    film, step = (
        Film((40, 40)),
        next(visualise_steps(load_model("efficientnet_lite0"), channel(NODE, 0), size=40, steps=1, transforms=())),
    )
    for _ in range(500):
        film.add(step)
    assert len(film.objectives) == 500
    assert len(film.frames) <= 120
    assert set(np.diff(film.taken)) == {8}


def test_a_zoom_is_filmed_frame_by_frame_and_several_pictures_side_by_side(model, x):
    film = finish(filmed(zoom_steps(model, x, layer(NODE), frames=3, octaves=1, steps=2), (64, 48)))
    assert len(film.frames) == 3
    assert len(film.objectives) == 6
    both = finish(filmed(visualise_steps(model, channel(NODE, 0), size=32, count=2, steps=1), (64, 32)))
    assert both.picture.size == (64, 32)


def test_tiles_are_filmed_once_a_step(model, x):
    film = finish(
        filmed(dream_steps(model, torch.rand(1, 3, 64, 128), layer(NODE), octaves=1, steps=2, tile=64), (128, 64))
    )
    assert len(film.objectives) == len(film.frames) == 2


# --- layers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ZOO, ids=lambda spec: spec.name)
def test_every_network_has_blocks_and_stages_to_look_at(spec):
    ends, known = blocks(spec), {layer.name: layer for layer in maps_of(spec)}
    assert 8 <= len(ends) <= 24
    assert [end for end in ends if end.name not in known] == []
    sides = [end.shape[1] for end in stages(spec)]
    assert len(sides) >= 4
    assert sides == sorted(set(sides), reverse=True)
    assert set(stages(spec)) <= set(ends)
    assert stages(spec)[-1] == ends[-1]


def test_blocks_are_the_networks_own():
    names = [end.name for end in blocks(find_spec("resnet18"))]
    assert names == [
        "relu", "maxpool", "layer1.0.relu_1", "layer1.1.relu_1", "layer2.0.relu_1", "layer2.1.relu_1",
        "layer3.0.relu_1", "layer3.1.relu_1", "layer4.0.relu_1", "layer4.1.relu_1",
    ]  # fmt: skip
    assert "inception4c.cat" in [end.name for end in blocks(find_spec("googlenet"))]


# --- atlas ----------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))
    monkeypatch.setattr(atlas_module, "STEPS", 1)
    monkeypatch.setattr(atlas_module, "SIDE", 32)
    monkeypatch.setattr(atlas_module, "DEEP_STEPS", 1)
    monkeypatch.setattr(atlas_module, "DEEP_SIDE", 40)
    return tmp_path


def test_an_atlas_has_each_stage_and_is_read_from_disk_the_second_time(model, cache, monkeypatch):
    entries = atlas(model, each=2)
    assert [(entry.node, entry.channel) for entry in entries] == atlas_channels(model.spec, 2)
    assert {entry.node for entry in entries} == {stage.name for stage in stages(model.spec)}
    assert is_cached(model.spec, each=2)
    assert not is_cached(model.spec, each=3)
    monkeypatch.setattr(atlas_module, "visualise_steps", None)  # must not be asked again
    again = atlas(model, each=2)
    assert all(
        np.array_equal(np.asarray(a.picture), np.asarray(b.picture)) for a, b in zip(entries, again, strict=True)
    )
    assert not list(cache.rglob("*.part"))


def test_deep_layers_are_drawn_larger_and_longer(model):
    deep, shallow = atlas_module.drawing(model.spec, "_swish_1"), atlas_module.drawing(model.spec, NODE)
    assert shallow == {"size": 112, "steps": 48, "learning_rate": 0.05}
    assert all(deep[name] > shallow[name] for name in shallow)


def test_the_shipped_atlas_isnt_grey_and_every_block_has_a_picture(model):
    assert is_cached(model.spec)
    pictures = {(entry.node, entry.channel): np.asarray(entry.picture) / 255 for entry in atlas(model)}
    last = stages(model.spec)[-1].name
    assert min(values.std() for (node, _), values in pictures.items() if node == last) > 0.12
    drawn = atlas_module.block_pictures(model.spec)
    assert list(drawn) == [end.name for end in blocks(model.spec)]
    assert {opened(data).size for data in drawn.values()} == {(72, 72)}
    assert atlas_module.block_pictures(find_spec("resnet18")) == {}


def test_an_interrupted_atlas_goes_on(model, cache):
    steps = atlas_steps(model, each=1)
    while len(next(steps).latest) < 2:
        pass
    steps.close()
    assert len(list(cache.rglob("*.png"))) == 2
    assert not is_cached(model.spec, each=1)
    assert len(atlas(model, each=1)) == len(stages(model.spec))


@pytest.mark.fault(
    "A picture of the cached atlas is damaged",
    "Found by its check sum, and drawn anew",
)
@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:-20], lambda data: data[:200] + b"x" + data[201:]]
)
def test_a_damaged_picture_is_drawn_anew(model, cache, damage):
    before = [np.asarray(entry.picture) for entry in atlas(model, each=1)]
    for file in cache.rglob("*.png"):
        file.write_bytes(damage(file.read_bytes()))
    after = [np.asarray(entry.picture) for entry in atlas(model, each=1)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_other_weights_have_other_files(cache):
    for seed in (0, 1):
        atlas(load_model("squeezenet1_1", "random", seed=seed), each=1)
    count = len(stages(find_spec("squeezenet1_1")))
    assert count <= len(list(cache.rglob("*.png"))) == 2 * count


def test_a_cache_that_cannot_be_written_is_done_without(model, cache, monkeypatch):
    (cache / "atlas").write_text("a file where the folder should be")
    assert len(atlas(model, each=1)) == len(stages(model.spec))


def test_the_cache_folder_is_the_users_unless_chosen(monkeypatch, tmp_path):
    monkeypatch.delenv("CNNLAB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "cnnlab"


# --- figures --------------------------------------------------------------------------------------------------


def test_the_curve_has_every_step_and_a_line_for_every_octave():
    figure = objective_line([1.0, 2.0, 1.5], every=2, total=6)
    assert list(figure.data[0].y) == [1.0, 2.0, 1.5]
    assert [shape.x0 for shape in figure.layout.shapes] == [2.5, 4.5]
    assert figure.layout.xaxis.range == (0.5, 6.5)
    assert objective_line([]).data


def test_the_strips_bars_are_as_high_as_their_maps_are_large():
    strip = np.asarray(network_strip([112, 56, 7], largest=224))
    assert strip.shape[1] == 3 * (SIZE + GAP) - GAP
    heights = [(strip[:, index * (SIZE + GAP) + SIZE // 2 - 20, 3] > 0).sum() for index in range(3)]
    assert heights[0] > heights[1] > heights[2] > 0
