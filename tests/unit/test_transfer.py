"""Transfer learning: the features of every network, the cache, the classifier, and what is drawn."""

import hashlib
import http.server
import io
import tarfile
import threading
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.datasets import OxfordIIITPet

from cnnlab_core.data import Dataset, Pictures
from cnnlab_core.data.shapes import draw as draw_shapes
from cnnlab_core.errors import DataError, InputError
from cnnlab_core.models import find_spec, layer_table, load_model
from cnnlab_core.models.zoo import all_specs
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.transfer import (
    choose_penalty,
    collections,
    curve,
    draw,
    extract,
    extract_steps,
    feature_layer,
    features,
    fit,
    learn,
    list_collections,
    mean_per_class_accuracy,
    open_collection,
    project,
)
from cnnlab_core.transfer.softmax_regression import PENALTIES

MODEL = "squeezenet1_1"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def model():
    return load_model(MODEL, "random")


@pytest.fixture(scope="module")
def small():
    """Ten classes, few pictures: quickly made."""
    dataset = Dataset("shapes", "Small", tuple("abcdefghij"), draw_shapes(100, [5, 0]), lambda: draw_shapes(50, [5, 1]))
    return collections._of_dataset(dataset)


# --- the features ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", all_specs(), ids=lambda spec: spec.name)
def test_the_features_of_every_network_are_what_enters_its_classifier(spec):
    layers = {layer.name: layer for layer in layer_table(spec.name)}
    found = feature_layer(spec)
    classifier = [layer for layer in layers.values() if layer.parameters][-1]
    assert found.size == classifier.inputs
    assert layers[found.node].parameters == 0  # behind the ReLU, pooling or dropout: not the layer before's raw sums
    assert found.is_map == spec.name.startswith("squeezenet1_1")


@pytest.mark.parametrize(
    ("name", "last"),
    [("efficientnet_lite0", "_fc"), ("resnet18", "fc"), ("mobilenet_v3_large", "classifier.3"),
     ("densenet121", "classifier"), ("convnext_tiny", "classifier.2")],
)  # fmt: skip
def test_the_networks_own_classifier_gives_its_logits_from_these_features(name, last):
    """The features are scaled to length 1; the scale is what the logits without the bias tell."""
    network = load_model(name, "random")
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    head = network.network.get_submodule(last)
    with torch.no_grad():
        wanted = (network(x) - head.bias).double()
    ours = (features(network, x) @ head.weight.T).double()
    assert torch.nn.functional.cosine_similarity(ours, wanted).min() > 1 - 1e-6
    assert torch.allclose(features(network, x).norm(dim=1), torch.ones(2), atol=1e-6)


def test_features_after_a_relu_are_never_negative(model):
    assert features(model, torch.rand(1, 3, 224, 224)).min() >= 0


def test_maps_are_averaged(model):
    from cnnlab_core.interpretability.activations import capture

    x = torch.rand(1, 3, 224, 224)
    maps = capture(model, x, [feature_layer(model.spec).node])[feature_layer(model.spec).node]
    assert maps.ndim == 4
    mean = maps.mean((2, 3))[0]
    assert torch.allclose(features(model, x)[0], mean / mean.norm(), atol=1e-6)


# --- the cache ------------------------------------------------------------------------------------------------


def unasked(*_):
    raise AssertionError("the network was asked again")


def test_features_are_read_from_disk_the_second_time(model, small, cache, monkeypatch):
    items = small.train[:20]
    first = extract(model, items)
    assert len(list(cache.rglob("*.features"))) == 2
    monkeypatch.setattr("cnnlab_core.transfer.extraction.features", unasked)
    assert np.array_equal(extract(model, items), first)
    assert first.shape == (20, 512)
    with pytest.raises(AssertionError, match="asked again"):
        extract(model, items[::-1])


def test_an_interrupted_extraction_goes_on(model, small, cache):
    job = extract_steps(model, small.train[:32])
    while next(job).done < 20:
        pass
    job.close()
    assert len(list(cache.rglob("*.features"))) == 1
    asked = []
    for step in extract_steps(model, small.train[:32]):
        asked.append(step.done)
    assert asked[0] == 16  # the first shard at once
    assert asked[-1] == 32


@pytest.mark.fault(
    "A file of cached features is damaged",
    "Found by its digest, and computed anew",
)
@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:-4], lambda data: data[:40] + b"xyzw" + data[44:]]
)
def test_a_damaged_file_is_computed_anew(model, small, cache, damage):
    before = extract(model, small.train[:16])
    (file,) = cache.rglob("*.features")
    good = file.read_bytes()
    file.write_bytes(damage(good))
    assert np.array_equal(extract(model, small.train[:16]), before)
    assert file.read_bytes() == good


