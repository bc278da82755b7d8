"""What comes from others: names, archives, descriptions and checkpoints. Nothing of it runs, leads out or breaks."""

import ast
import builtins
import hashlib
import io
import json
import pickle
import random
import struct
import zipfile
from contextlib import ExitStack, suppress
from itertools import islice, product
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile import bit_flipped, zip_of_entries
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import ROOT
from safetensors.torch import save
from training_runs import lab_folders, tiny  # noqa: F401

from cnnlab_core.data import import_pictures, import_pictures_steps, list_data, open_data
from cnnlab_core.data.own import _in_zip, own_folder, own_path
from cnnlab_core.errors import LabError, RunError, WeightsError
from cnnlab_core.images import sample_images
from cnnlab_core.models import load_model
from cnnlab_core.models.build import read_checkpoint
from cnnlab_core.models.exports import exported_specs, exports_folder, write_export
from cnnlab_core.models.spec import WeightsFile
from cnnlab_core.models.weights import find_weights
from cnnlab_core.models.zoo import find_spec
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training import create_run, find_run, list_runs
from cnnlab_core.training.checkpoints import load_checkpoint
from cnnlab_core.training.nets import build_net
from cnnlab_core.training.runs import Run, queue, run_of
from cnnlab_core.training.snapshots import read_filters, read_mistakes
from cnnlab_core.ui.show import without_paths

