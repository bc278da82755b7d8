"""Every benchmark still runs: each is started once, with sizes so small that its figures mean nothing."""

import os
import re
import subprocess
import sys

import pytest
from patience import patience
from places import ROOT

from benchmarks.__main__ import NAMES


def started(tmp_path, *command):
    """What a benchmark prints."""
    environment = {**os.environ, "CNNLAB_TINY_BENCHMARKS": "1", "CNNLAB_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=patience(120),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.wide
@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_of_the_table(tmp_path, name):
    rows = re.findall(
        r"^\| .* \| ([\d.]+) \S+ \| .* \| ([\d.]+) \S+ \| [\d.]+ \|$", started(tmp_path, "benchmarks", name), re.M
    )
    assert rows
    assert all(float(value) >= 0 and float(peer) > 0 for value, peer in rows)


@pytest.mark.wide
def test_a_class_at_work(tmp_path):
    said = started(tmp_path, "benchmarks.load", "--sessions", "2", "--seconds", "5")
    assert "2 sessions for 5 s" in said
    assert "| tracebacks in the server's log | 0 |" in said


@pytest.mark.wide
def test_deep_and_what_two_of_its_parts_are_worth(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_RUNS", str(tmp_path / "runs"))
    command = ("benchmarks.deep", "--minutes", "0.1", "--seeds", "1", "--ablation", "--set", "alternate=false")
    said = started(tmp_path, *command)
    assert len(re.findall(r"^\| .* \| 1 \| [\d.]+% \|", said, re.M)) == 3
    assert len((tmp_path / "runs" / "deep.jsonl").read_text(encoding="utf-8").splitlines()) == 3
