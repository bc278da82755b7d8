"""The whole picture of a network against its bare forward pass, its bytes for the browser, and its first paint."""

import json
import statistics
import time

import torch

from benchmarks.measure import Row, count, lab_server, medians_ms, open_browser
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.network.contributions import feeds, votes
from cnnlab_core.network.stages import stages_of
from cnnlab_core.network.strongest import overview
from cnnlab_core.ui.network.scene import links_of, scene_of
from cnnlab_core.ui.shared import Picture
from cnnlab_core.ui.subject import Subject


def first_paint_ms() -> float:
    """From asking for the page, which others have seen before, until all tiles and bars are painted: the median."""
    times = []
    with lab_server() as (address, _), open_browser() as browser:
        for _ in range(count(6, 2)):
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            begun = time.perf_counter()
            page.goto(f"{address}/network")
            page.wait_for_selector(".tile canvas")
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            times.append(1000 * (time.perf_counter() - begun))
            page.close()
    return statistics.median(times[1:])  # the first one loads torch and the network


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
    (linking,) = medians_ms(lambda: list(feeds(model, x, found.columns, classes)), repeats=5, warm_up=1)
    return [
        Row("whole picture, Lite0", picture, "its bare forward pass", forward, "ms"),
        Row("the same as data for the browser", with_scene, "its bare forward pass", forward, "ms"),
        Row("what feeds what, asked for after painting", linking, "its bare forward pass", forward, "ms"),
        Row("first paint of the page in a browser", first_paint_ms(), "goal", 1000, "ms"),
        Row("payload with what feeds what", len(json.dumps([scene, links])) / 1000, "goal", 400, "kB"),
    ]
