"""A changed control of the convolution page at its largest size, against a page with nothing on it."""

import os

import numpy as np
from streamlit.testing.v1 import AppTest

from benchmarks.measure import ROOT, Row, median_ms
from cnnlab_core.convolution import write_planes

TABS = ("1-D", "2-D", "Pooling", "Backward")


def measure() -> list[Row]:
    os.environ["CNNLAB_DEVICE"] = "cpu"
    from cnnlab_core.ui.convolution.presets import MOST_CELLS, MOST_CHANNELS, MOST_KERNEL

    steps = iter(range(100_000))
    rng = np.random.default_rng(0)

    def planes(channels: int, shape: tuple[int, ...]) -> str:
        return write_planes(rng.integers(-9, 10, (channels, *shape)).astype(float))

    empty = AppTest.from_string("import streamlit as st\nst.slider('x', 0, 10, 5)").run()
    idle = median_ms(lambda: empty.slider[0].set_value(next(steps) % 10).run())
    rows = []
    for tab in TABS:
        page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        page.switch_page("pages/convolution.py")
        page.query_params["conv_tab"] = tab
        dims = 1 if tab == "1-D" else 2
        side, kernel, most = MOST_CELLS[dims], MOST_KERNEL[dims], MOST_CHANNELS
        prefix = "conv_pool" if tab == "Pooling" else f"conv_{dims}"
        page.query_params[f"{prefix}_x"] = planes(most, side)
        if tab != "Pooling":
            page.query_params[f"{prefix}_w"] = planes(most * most, kernel)
        page.run()
        assert not page.exception
        dilation = page.slider(key=f"{prefix}_dilation")
        taken = median_ms(lambda slider=dilation: slider.set_value(1 + next(steps) % 2).run())  # type: ignore[misc]
        size = f"{most} channels of {' × '.join(map(str, side))}"
        rows.append(Row(f"convolution page, {tab}: {size}, dilation moved", taken, "page with one slider", idle, "ms"))
    return rows