def test_other_weights_have_other_files(small, cache):
    for seed in (0, 1):
        extract(load_model(MODEL, "random", seed=seed), small.train[:4])
    assert len(list(cache.rglob("*.features"))) == 2


@pytest.mark.fault(
    "The cache folder can't be written",
    "Features are there as ever, only not kept on disk",
)
def test_a_cache_that_cannot_be_written_is_done_without(model, small, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("a file where the folder should be")
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path / "file"))
    assert extract(model, small.train[:4]).shape == (4, 512)


# --- the classifier -------------------------------------------------------------------------------------------


def problem(seed, count=40, size=6, classes=3):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, size))
    return x, np.arange(count) % classes


@pytest.mark.parametrize("shape", [(40, 6), (12, 30)])
def test_at_the_optimum_autograd_finds_no_gradient(shape):
    x, labels = problem(1, *shape)
    found = fit(x, labels, 3, 0.01)
    w, b = (torch.tensor(value, requires_grad=True) for value in (found.weight, found.bias))
    logits = torch.from_numpy(x) @ w + b
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels)) + 0.005 * w.square().sum()
    loss.backward()
    assert max(w.grad.abs().max(), b.grad.abs().max()) < 1e-5
    assert found.gradient < 1e-5
    assert loss.item() == pytest.approx(found.loss, abs=1e-12)


def solved_by_torch(x, labels, classes, penalty):
    """The logits of scikit-learn's problem, C = 1 / (N penalty), and the loss, by torch's L-BFGS."""
    x, labels = torch.from_numpy(x), torch.from_numpy(labels)
    w, b = torch.zeros(x.shape[1], classes).double(), torch.zeros(classes).double()
    solver = torch.optim.LBFGS(
        [w.requires_grad_(), b.requires_grad_()], max_iter=400, max_eval=900, tolerance_grad=1e-13,
        tolerance_change=0, history_size=100, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure():
        solver.zero_grad()
        loss = torch.nn.functional.cross_entropy(x @ w + b, labels, reduction="sum") / len(x)
        loss = loss + penalty / 2 * w.square().sum()
        loss.backward()
        return loss

    solver.step(closure)
    return (x @ w + b).detach().numpy(), closure().item()


@pytest.mark.parametrize("penalty", PENALTIES)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(30, 4, 3), (12, 20, 2), (40, 8, 5)]),
    scale=st.sampled_from([0.1, 1.0, 10.0]),
    apart=st.sampled_from([0.0, 1.0, 4.0]),
)
@settings(max_examples=3, deadline=None)
def test_every_penalty_ends_at_scikit_learns_solution(penalty, seed, shape, scale, apart):
    """Overlapping classes and ones that a plane tells apart, features of any size and with a mean."""
    count, size, classes = shape
    x, labels = problem(seed, count, size, classes)
    x = scale * (x + apart * np.random.default_rng(seed).normal(size=(classes, size))[labels] + 1)
    found = fit(x, labels, classes, penalty)
    # The loss is penalty-strongly convex in the weights: they are within gradient / penalty of the only optimum.
    w, b = (torch.tensor(value, requires_grad=True) for value in (found.weight, found.bias))
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(x) @ w + b, torch.from_numpy(labels))
    (loss + penalty / 2 * w.square().sum()).backward()
    assert w.grad.norm() <= 1e-3 * penalty * max(1e-6, np.linalg.norm(found.weight))
    theirs, their_loss = solved_by_torch(x, labels, classes, penalty)
    assert found.loss <= their_loss * (1 + 1e-9)
    if penalty >= 1e-2:  # further down L-BFGS itself stops short
        mine, theirs = (z - z.mean(1, keepdims=True) for z in (found.logits(x), theirs))
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-3 * max(1.0, np.abs(theirs).max()))


def test_two_classes_far_apart_agree_with_the_equation_of_their_optimum():
    """x = ±1: by symmetry logit = ±u, and the optimum solves 2 (1 - sigmoid(2 u)) = 2 penalty u  for w = (-u, u)."""
    found = fit(np.array([[1.0], [-1.0]]), np.array([1, 0]), 2, 0.1)
    u = found.weight[0, 1]
    assert found.weight[0, 0] == pytest.approx(-u, abs=1e-6)
    assert 1 - 1 / (1 + np.exp(-2 * u)) == pytest.approx(0.1 * u, abs=1e-5)