PICTURE = sample_images()["chelsea"].content
EVIL = "<img src=x onerror=alert(1)> ![x](http://evil.example) =cmd()"
NAMES = st.sampled_from(
    ["../x", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "own:../x", "run:../x", "x\0y", "CON", "~", "\ud800", EVIL]
) | st.text(max_size=60)
LAB = [*(ROOT / "cnnlab_core").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
SOURCES = [*LAB, *(ROOT / "benchmarks").glob("*.py")]


# --- the code itself ------------------------------------------------------------------------------------------


def calls(path):
    """Every call in a file: its name with dots, and the names and constants of its keywords."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            constants = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
            yield ast.unparse(node.func), constants, [k.arg for k in node.keywords]


def test_no_code_runs_what_it_reads():
    for path in SOURCES:
        runs_nothing(path)


def runs_nothing(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not imported & {"joblib", "shelve", "marshal", "dill", "cloudpickle", "yaml"}, path
    for name, constants, _ in calls(path):
        last = name.split(".")[-1]
        assert name not in ("eval", "exec", "compile", "__import__"), (path, name)
        assert not (name.startswith("pickle.") and last in ("load", "loads", "Unpickler")), (path, name)
        if name == "torch.load":
            assert constants.get("weights_only") is True, path
        if name in ("np.load", "numpy.load"):
            assert constants.get("allow_pickle") is False, path
        if name.startswith("subprocess."):
            assert not constants.get("shell"), path
        assert name not in ("os.system", "os.popen", "torch.hub.load", "tempfile.mktemp"), (path, name)


def test_text_in_files_is_utf_8_on_every_machine():
    for path in LAB:
        for name, constants, keywords in calls(path):
            if name.endswith((".read_text", ".write_text")) or name == "open" or constants.get("text"):
                assert "encoding" in keywords, (path, name)


HTML = {
    ("cnnlab_core/ui/deepdream/settings.py", "st.html"),  # a style of the presets' keys, with the lab's own pictures
    ("cnnlab_core/ui/frame.py", "st.html"),  # the lab's own style sheet, a file, and one link within the page
    ("cnnlab_core/ui/lesson.py", "st.html"),  # a style of keys that are letters, digits, - and _ (see tests/pages)
    ("cnnlab_core/ui/projector.py", "st.html"),  # another style sheet of the lab's
    ("cnnlab_core/ui/runner.py", "place.html"),  # a style of a container's key, which stands in the code
    ("cnnlab_core/ui/show.py", "st.html"),  # a style of a container's height; the lab's own pictures, described
    ("cnnlab_core/ui/teacher.py", "st.html"),  # a script with a cookie of digits, which keeps a teacher's key
    ("cnnlab_core/ui/tabs.py", "st.html"),  # a style of the keys that a tab's code names
}
"""The only HTML that isn't Streamlit's."""


def test_html_is_made_nowhere_else():
    found = set()
    for path in SOURCES:
        for name, _, keywords in calls(path):
            if name.split(".")[-1] in ("html", "iframe") or "unsafe_allow_html" in keywords:
                found.add((str(path.relative_to(ROOT)), name))
    assert found == HTML


def test_front_ends_write_text_only():
    ours = {path for path in (ROOT / "assets").rglob("*.js") if path.name != "plotly-cartesian.min.js"}
    for path in ours:
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "fetch(",
        ):
            assert word not in path.read_text(encoding="utf-8"), (path, word)


# --- names that become paths ----------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES)
def test_a_name_never_leads_out_of_its_folder(name, lab_folders):  # noqa: F811
    places = []
    for make in (
        lambda: own_path(name),
        lambda: own_path(name.removeprefix("own:")),
        lambda: run_of(tiny(), name),
        lambda: create_run(tiny(), "x", token=name).folder,
        lambda: find_weights(find_spec(name)),
        lambda: find_weights(find_spec(f"run:{name}")),
        lambda: find_run(name).folder,
        lambda: open_data(f"own:{name}", fetch=False),
        lambda: open_data(name, fetch=False) if name != "shapes" else None,
    ):
        try:
            place = make()
        except LabError as problem:
            assert str(problem)
        else:
            places.append(place)
    for place in places:
        if isinstance(place, Path):
            inside = place.resolve()
            assert inside.is_relative_to(lab_folders) or inside.is_relative_to(ROOT / "assets"), name


@given(name=NAMES)
def test_a_runs_name_is_one_line_of_text(name):
    try:
        run = create_run(tiny(), name)
    except LabError:
        return
    assert run.folder.parent == Run(run.folder).folder.parent == run.folder.parents[0]
    assert run.about.name.isprintable()
    run.delete()


# --- archives of pictures -------------------------------------------------------------------------------------


def zipped(files, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as packed:
        for name, content in files:
            packed.writestr(name, content)
    return buffer.getvalue()


def class_folders(*names):
    return [(f"{name}/{index}.jpg", PICTURE) for name in names for index in range(6)]


@pytest.mark.parametrize(
    "folders",
    [
        ("../../evil", "/etc"),
        ("..", "../.."),
        ("C:\\Windows", "\\\\server\\share"),
        ("CON", "NUL"),
        (EVIL, "<script>"),
        ("cats", "Cats"),
        ("a" * 500, "b" * 500),
        ("\u202eevil", "evil\u2066"),
    ],
)
def test_whatever_class_folders_are_called_nothing_lies_outside(lab_folders, folders):  # noqa: F811
    before = {path for path in lab_folders.rglob("*") if path.is_file()}
    try:
        dataset = import_pictures(zipped(class_folders(*folders)), "named", side=16)
    except LabError as problem:
        assert "class" in str(problem)
        return
    assert {path for path in lab_folders.rglob("*") if path.is_file()} - before == {own_path("named")}
    assert len(dataset.classes) == 2
    assert all(name.isprintable() and len(name) <= 60 for name in dataset.classes)


def test_links_in_folders_and_zips_lead_nowhere(lab_folders):  # noqa: F811
    secret = lab_folders / "secret.jpg"
    secret.write_bytes(PICTURE)
    folder = lab_folders / "pictures"
    for name, content in class_folders("a", "b"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "a" / "link.jpg").symlink_to(secret)
    (folder / "c").symlink_to(lab_folders, target_is_directory=True)
    dataset = import_pictures(folder, "linked", side=16)
    assert dataset.classes == ("a", "b")
    assert len(dataset.train) + len(dataset.read_test()) == 12
    link = zipfile.ZipInfo("a/link.jpg")
    link.external_attr = 0o120777 << 16
    dataset = import_pictures(zipped([*class_folders("a", "b"), (link, str(secret))]), "zipped", side=16)
    assert len(dataset.train) + len(dataset.read_test()) == 12
    assert "link.jpg" in dataset.notes[0]


def test_bombs_and_crowds_are_refused_quickly(monkeypatch):
    files = [*class_folders("a", "b")[:-1], ("b/bomb.png", bytes(40_000_001))]
    with pytest.raises(LabError, match="larger than 40 MB"):
        import_pictures(zipped(files, compression=zipfile.ZIP_DEFLATED), "bomb")
    monkeypatch.setenv("CNNLAB_SET_PICTURES", "2000")
    crowd = zipped([(f"{i % 300}/{i}.png", b"") for i in range(2001)])
    with pytest.raises(LabError, match="more than 2000"):
        import_pictures(crowd, "crowd")
    classes = zipped([(f"{i}/{j}.png", b"") for i in range(300) for j in range(2)])
    with pytest.raises(LabError, match="300 class folders"):
        import_pictures(classes, "classes")


FILES = [(f"{c}/{i}.bmp", b"BM" + bytes(80)) for c in "ab" for i in range(6)]
METHODS = {name: getattr(zipfile, f"ZIP_{name}") for name in ("STORED", "DEFLATED", "BZIP2", "LZMA")}


@pytest.mark.fault("A bit of a zip is flipped, or the zip is cut short", "A data set with notes, or a sentence")
@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_zip_is_a_sentence(method, monkeypatch):
    content, chance = zipped(FILES, compression=METHODS[method]), random.Random(method)
    for _ in range(600):
        with suppress(LabError), ExitStack() as opened:
            for file in finish(_in_zip(bit_flipped(content, chance), opened))[0]:
                with suppress(LabError):
                    file.read()
    for damaged in (bit_flipped(content, chance), *(content[: part * len(content) // 20] for part in range(20))):
        with pytest.raises(LabError):  # none of these is a picture
            import_pictures(damaged, "damaged", side=16)


WORDS = ["".join(letters) for letters in islice(product("abcdefghijklmnop", repeat=4), 9000)]
HOSTILE = {
    "a class for each picture": ([f"k{i}/p.png" for i in range(30_000)], "30,000 folders"),
    "parts for each picture": (
        [f"{part}_{word}/x.png" for word in WORDS for part in ("train", "test")],
        "class folder",
    ),
    "classes that look alike": ([f"{chr(0x200B) * i}a/p.png" for i in range(1, 400)], "399 class folders"),
    "folders in folders": (["a/" * 30_000 + "x.png"], "more than 50 folders"),
    "lists": ([*(f"{i}/annotations.txt" for i in range(11)), "train/a/x.png", "val/b/y.png"], "11 lists"),
}


@pytest.mark.fault("A zip of strange folders would take minutes to sort", "A sentence; Stop is heard on the way")
@pytest.mark.parametrize("what", HOSTILE)
def test_folders_without_end_are_sorted_at_once_or_refused(what, monkeypatch):
    names, says = HOSTILE[what]
    steps = import_pictures_steps(zipped([(name, b"") for name in names]), "folders")
    next(steps)  # before anything is sorted: here it can be stopped
    with pytest.raises(LabError, match=says):
        finish(steps)


def test_a_zip_of_many_entries_is_refused_by_its_directory(monkeypatch):
    with pytest.raises(LabError, match="more than 100,000 files"):
        import_pictures(zip_of_entries(400_000), "many")
    monkeypatch.setenv("CNNLAB_ZIP_ENTRIES", "12")
    with pytest.raises(LabError, match="12 files"):
        import_pictures(zipped([*FILES, ("a/one more.bmp", b"")]), "many")
    with pytest.raises(LabError, match="0 pictures could be read"):  # it is read; these are no pictures
        import_pictures(b"before" + zipped(FILES), "none", side=16)


def test_files_that_are_no_data_sets_are_not_offered(lab_folders):  # noqa: F811
    for name in ("a b", "..x", '"; import os #', "X"):
        (own_folder() / f"{name}.safetensors").write_bytes(b"")
    assert [source.name for source in list_data()] == ["cifar10", "shapes", "digits", "marked_shapes", "own:few"]


# --- networks of others ---------------------------------------------------------------------------------------

CLASSES = [f"class {index}" for index in range(4)]


def exported(name="net", about=None, state=None):
    """Put a network into the exports as somebody may have copied it there."""
    network = build_net("stack", 4, 16, "c2k3,relu")
    weights = save(network.state_dict() if state is None else state)
    facts = {
        "title": "A net",
        "network": {"net": "stack", "stack": "c2k3,relu"},
        "preprocessing": {"side": 16, "mean": [0.5] * 3, "std": [0.2] * 3},
        "classes": CLASSES,
        "parameters": 66,
        "megabytes": 0.1,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    write_export(exports_folder(), name, weights, facts | (about or {}))


def offered():
    return {spec.name: spec for spec in exported_specs() if spec.name.startswith("run:")}


def test_a_good_network_of_others_is_offered():
    exported()
    model = load_model("run:net")
    assert model(torch.rand(1, 3, 16, 16)).shape == (1, 4)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(EVIL),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ODD = [10**400, -1, 0, 1e308, float("nan"), float("inf"), EVIL * 10_000, [], {}, "../../x", ["x"] * 100_000, None, True]
PLACES = [
    "title",
    "network",
    "preprocessing",
    "classes",
    "parameters",
    "megabytes",
    "sha256",
    "scores",
    "about",
    "licence",
]
INSIDE = st.fixed_dictionaries(
    {}, optional={name: JSON | st.sampled_from(ODD) for name in ("side", "mean", "std", "net", "stack", "accuracy")}
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(about=st.dictionaries(st.sampled_from(PLACES), JSON | st.sampled_from(ODD) | INSIDE, min_size=1))
def test_a_strange_description_is_not_offered_or_is_harmless(about, lab_folders):  # noqa: F811
    exported("strange", about)
    for spec in offered().values():
        assert len(spec.title) <= 100
        assert all(text.isprintable() for text in (spec.title, spec.about, spec.licence, *spec.classes))
        assert 8 <= spec.preprocessing.crop <= 512
        assert f"{spec.parameters / 1e6:.1f} {spec.weights.megabytes:.0f} {spec.top1:.1f}"
        assert spec.weights.folder == str(exports_folder())
        try:
            load_model(spec.name)
        except LabError as problem:
            assert str(problem)


def test_a_description_that_is_no_json_or_endless_is_not_offered():
    exported("good")
    for name, content in (
        ("deep", "[" * 200_000),
        ("deep2", '{"a":' * 100_000),
        ("large", '{"form": "' + "x" * 2_000_000),
        ("digits", "9" * 10_000),
        ("binary", "\ud800"),
        ("list", "[]"),
    ):
        (exports_folder() / f"{name}.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    for name in ('x"); import os  #', "a b", "-x", ".hidden"):
        exported(name)
    assert set(offered()) == {"run:good"}


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({}, "missing"),
        ({"conv1.weight": torch.zeros(2, 3, 3, 3)}, "missing"),
        ({"conv1.weight": torch.zeros(2, 3, 5, 5), "conv1.bias": torch.zeros(2)}, "shape"),
        ({"conv1.weight": torch.zeros(2, 3, 3, 3, dtype=torch.int64), "conv1.bias": torch.zeros(2)}, "int64"),
        ({"conv1.weight": torch.zeros(2, 3, 3, 3, dtype=torch.bool), "conv1.bias": torch.zeros(2)}, "bool"),
    ],
)
def test_weights_that_do_not_fit_are_a_sentence(state, says):
    rest = {"classifier.weight": torch.zeros(4, 2), "classifier.bias": torch.zeros(4)}
    exported(state=rest | state)
    with pytest.raises(WeightsError, match=says):
        load_model("run:net")


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:4], lambda c: struct.pack("<Q", 2**62) + c[8:]])
def test_damaged_weights_are_a_sentence(damage):
    exported()
    path = exports_folder() / "net.safetensors"
    content = damage(path.read_bytes())
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="sha256"):
        load_model("run:net")
    about = json.loads((exports_folder() / "net.json").read_text())
    (exports_folder() / "net.json").write_text(json.dumps(about | {"sha256": hashlib.sha256(content).hexdigest()}))
    with pytest.raises(WeightsError, match="damaged"):
        load_model("run:net")


def test_labels_are_text_in_figures():
    figure = class_bars(["<a href='http://evil.example'>x</a>", "b"], [0.5, 0.5], percent=True)
    assert "<" not in figure.to_json().replace("\\u003c", "<").replace("&lt;", "")


# --- runs of others -------------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    about=JSON | st.fixed_dictionaries({"name": JSON, "owner": JSON, "created": JSON | st.sampled_from(ODD)}),
    config=JSON | st.dictionaries(st.sampled_from(["data", "epochs", "stack", "net", "batch"]), JSON),
)
def test_strange_runs_are_passed_over(about, config, lab_folders):  # noqa: F811
    good = create_run(tiny(), "good", token="good")
    folder = good.folder.with_name("strange")
    folder.mkdir(exist_ok=True)
    (folder / "about.json").write_text(json.dumps(about))
    (folder / "config.json").write_text(json.dumps(config))
    for run in list_runs():
        assert run.about.name.isprintable()
        assert run.state().name
    assert good.id in {run.id for run in list_runs()}


def test_a_run_that_is_called_like_code_is_not_offered():
    run = create_run(tiny(), "good")
    run.folder.rename(run.folder.with_name('x"); import os  #'))
    assert list_runs() == []


# --- pickles --------------------------------------------------------------------------------------------------


class Payload:
    """What an attacker would pickle: opening it would leave a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return builtins.exec, (f"open({str(self.mark)!r}, 'w').close()",)


def pickled(mark):
    buffer = io.BytesIO()
    torch.save({"network": Payload(mark)}, buffer)
    return [buffer.getvalue(), pickle.dumps(Payload(mark)), pickle.dumps({"a": Payload(mark)}, protocol=0)]


def test_a_checkpoint_that_would_run_code_is_refused_and_nothing_runs(tmp_path):
    mark = tmp_path / "ran"
    run = create_run(tiny(), "attacked")
    run.checkpoints.mkdir()
    for content in pickled(mark):
        digest = hashlib.sha256(content).hexdigest()[:32]
        for role in ("last", "best"):
            (run.checkpoints / f"{role}-000000001-{digest}.pt").write_bytes(content)
        assert load_checkpoint(run.checkpoints) is None
        assert load_checkpoint(run.checkpoints, "best") is None
        path = tmp_path / "weights.pth"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="refused"):
            read_checkpoint(path, WeightsFile("weights.pth", 0, None))
    assert not mark.exists()
    pickle.loads(pickled(mark)[1])  # noqa: S301  the payload is a real one
    assert mark.exists()


