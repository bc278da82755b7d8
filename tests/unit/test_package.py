"""The package: what it needs, what it says of itself, and the wheel as it is installed, far from the repository."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from patience import patience
from places import ROOT

import cnnlab_core
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.convolution.problem import PoolProblem
from cnnlab_core.recipes.adversarial import attack
from cnnlab_core.recipes.classifier import take_away
from cnnlab_core.recipes.convolution import pooling
from cnnlab_core.recipes.deepdream import atlas
from cnnlab_core.recipes.exercises import sheets
from cnnlab_core.recipes.feature_maps import maps
from cnnlab_core.recipes.network import glass
from cnnlab_core.recipes.notebook import notebook
from cnnlab_core.recipes.reading_text import write
from cnnlab_core.recipes.receptive_fields import stack
from cnnlab_core.recipes.report_card import card
from cnnlab_core.recipes.training import new_run
from cnnlab_core.recipes.transfer_learning import projection
from cnnlab_core.training import Config
from cnnlab_core.ui.contents import PAGES

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "cnnlab_core").rglob("*.py")}


def python(folder, *command, **variables):
    """What ``python command`` prints in a process of its own, in ``folder``."""
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=os.environ | variables, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- what it says of itself -----------------------------------------------------------------------------------


def test_a_notebook_completes_every_package_but_the_screen():
    packages = {path.parent.name for path in (ROOT / "cnnlab_core").glob("*/__init__.py")}
    assert set(dir(cnnlab_core)) == packages - {"ui"} | {"errors", "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'atacks'"):
        _ = cnnlab_core.atacks


@pytest.mark.parametrize("name", [name for name in dir(cnnlab_core) if name != "__version__"])
def test_every_name_that_a_package_offers_is_there(name):
    module = getattr(cnnlab_core, name)
    assert module is sys.modules[f"cnnlab_core.{name}"]
    offered = getattr(module, "__all__", [])
    assert [one for one in offered if getattr(module, one, None) is None] == []
    assert set(offered) <= set(dir(module))


def test_the_plain_name_computes_and_steps_iterate():
    """Of all jobs in the core, and none but these: what is made of another job, or of a page's run."""
    odd = {"relay", "meanwhile", "part", "filmed", "attack"}
    for name, path in SOURCES.items():
        if name.startswith("cnnlab_core/ui/"):
            continue
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(function, ast.FunctionDef) and not function.name.startswith("_") and function.returns:
                gives = ast.unparse(function.returns)
                if (gives.startswith("Generator[") and not gives.endswith(", None]")) or gives == "Attack":
                    assert function.name.endswith("_steps") or function.name in odd, (name, function.name)


def test_what_other_programs_print_is_read_as_utf_8():
    """Not in the code page of whatever machine it is (Windows, an ASCII locale)."""
    paths = [path for folder in ("cnnlab_core", "benchmarks", "tests") for path in (ROOT / folder).rglob("*.py")]
    assert len(paths) > 300
    assert not [path for path in paths if re.search("text=[T]rue|universal_[n]", path.read_text(encoding="utf-8"))]


def test_the_assets_are_found_in_one_place():
    """Nobody but ``runtime/assets`` reckons where a file of the lab lies."""
    found = [name for name, path in SOURCES.items() if "__file__" in path.read_text(encoding="utf-8")]
    assert found == ["cnnlab_core/runtime/assets.py"]


def test_what_is_imported_in_code_to_take_away_is_there():
    for path in [*(ROOT / "cnnlab_core" / "recipes").rglob("*.py"), *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = path.read_text(encoding="utf-8")
        for module, names in re.findall(r"from (cnnlab_core[\w.]*) import (\w+(?:, \w+)*)?", text):
            there = import_module(module)
            assert [name for name in names.split(", ") if name and not hasattr(there, name)] == [], (path, module)


# --- what it needs --------------------------------------------------------------------------------------------


def pins():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(one.name): one for one in map(Requirement, filter(re.compile(r"\w").match, lines))}


