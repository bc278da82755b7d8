"""Eight visitors bring files at once that are small and ask for much: the memory of the server and its decoder."""

import io
import subprocess
import threading
import time

import numpy as np
from hostile import icon_of, jpeg_of_scans, plain_ppm, png_claiming, webp_canvas
from PIL import Image
from playwright.sync_api import FilePayload

from benchmarks.measure import TINY, Row, lab_server, open_browser, visit

MOST_MB = 1500
"""What these may take above the idle lab, at most."""

SAID = """(name) => [...document.querySelectorAll("[data-testid=stSidebar] :is(input, [role=alert])")]
    .some((found) => (found.value || found.innerText).includes(name))"""
"""Whether the chooser shows a picture, or says what is wrong with it."""


def _saved(mode: str, kind: str, **options: object) -> bytes:
    """A picture of as many megapixels as are allowed, in a file that is small."""
    file = io.BytesIO()
    picture = Image.fromarray(np.zeros((5000, 8000), np.float32)) if mode == "F" else Image.new(mode, (8000, 5000))
    picture.save(file, kind, **options)
    return file.getvalue()


def files() -> dict[str, bytes]:
    """Each by its name."""
    if TINY:
        return {"scans.jpg": jpeg_of_scans(200)}
    return {
        "canvas.webp": webp_canvas(13_000, 13_000),
        "icon.ico": icon_of(png_claiming(13_000, 13_000)),
        "scans.jpg": jpeg_of_scans(5000),
        "passes.jpg": jpeg_of_scans(90, (8000, 5000)),
        "plain.ppm": plain_ppm(1700),
        "float.tif": _saved("F", "TIFF", compression="tiff_adobe_deflate"),
        "large.webp": _saved("RGBA", "WEBP", lossless=True, method=0),
        "large.avif": _saved("RGB", "AVIF", speed=10),
    }


class _Peak(threading.Thread):
    """The largest resident memory of a process and its children together, in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._command = ["ps", "-o", "rss=", "-p", str(pid), "--ppid", str(pid)]
        self.over, self.peak = threading.Event(), 0.0

    def now(self) -> float:
        said = subprocess.run(self._command, capture_output=True, encoding="utf-8", check=False).stdout
        return sum(map(int, said.split())) / 1024

    def run(self) -> None:
        while not self.over.wait(0.05):
            self.peak = max(self.peak, self.now())


def measure() -> list[Row]:
    with open_browser() as browser, lab_server(environment={"OMP_NUM_THREADS": "1"}) as (address, pid):
        brought = files()
        pages = {name: browser.new_page() for name in brought}
        for page in pages.values():
            visit(page, f"{address}/convolution?conv_tab=On+a+photo")
            page.get_by_role("button", name="Use your own").click()
            page.locator("input[type=file]").first.wait_for(state="attached")
        time.sleep(2)
        watch = _Peak(pid)
        idle, begun = watch.now(), time.monotonic()
        watch.start()
        for name, page in pages.items():
            file: FilePayload = {"name": name, "mimeType": "image/png", "buffer": brought[name]}
            page.locator("input[type=file]").first.set_input_files(file)
        for name, page in pages.items():
            page.wait_for_function(SAID, arg=name, timeout=120_000)
        seconds = time.monotonic() - begun
        watch.over.set()
        watch.join()
    what = f"{len(brought)} hostile pictures at once"
    return [
        Row(f"{what}: memory above the idle lab's {idle:.0f} MB", watch.peak - idle, "allowed", MOST_MB, "MB"),
        Row(f"{what}: until the last is answered", seconds, "five minutes", 300, "s"),
    ]
