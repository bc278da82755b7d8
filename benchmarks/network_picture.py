"""The whole picture of a network against its bare forward pass, its bytes for the browser, and its first paint."""

import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from playwright.sync_api import Browser, Page

from benchmarks.measure import Row, bare_server, count, lab_server, medians_ms, open_browser, visit
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.network.contributions import feeds, votes
from cnnlab_core.network.stages import stages_of
from cnnlab_core.network.strongest import overview
from cnnlab_core.ui.network.scene import links_of, scene_of
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.subject import Subject

BARE = """
import numpy as np
import streamlit as st
st.title("Bare")
st.image(np.full((224, 224, 3), 200, np.uint8))
"""
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def until_painted_ms(page: Page, selector: str, act: Callable[[], object]) -> float:
    """From ``act`` until what ``selector`` names is painted."""
    begun = time.perf_counter()
    act()
    page.wait_for_selector(selector)
    page.evaluate(PAINTED)
    return 1000 * (time.perf_counter() - begun)


def opening_ms(browser: Browser, address: str, selector: str) -> float:
    """From asking for a page, in a browser that has kept nothing, until it is painted: the median."""
    times = []
    for _ in range(count(6, 2)):
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        times.append(until_painted_ms(page, selector, partial(page.goto, address)))
        page.close()
    return statistics.median(times[1:])  # the first one loads what the server keeps: torch and the network


def coming_ms(browser: Browser, address: str) -> float:
    """From the click in the navigation of another page until all tiles and bars are painted: the median."""
    times = []
    for _ in range(count(6, 2)):
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        visit(page, f"{address}/teaching")
        link = page.get_by_role("link", name="Inside a network").first
        times.append(until_painted_ms(page, ".tile canvas", link.click))
        page.close()
    return statistics.median(times)


def measure() -> list[Row]:
    sample = sample_images()["chelsea"]
    model = load_model("efficientnet_lite0")
    x, stages = model.prepare(open_image(sample.content)), stages_of(model)
    subject = Subject(model.spec, "pretrained", Picture("chelsea", sample.title, sample.content, "chelsea", True))

    def bare() -> None:
        with torch.no_grad():
            model.published(x)

    forward, picture, with_scene = medians_ms(
        bare, lambda: overview(model, x, stages), lambda: scene_of(subject, overview(model, x, stages), ())
    )
    found = overview(model, x, stages)
    scene = scene_of(subject, found, ())
    classes = [bar["index"] for bar in scene["classes"]]
    steps = list(feeds(model, x, found.columns, classes))
    links = links_of(subject, found.columns, steps, votes(model, x, classes), classes)
    with lab_server() as (address, _), bare_server(BARE) as bare_address, open_browser() as browser:
        opening = opening_ms(browser, f"{address}/network", ".tile canvas")
        bare_opening = opening_ms(browser, bare_address, "img")
        coming = coming_ms(browser, address)
    (linking,) = medians_ms(lambda: list(feeds(model, x, found.columns, classes)), repeats=5, warm_up=1)
    return [
        Row("whole picture, Lite0", picture, "its bare forward pass", forward, "ms"),
        Row("the same as data for the browser", with_scene, "its bare forward pass", forward, "ms"),
        Row("what feeds what, asked for after painting", linking, "its bare forward pass", forward, "ms"),
        Row("first paint, coming from another page", coming, "goal", 1000, "ms"),
        Row("first paint in a new browser", opening, "a bare Streamlit page", bare_opening, "ms"),
        Row("payload with what feeds what", len(json.dumps([scene, links])) / 1000, "goal", 400, "kB"),
    ]
