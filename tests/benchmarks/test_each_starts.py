"""Every benchmark still runs: each is started once, with sizes so small that its figures mean nothing."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from patience import patience
from places import ROOT

from benchmarks import gpu, measure
from benchmarks.__main__ import NAMES, main


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


def test_the_gpu_s_table_is_rehearsed_on_the_cpu(tmp_path, monkeypatch, capsys):
    for name in ("CUBLAS_WORKSPACE_CONFIG", "CNNLAB_DEVICE", "CNNLAB_RUNS", "CNNLAB_DATA"):  # it sets them
        monkeypatch.setenv(name, os.environ.get(name, ""))
    page = tmp_path / "gpu.md"
    page.write_text(f"# On a GPU\n\n{gpu.HEADING}\n\nIt is still to come.\n", encoding="utf-8")
    assert gpu.main(["--rehearse", "--to", str(page)]) == 0, capsys.readouterr().out
    written = page.read_text(encoding="utf-8")
    assert "still to come" not in written
    rows = re.findall(r"^\| (.+) \| (.+) \| (.*) \|$", written, re.M)
    assert sum("same seed twice" in what and found == "the same bytes" for what, found, _ in rows) == 4
    assert any("out of memory" in what and "tried again" in found for what, found, _ in rows)


def test_a_part_that_breaks_is_a_row_and_the_others_go_on(monkeypatch):
    def broken(size):
        """What breaks: here, at once."""
        yield gpu.Row("first", "well")
        raise RuntimeError("CUDA error: misaligned | address")

    monkeypatch.setattr(gpu, "PARTS", (broken, lambda size: [gpu.Row("next", "well")]))
    rows, whole = gpu.measured(gpu.REHEARSED)
    assert not whole
    assert [(row.what, row.found) for row in rows] == [("first", "well"), ("What breaks", "broke"), ("next", "well")]
    assert rows[1].beside == "RuntimeError: CUDA error: misaligned / address"


def test_a_benchmark_that_breaks_leaves_the_others_their_table(monkeypatch, capsys):
    def measured(name):
        return [measure.Row(name, 2.0, "a peer", 1.0, "ms")] if name == "benchmarks.dream" else 1 / 0

    monkeypatch.setattr(
        "importlib.import_module", lambda name: SimpleNamespace(__doc__="What it is.", measure=lambda: measured(name))
    )
    with pytest.raises(SystemExit, match=r"Nothing was measured by: card\."):
        main(("card", "dream"))
    said = capsys.readouterr()
    assert "| benchmarks.dream | 2.0 ms | a peer | 1.0 ms | 2.00 |" in said.out
    assert "ZeroDivisionError" in said.err


def test_the_page_says_where_the_table_goes():
    assert gpu.HEADING in (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")


@pytest.mark.wide
def test_deep_and_what_two_of_its_parts_are_worth(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_RUNS", str(tmp_path / "runs"))
    command = ("benchmarks.deep", "--minutes", "0.1", "--seeds", "1", "--ablation", "--set", "alternate=false")
    said = started(tmp_path, *command)
    assert len(re.findall(r"^\| .* \| 1 \| [\d.]+% \|", said, re.M)) == 3
    assert len((tmp_path / "runs" / "deep.jsonl").read_text(encoding="utf-8").splitlines()) == 3
