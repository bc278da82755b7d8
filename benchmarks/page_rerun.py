"""A rerun of the classifier page against the bare forward pass, and against a page with nothing on it."""

import os

from streamlit.testing.v1 import AppTest

from benchmarks.measure import ROOT, Row, median_ms


def measure() -> list[Row]:
    os.environ["CNNLAB_DEVICE"] = "cpu"
    os.chdir(ROOT)
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    page.switch_page("pages/classifier.py").run()
    empty = AppTest.from_string("import streamlit as st\nst.slider('x', 0, 10, 5)").run()

    import torch

    from cnnlab_core.images import open_image, sample_images
    from cnnlab_core.models import load_model

    model = load_model("efficientnet_lite0")
    x = model.prepare(open_image(sample_images()["chelsea"].content))

    def forward() -> None:
        with torch.no_grad():
            model(x)

    temperature = page.slider(key="classifier_t")
    steps = iter(range(10_000))

    def slider() -> None:
        temperature.set_value(0.5 + 0.1 * (next(steps) % 40)).run()

    def nothing() -> None:
        empty.slider[0].set_value(next(steps) % 10).run()

    bare, kept, idle = median_ms(forward), median_ms(slider), median_ms(nothing)

    from cnnlab_core.ui import results

    def new_answer() -> None:
        page.session_state["results"]._entries.clear()
        results.everybodys_results()._entries.clear()
        page.run()

    fresh = median_ms(new_answer)
    return [
        Row("classifier page: temperature moved, answers kept", kept, "bare forward pass", bare, "ms"),
        Row("classifier page: temperature moved, answers kept", kept, "page with one slider", idle, "ms"),
        Row("classifier page: two networks asked anew", fresh, "two bare forward passes", 2 * bare, "ms"),
    ]
