"""A full disk and damaged files: made anew, or said in a sentence that tells what to do; never half a file."""

import errno
import os
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from serving import CONTENT, SHA256, serving, whole_file
from training_runs import lab_folders, tiny  # noqa: F401  a fixture

from cnnlab_core.data import Dataset, list_data, open_data
from cnnlab_core.data.dataset import write_dataset
from cnnlab_core.data.own import own_path
from cnnlab_core.data.shapes import CLASSES, draw
from cnnlab_core.dream import atlas as atlas_module
from cnnlab_core.dream.atlas import atlas
from cnnlab_core.errors import DataError, RunError, WeightsError
from cnnlab_core.images import open_apart_steps, sample_images
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.models.exports import exported_specs, exports_folder
from cnnlab_core.models.weights import download_weights, find_weights
from cnnlab_core.training import create_run, export, list_runs
from cnnlab_core.training.loop import train
from cnnlab_core.training.snapshots import filter_steps, read_filters
from cnnlab_core.transfer import extract
from cnnlab_core.transfer.collections import Item


@pytest.fixture
def folders(lab_folders, monkeypatch):  # noqa: F811
    """Weights and caches in a folder of the test's own, too."""
    monkeypatch.setenv("CNNLAB_WEIGHTS", str(lab_folders / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(lab_folders / "torch"))
    monkeypatch.setenv("CNNLAB_CACHE", str(lab_folders / "cache"))
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.setattr(atlas_module, "STEPS", 1)
    monkeypatch.setattr(atlas_module, "SIDE", 32)
    return lab_folders


TRY_AGAIN = "A sentence says what to do; nothing half written stays; with room, the next try works"


@contextmanager
def full_disk():
    """What is written for the length of this doesn't reach the disk."""

    def refuse(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        yield


def files_in(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def trained(folders):
    run = create_run(tiny(epochs=1), "mine")
    train(run)
    return run


@pytest.fixture(scope="module")
def model():
    return load_model("squeezenet1_1", "random")


def samples():
    contents = [sample.content for sample in sample_images().values()]
    return [Item(0, partial(bytes, content), partial(open_apart_steps, content)) for content in contents]


# --- a full disk (a trainer's is in test_training_survives) -------------------------------------------------------


@pytest.mark.fault("The disk is full when a network is exported", TRY_AGAIN)
def test_an_export_to_a_full_disk(trained):
    before = files_in(trained.folder.parent)
    with full_disk(), pytest.raises(RunError, match=r"No space left on device\. Free some space"):
        export(trained)
    assert files_in(trained.folder.parent) == before
    assert load_model(export(trained)).spec.title == "mine"


@pytest.mark.fault("The disk is full when pictures are imported", TRY_AGAIN)
def test_a_data_set_on_a_full_disk(folders):
    before = files_in(folders)
    new = Dataset("own:new", "new", CLASSES, draw(20, [1]), lambda: draw(10, [2]))
    with full_disk(), pytest.raises(DataError, match=r"No space left on device\. Free some space"):
        write_dataset(own_path("new"), new)
    assert files_in(folders) == before
    write_dataset(own_path("new"), new)
    assert open_data("own:new").train.digest() == new.train.digest()


@pytest.mark.fault("The disk is full during a download", TRY_AGAIN)
def test_a_download_onto_a_full_disk(folders):
    before = files_in(folders)
    with serving(whole_file) as (address, _):
        spec = find_spec("resnet18")
        spec = replace(spec, weights=replace(spec.weights, file="a.pth", url=f"{address}/a.pth", sha256=SHA256))
        with full_disk(), pytest.raises(WeightsError, match=r"couldn't be saved in .*No space left"):
            download_weights(spec, poll_seconds=0.01)
        assert files_in(folders) == before
        assert download_weights(spec, poll_seconds=0.01).read_bytes() == CONTENT


@pytest.mark.fault("The disk is full when a cache is written", "The result is there as ever, only not kept on disk")
def test_caches_on_a_full_disk(folders, model):
    with full_disk():
        found, drawn = extract(model, samples()), atlas(model, each=1)
    assert not files_in(folders / "cache")
    assert np.array_equal(extract(model, samples()), found)
    assert [np.asarray(entry.picture).tolist() for entry in atlas(model, each=1)] == [
        np.asarray(entry.picture).tolist() for entry in drawn
    ]
    assert files_in(folders / "cache")


# --- damaged files (the other caches' are in test_transfer, test_dream_film_and_atlas and test_data) ---------------


def flip(path):
    """Turn one bit over in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.fault("A file of downloaded weights is damaged", "Found by its sha256, and said which file to delete")
def test_damaged_weights(folders):
    with serving(whole_file) as (address, _):
        spec = find_spec("resnet18")
        spec = replace(spec, weights=replace(spec.weights, file="a.pth", url=f"{address}/a.pth", sha256=SHA256))
        path = download_weights(spec, poll_seconds=0.01)
        assert find_weights(spec) == path
        flip(path)
        with pytest.raises(WeightsError, match="Delete it and fetch it again") as problem:
            find_weights(spec)
        assert str(path) in str(problem.value)
        path.unlink()
        assert download_weights(spec, poll_seconds=0.01).read_bytes() == CONTENT


@pytest.mark.fault(
    "An exported network is damaged", "Found by its sha256, or not offered any more; exporting it again mends it"
)
def test_a_damaged_export(trained):
    name = export(trained)
    flip(exports_folder() / f"{trained.id}.safetensors")
    with pytest.raises(WeightsError, match="Export the network again"):
        load_model(name)
    assert load_model(export(trained)).spec.name == name
    description = exports_folder() / f"{trained.id}.json"
    description.write_bytes(description.read_bytes()[:100])
    assert name not in [spec.name for spec in exported_specs()]
    export(trained)
    assert name in [spec.name for spec in exported_specs()]


@pytest.mark.fault("Files of a run are damaged", "That run or figure is said to be damaged; all others are there")
def test_a_damaged_run(trained):
    other = create_run(tiny(), "other")
    step = filter_steps(trained)[-1]
    (snapshot,) = trained.filters.glob(f"{step:09d}.npy")
    snapshot.write_bytes(snapshot.read_bytes()[:60])
    with pytest.raises(RunError, match="damaged"):
        read_filters(trained, step)
    (trained.folder / "config.json").write_text('{"data": ')
    assert [run.id for run in list_runs()] == [other.id]


@pytest.mark.fault("One's own data set is damaged", "Found by the digests in it, and said which file to delete")
def test_a_damaged_data_set(folders):
    flip(own_path("few"))
    with pytest.raises(DataError, match=r"is damaged\. Delete the file"):
        open_data("own:few")
    assert "own:few" in [source.name for source in list_data()]
