"""Servers as some are set up: folders that can't be written, and a locale that knows no letters but ASCII's."""

import ctypes
import os
import subprocess
import sys

import pytest
from patience import patience
from places import ROOT
from training_runs import tiny

from cnnlab_core.training import create_run
from cnnlab_core.training.locks import device_key, held
from cnnlab_core.training.runs import queue
from cnnlab_core.ui.contents import PAGES

FEW = ["training", "transfer_learning"]
SMALL = "model=cifar10_standard"
"""A network that answers soon."""
REST = [page.name for page in PAGES if page.name not in FEW]


def without_rights():
    """Root may write everywhere: not any more."""
    if sys.platform == "linux" and os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE


@pytest.mark.fault("The lab's folders can't be written", "Every page opens, and says that nothing is kept")
@pytest.mark.parametrize("pages", [FEW, pytest.param(REST, marks=pytest.mark.wide)], ids=["few", "rest"])
def test_pages_open_in_an_ascii_locale_and_in_folders_that_cannot_be_written(tmp_path, monkeypatch, pages):
    folders = {f"CNNLAB_{name}": str(tmp_path / name.lower()) for name in ("RUNS", "CACHE", "DATA", "WEIGHTS")}
    for name, folder in folders.items():
        os.makedirs(folder)
        monkeypatch.setenv(name, folder)
    run = create_run(tiny(data="shapes"), "somebody's")
    with held(run.lock, 1, ""), queue(device_key()).place("gone"):
        pass
    written = [path for path in tmp_path.rglob("*") if path.is_dir() or path.suffix == ".lock"]
    for path in written:
        path.chmod(0o555)
    locale = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "OMP_NUM_THREADS": "1"}
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    try:
        said = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "bare_environment.py"), *(f"{page}?{SMALL}" for page in pages)],
            env={**os.environ, **folders, **locale, "PYTHONPATH": paths, "CNNLAB_DEVICE": "cpu"},
            preexec_fn=without_rights,
            capture_output=True,
            encoding="utf-8",
            timeout=patience(120),
        ).stdout
    finally:
        for path in written:
            path.chmod(0o755)
    assert [page for page in pages if f"{page} opened" not in said or f"{page} raised" in said] == [], said
    if pages is FEW:
        assert "training says Read-only: nothing is kept in this lab's folder of runs." in said
        assert "transfer_learning says Read-only: this lab's folder of data sets can't be written" in said