def test_batches_make_no_difference(monkeypatch):
    x, labels = problem(2)
    whole = fit(x, labels, 3, 0.01)
    monkeypatch.setattr("cnnlab_core.transfer.softmax_regression.BATCH", 7)
    assert np.allclose(fit(x, labels, 3, 0.01).weight, whole.weight, atol=1e-4)


def test_fewer_pictures_than_features_end_at_the_same_optimum():
    """Zeros beside the features change nothing, but take the other way through the code."""
    x, labels = problem(3, 20, 5)
    narrow, wide = fit(x, labels, 3, 0.01), fit(np.hstack([x, np.zeros((20, 30))]), labels, 3, 0.01)
    assert np.allclose(narrow.weight, wide.weight[:5], atol=1e-4)
    assert np.abs(wide.weight[5:]).max() < 1e-9


def test_the_penalty_is_chosen_on_the_validation_pictures():
    """The labels to learn from are noise: only a strong penalty keeps the validation loss low."""
    x, _ = problem(4, 60, 20)
    random = np.random.default_rng(4)
    noise = random.integers(0, 3, 60)
    held, their = problem(5, 60, 20)
    chosen = choose_penalty((x, noise), (held, their), 3)
    scores = {
        penalty: mean_per_class_accuracy(fit(x, noise, 3, penalty).answers(held, their).confusion(3))
        for penalty in (1e-1, 1e-2, 1e-3)
    }
    best = mean_per_class_accuracy(chosen.answers(held, their).confusion(3))
    assert best >= max(scores.values()) - 1e-12


def test_nonsense_is_refused():
    x, labels = problem(6)
    with pytest.raises(InputError, match="above 0"):
        fit(x, labels, 3, 0)
    with pytest.raises(InputError, match="labels"):
        fit(x, labels[:3], 3, 1)


# --- what is drawn --------------------------------------------------------------------------------------------


def test_what_is_drawn_is_balanced_and_apart(small):
    drawn = draw(small, 6)
    for part, count in ((drawn.train, 3), (drawn.validation, 1), (drawn.test, 2)):
        assert np.bincount([item.label for item in part]).tolist() == [count] * 10
    contents = [item.content() for item in drawn.items]
    assert len(set(contents)) == len(contents)


def test_more_pictures_keep_those_of_fewer(small):
    few, more = draw(small, 6), draw(small, 12)
    for part in ("train", "validation", "test"):
        first, second = getattr(few, part), getattr(more, part)
        assert [item.content() for item in second[: len(first)]] == [item.content() for item in first]


def test_a_class_with_few_pictures_gives_what_it_has(small):
    drawn = draw(small, 1000)
    assert len(drawn.train) + len(drawn.validation) == len(small.train)
    assert len(drawn.test) == len(small.test)


def test_too_little_is_a_sentence(small):
    with pytest.raises(InputError, match="at least 6"):
        draw(small, 5)
    empty = Pictures(torch.empty(0, 8, 8, 3, dtype=torch.uint8), torch.empty(0, dtype=torch.int64))
    bare = collections._of_dataset(Dataset("x", "x", ("one",), empty, lambda: empty))
    with pytest.raises(DataError, match="too few"):
        draw(bare, 6)


