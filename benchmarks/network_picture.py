"""The whole picture of a network against its bare forward pass, and the bytes that go to the browser."""

import json

import torch

from benchmarks.measure import Row, medians_ms
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.network.contributions import feeds, votes
from cnnlab_core.network.stages import stages_of
from cnnlab_core.network.strongest import overview
from cnnlab_core.ui.network.scene import links_of, scene_of
from cnnlab_core.ui.shared import Picture
from cnnlab_core.ui.subject import Subject


def measure() -> list[Row]:
    sample = sample_images()["chelsea"]
    model = load_model("efficientnet_lite0")
    x, stages = model.prepare(open_image(sample.content)), stages_of(model)
    subject = Subject(model.spec, "pretrained", Picture("chelsea", sample.title, sample.content, "chelsea", True))

    def bare() -> None:
        with torch.no_grad():
            model(x)

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
        Row("payload with what feeds what", len(json.dumps([scene, links])) / 1000, "goal", 400, "kB"),
    ]
