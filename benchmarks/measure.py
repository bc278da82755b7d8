"""What the benchmarks share: medians, a table, a server of the lab's own, a browser."""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from browser import FLAGS, Scripts, find_browser  # noqa: E402  the tests know where the browser is

TINY = bool(os.environ.get("CNNLAB_TINY_BENCHMARKS"))
"""Whether all sizes are as small as they can be: the figures mean nothing, but every line runs (`make test-all`)."""


@dataclass(frozen=True)
class Row:
    """One figure: ``value`` and its peer's, in the same unit, measured in the same run."""

    what: str
    value: float
    peer: str
    peer_value: float
    unit: str


def size(full: float, tiny: float) -> float:
    """A size of a benchmark: ``full``, or ``tiny`` where it is only tried out."""
    return tiny if TINY else full


def count(full: int, tiny: int = 1) -> int:
    """The same for what is counted."""
    return tiny if TINY else full


def print_table(rows: list[Row]) -> None:
    """The rows as a markdown table."""
    print("\n| figure | value | peer | its value | ratio |\n|---|---:|---|---:|---:|")
    for row in rows:
        ratio = row.value / row.peer_value
        print(
            f"| {row.what} | {row.value:.1f} {row.unit} | {row.peer} | {row.peer_value:.1f} {row.unit} | {ratio:.2f} |"
        )


def median_ms(work: Callable[[], object], repeats: int = 15, warm_up: int = 2) -> float:
    """The median time of ``work()`` in milliseconds."""
    return medians_ms(work, repeats=repeats, warm_up=warm_up)[0]


def medians_ms(*works: Callable[[], object], repeats: int = 15, warm_up: int = 2) -> list[float]:
    """The median time of each of several works in milliseconds; they take turns, so that all see the same machine."""
    times: list[list[float]] = [[] for _ in works]
    repeats, warm_up = count(repeats), count(warm_up, 0)
    for turn in range(warm_up + repeats):
        for work, found in zip(works, times, strict=True):
            begun = time.perf_counter()
            work()
            if turn >= warm_up:
                found.append(1000 * (time.perf_counter() - begun))
    return [statistics.median(found) for found in times]


@contextmanager
def lab_server(
    *modules: str,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    script: Path = ROOT / "app.py",
) -> Iterator[tuple[str, int]]:
    """A lab of its own: gives its address and process number. ``modules`` start it (with their arguments) instead of
    ``streamlit``; what it prints goes into ``log``. Another ``script`` may stand in for the lab."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    starter = [sys.executable, "-m", *(modules or ("streamlit",))]
    with (log or Path(os.devnull)).open("w") as output:
        process = subprocess.Popen(
            [*starter, "run", str(script), "--server.headless=true", f"--server.port={port}"],
            cwd=ROOT,
            env={**os.environ, "CNNLAB_DEVICE": "cpu", **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://localhost:{port}"
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError(
                        f"The server ended by itself: {log and log.read_text(encoding='utf-8')}"
                    ) from None
                time.sleep(0.1)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def bare_server(script: str) -> Iterator[str]:
    """Streamlit alone, with a page of its own: gives its address."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "bare.py")
        page.write_text(script, encoding="utf-8")
        with lab_server(script=page) as (address, _):
            yield address


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        yield browser
        browser.close()


def visit(page: Page, address: str) -> None:
    """Open an address of the lab and wait until its script has finished and everything is painted."""
    scripts = Scripts(page)
    page.goto(address)
    scripts.wait(0, seconds=120)


def resident_mb(pid: int) -> float:
    """The resident memory of a process in megabytes."""
    kilobytes = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, encoding="utf-8", check=True
    ).stdout
    return int(kilobytes) / 1024