def test_the_pets_say_what_to_do_without_a_network(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert next(source for source in list_collections() if source.name == "pets").megabytes > 100
    with pytest.raises(DataError, match=r"couldn't be downloaded.*Connect to the network"):
        open_collection("pets")


def test_the_pets_are_read_by_torchvision_once_they_are_here(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    folder = tmp_path / "oxford-iiit-pet"
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    for part, start in (("trainval", 0), ("test", 10)):
        lines = []
        for number in range(start, start + 8):
            breed = number % 2
            name = f"{('Abyssinian', 'great_pyrenees')[breed]}_{number}"
            Image.new("RGB", (30, 20), (number, 0, 0)).save(folder / "images" / f"{name}.jpg")
            lines.append(f"{name} {breed + 1} {breed + 1} 1")
        (folder / "annotations" / f"{part}.txt").write_text("\n".join(lines))
    found = open_collection("pets")
    assert found.classes == ("Abyssinian", "Great Pyrenees")
    assert [item.label for item in found.test] == [0, 1] * 4
    monkeypatch.setattr("cnnlab_core.images.opening.open_image", lambda content: pytest.fail("decoded in the lab"))
    assert found.train[3].picture().size == (30, 20)
    assert found.train[3].content().startswith(b"\xff\xd8")


@pytest.fixture
def pets_published(tmp_path, monkeypatch):
    """The pets' two archives at an address of this machine, with one picture of each of two breeds in each part."""
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    published = tmp_path / "published"
    published.mkdir()
    picture = io.BytesIO()
    Image.new("RGB", (30, 20)).save(picture, "JPEG")
    lists = {f"annotations/{part}.txt": f"a_{part} 1 1 1\nb_{part} 2 2 1\n" for part in ("trainval", "test")}
    photos = {f"images/{breed}_{part}.jpg": picture.getvalue() for breed in "ab" for part in ("trainval", "test")}
    resources = []
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(published))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, files in (("images", photos), ("annotations", lists)):
            with tarfile.open(published / f"{name}.tar.gz", "w:gz") as packed:
                for path, content in files.items():
                    data = content if isinstance(content, bytes) else content.encode()
                    member = tarfile.TarInfo(path)
                    member.size = len(data)
                    packed.addfile(member, io.BytesIO(data))
            md5 = hashlib.md5((published / f"{name}.tar.gz").read_bytes(), usedforsecurity=False).hexdigest()
            resources.append((f"http://127.0.0.1:{server.server_port}/{name}.tar.gz", md5))
        monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", tuple(resources))
        yield tmp_path / "data" / "oxford-iiit-pet"
        server.shutdown()


def test_the_pets_are_fetched_verified_and_unpacked(pets_published):
    found = open_collection("pets")
    assert found.classes == ("A", "B")
    assert len(found.train) == len(found.test) == 2
    assert sorted(path.name for path in pets_published.iterdir()) == ["annotations", "images"]
    assert next(source for source in list_collections() if source.name == "pets").megabytes == 0


def test_pets_that_are_not_those_that_were_published_are_refused(pets_published, monkeypatch):
    (url, _), second = OxfordIIITPet._RESOURCES
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", ((url, "0" * 32), second))
    with pytest.raises(DataError, match="md5 differs"):
        open_collection("pets")
    assert not list(pets_published.iterdir())


# --- all of it ------------------------------------------------------------------------------------------------


def test_learning_tells_how_well_it_did(model, small):
    drawn = draw(small, 6)
    found = learn(model, drawn)
    assert found.sizes == (30, 10, 20)
    assert found.confusion.sum() == 20
    assert found.confusion.sum(1).tolist() == [2] * 10
    assert found.accuracy == pytest.approx(found.confusion.trace() / 20)
    assert found.projection.points.shape == (60, 2)
    assert found.projected_is_test.sum() == 20
    mistakes = found.answers.mistakes()
    assert len(mistakes) == 20 - found.confusion.trace()
    assert [m["probability"] for m in mistakes] == sorted((m["probability"] for m in mistakes), reverse=True)


def test_the_curve_ends_with_the_classifier_of_all_pictures(model, small):
    drawn = draw(small, 6)
    points = curve(model, drawn, draws=2)
    assert [point.each for point in points] == [1, 2, 3]
    assert [len(point.accuracies) for point in points] == [2, 2, 1]
    assert points[-1].mean == pytest.approx(learn(model, drawn).accuracy, abs=0.051)  # the order of rows differs


def test_pretrained_features_beat_random_ones_by_far():
    """Three pictures of each class to learn from, with the real weights."""
    drawn = draw(open_collection("shapes"), 6)
    pretrained, random = (learn(load_model("efficientnet_lite0", kind), drawn) for kind in ("pretrained", "random"))
    assert pretrained.accuracy > random.accuracy + 0.2


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_the_projection_is_torchs_singular_value_decomposition(shape):
    x = np.random.default_rng(0).normal(size=shape) * np.linspace(3, 1, shape[1])
    found = project(x)
    centred = torch.from_numpy(x - x.mean(0))
    _, values, axes = torch.linalg.svd(centred, full_matrices=False)
    theirs = (centred @ axes[:2].T).numpy()
    assert np.allclose(np.abs(found.points), np.abs(theirs), atol=1e-9)
    assert found.explained == pytest.approx((values[:2] ** 2 / (values**2).sum()).tolist())
    assert np.allclose(found(x), found.points)


def test_steps_only_go_forward(model, small):
    from cnnlab_core.transfer import curve_steps, learn_steps

    for job in (learn_steps(model, draw(small, 6)), curve_steps(model, draw(small, 6), draws=1)):
        shares = [step.share for step in job]
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)
    assert finish(extract_steps(model, ())).shape == (0, 512)
    assert find_spec(MODEL).name == MODEL