def test_the_package_asks_for_what_the_lab_runs_on():
    """``requirements.txt`` has one exact version, and the package's range holds it, of each that either names."""
    ranges = [Requirement(one) for one in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["app"]]]
    assert {canonicalize_name(one.name) for one in ranges} == set(pins())
    for one in ranges:
        (pin,) = pins()[canonicalize_name(one.name)].specifier
        assert pin.operator == "=="
        assert one.specifier.contains(pin.version), one


# --- the wheel ------------------------------------------------------------------------------------------------

NO_STREAMLIT = "raise ModuleNotFoundError('No module named streamlit, as far as this test goes', name='streamlit')"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the wheel, made from the source distribution, and in ``site`` what pip unpacks of it.

    In ``without`` is a Streamlit that isn't there.
    """
    folder = tmp_path_factory.mktemp("package")
    python(ROOT, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder))
    (source,) = folder.glob("*.tar.gz")
    python(folder, "-m", "tarfile", "--extract", str(source), str(folder))
    python(folder / source.name[:-7], "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    (wheel,) = folder.glob("*.whl")
    python(folder, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel))
    (folder / "without").mkdir()
    (folder / "without" / "streamlit.py").write_text(NO_STREAMLIT, encoding="utf-8")
    return folder


def environment(installed, folder, *, streamlit=False):
    """What a process finds where the package is installed, in a folder far from the repository."""
    places = [installed / "site"] if streamlit else [installed / "without", installed / "site"]
    return {
        "PYTHONPATH": os.pathsep.join(map(str, places)),
        "CNNLAB_CACHE": str(folder / "cache"),
        "CNNLAB_RUNS": str(folder / "runs"),
        "CNNLAB_DEVICE": "cpu",
    }


def elsewhere(installed, folder, *command, streamlit=False):
    """What ``python command`` prints there."""
    return python(folder, *command, **environment(installed, folder, streamlit=streamlit))


def test_the_wheel_holds_the_package_and_all_its_assets(installed):
    (wheel,) = installed.glob("*.whl")
    assert wheel.name == f"cnnlab-{cnnlab_core.__version__}-py3-none-any.whl"
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assets = {f"cnnlab_core/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "assets").rglob("*.*")}
    assert held == set(SOURCES) | assets | {"cnnlab_core/py.typed"}


def imports(screen):
    """Python that imports every module of the screen, or every other one."""
    names = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in SOURCES]
    names = [name for name in names if name.startswith("cnnlab_core.ui") == screen and "__main__" not in name]
    return "".join(f"import {name}\n" for name in names)


def test_the_screen_is_imported_with_streamlit(installed, tmp_path):
    """It reads its scripts and styles meanwhile."""
    place = elsewhere(installed, tmp_path, "-c", imports(True) + "print(cnnlab_core.__file__)", streamlit=True)
    assert Path(place.strip()).is_relative_to(installed)


NETWORK = ("cifar10_standard", "pretrained")
RECIPES = {
    "network": glass.code("glass_digits", "pretrained", 0, {}),
    "classifier": take_away.code(*NETWORK, "chelsea", 3, 1.0),
    "feature_maps": maps.code(*NETWORK, "chelsea", "conv1", 0),
    "receptive_fields": stack.code("c3,m2s2", 16),
    "convolution": pooling.code(PoolProblem("max", (2, 2), np.eye(4), np.ones((2, 2)), {})),
    "adversarial": attack.code(
        *NETWORK, "chelsea", plan=Plan("PGD", norm="linf", eps=8 / 255, step_size=2 / 255, steps=3), target=None
    ),
    "deepdream": atlas.code("efficientnet_lite0", "pretrained"),
    "training": new_run.code(Config(data="shapes", net="stack", stack="c4k3s2,relu", limit=320, epochs=1)),
    "transfer_learning": projection.code(*NETWORK, "shapes", 6),
    "reading_text": write.code("names_lstm", of_run=False, prompt="", arguments={"length": 9}, data="", held_out=0.1),
    "report_card": card.code([("cifar10_adversarial", {"data": "", "attacked": 500, "eps": 8 / 255, "seed": 0})]),
    "exercises": sheets.code(
        ["conv2d"], seed=1, level=1, each=1, sheets=1, variants=2, solutions=True, lab="", file="sheet"
    ),
}
"""Of each page, one that is soon done."""
ALONE = f"""
import json, runpy, sys
import cnnlab_core
seen = {{"place": cnnlab_core.__file__, "first": list(sys.modules)}}
cnnlab_core.attacks.pgd
seen["then"] = list(sys.modules)
for name in sys.argv[1:]:  # cell by cell, without Jupyter
    names = {{}}
    for cell in json.load(open(name, encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
{imports(False)}
json.dump(seen | {{"last": list(sys.modules)}}, open("seen.json", "w"))
print("The runs here:")
sys.argv = ["cnnlab_core.training", "list"]
runpy.run_module("cnnlab_core.training", run_name="__main__")
"""
"""One process for all that goes on where there is no Streamlit: it takes two seconds to import torch."""


@pytest.fixture(scope="module")
def alone(installed, tmp_path_factory):
    """The folder in which it ran the notebooks, what it had imported by when, and what it printed."""
    folder = tmp_path_factory.mktemp("alone")
    for page, code in RECIPES.items():
        (folder / f"{page}.ipynb").write_text(notebook(page, code, "http://lab"), encoding="utf-8")
    printed = elsewhere(installed, folder, "-c", ALONE, *(f"{page}.ipynb" for page in RECIPES))
    return folder, json.loads((folder / "seen.json").read_text(encoding="utf-8")), printed


def test_importing_the_package_is_cheap_and_all_but_the_screen_needs_no_streamlit(installed, alone):
    _, seen, _ = alone
    assert Path(seen["place"]).is_relative_to(installed)
    assert not {*seen["first"]} & {"torch", "numpy", "streamlit", "plotly", "cnnlab_core.attacks"}
    assert "torch" in seen["then"]
    assert "streamlit" not in seen["last"]


@pytest.mark.wide
@pytest.mark.parametrize("page", RECIPES)
def test_jupyter_runs_the_notebook_of_every_page(installed, tmp_path, page):
    """In a kernel of its own, which finds nothing but the package."""
    read = nbformat.reads(notebook(page, RECIPES[page]), as_version=4)
    client = NotebookClient(read, timeout=int(patience(300)), resources={"metadata": {"path": tmp_path}})
    done = client.execute(env=os.environ | environment(installed, tmp_path))
    assert any(cell.get("outputs") or page == "exercises" for cell in done.cells)
    assert "sheet.html" in os.listdir(tmp_path) or page != "exercises"


def test_notebooks_of_every_page_run_where_there_is_only_the_package(alone):
    """A network that comes with the lab is attacked, a sheet is printed, the atlas is at hand, and a run is trained."""
    folder, _, printed = alone
    assert {*RECIPES} == {page.name for page in PAGES} - {"teaching"}
    assert (folder / "adversarial.png").is_file()
    assert "@page" in (folder / "sheet.html").read_text(encoding="utf-8")
    assert printed.count("(112, 112)") + printed.count("(160, 160)") == 30  # deep layers are drawn larger
    assert not (folder / "cache" / "atlas").exists()  # nothing of it was computed
    (finals,) = (folder / "runs").glob("*/finals.json")
    runs = printed.partition("The runs here:")[2]
    assert finals.parent.name in runs
    assert "cifar10_standard" in runs  # one that comes with the lab


@pytest.mark.wide
def test_the_pages_of_the_api_are_built_and_know_every_name():
    command = [sys.executable, "-m", "docs.make_api"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert "Warn" not in built.stderr
    assert 'id="train_steps"' in (ROOT / "docs" / "api" / "cnnlab_core" / "training.html").read_text(encoding="utf-8")