def test_arrays_that_hold_objects_are_refused():
    run = create_run(tiny(), "attacked")
    mark = run.folder / "ran"
    run.filters.mkdir()
    for path in (run.folder / "mistakes.npy", run.filters / "000000000.npy"):
        np.save(path, np.array([Payload(mark)], dtype=object), allow_pickle=True)
    for read in (read_mistakes, lambda run: read_filters(run, 0)):
        with pytest.raises(RunError):
            read(run)
    assert not mark.exists()
    assert queue("cpu").names() == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("The disk with /srv/lab/runs is full.", "The disk with CNNLAB_RUNS is full."),
        ("The file /srv/lab/runs/exports/a.json can't be", "The file CNNLAB_RUNS/exports/a.json can't be"),
        ("Put it into /root/.cache/torch/hub/a.pth.", "Put it into a.pth."),
        (r"“C:\lab\data\a.txt” can't be read.", "“a.txt” can't be read."),
        (
            "Fetch https://a.example/b/c/d.pth for 8/255 and 1/2.",
            "Fetch https://a.example/b/c/d.pth for 8/255 and 1/2.",
        ),
    ],
)
def test_a_problem_on_a_page_names_no_folder_of_the_server(monkeypatch, said, shown):
    monkeypatch.setenv("CNNLAB_RUNS", "/srv/lab/runs")
    assert without_paths(said) == shown
