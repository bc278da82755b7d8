"""A patch dragged over a photo: what a frame costs, and what thirty sessions that drag leave of light actions."""

import asyncio
import json
import random
import time
from contextlib import AsyncExitStack
from typing import Any

import torch

from benchmarks.measure import Row, count, lab_server, medians_ms, size
from benchmarks.tab import Tab
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.network.live import covered, look
from cnnlab_core.network.stages import stages_of
from cnnlab_core.network.strongest import overview
from cnnlab_core.ui.network.live import KEY

DRAGGING, OTHERS = count(30, 2), count(10, 1)
SECONDS = size(30, 1)
FRAMES = 8
"""Frames of a drawing: two seconds of dragging."""


class Room:
    """Sessions that drag a patch on one page, and others that move a slider on another."""

    def __init__(self) -> None:
        self.light: list[float] = []
        self.answered = 0
        self.bytes = 0
        self.chance = random.Random(1)

    async def draw(self, tab: Tab, frames: int = FRAMES) -> None:
        """A drawing, as the browser sends it: the next frame when the one before is answered, and its pause is over."""
        for number in range(frames):
            scene = json.loads(tab.find(KEY)[1].json)["scene"]
            place = [self.chance.randrange(150), self.chance.randrange(150), 50]
            await tab.trigger(KEY, "frame", {"n": number, "scene": scene, "patch": place})
            said = tab.find(KEY)[1].json
            answer = json.loads(said)["answer"]
            if "maps" in answer:
                self.answered += 1
                self.bytes = len(said)
            await asyncio.sleep(answer["pause"] / 1000)

    async def look_on(self, tab: Tab, ends: float) -> None:
        while time.monotonic() < ends:
            self.light.append(await tab.move("classifier_t", round(self.chance.uniform(0.2, 4), 1)))
            await asyncio.sleep(self.chance.uniform(0.5, 1.5))

    async def lesson(self, dragging: list[Tab], others: list[Tab], a_minute: float) -> float:
        """The light actions' p95 in ms while so many drawings begin each minute; inf: everybody drags all the time."""
        ends = time.monotonic() + SECONDS
        self.light, self.answered = [], 0
        watching = [asyncio.create_task(self.look_on(tab, ends)) for tab in others]
        drawing: list[asyncio.Task[Any]] = []
        free = list(dragging)
        while time.monotonic() < ends:
            free = [tab for tab in dragging if all(task.done() or task.get_name() != tab.session for task in drawing)]
            begin = free if a_minute == float("inf") else free[:1] if a_minute else []
            self.chance.shuffle(begin)
            drawing += [asyncio.create_task(self.draw(tab), name=tab.session) for tab in begin]
            await asyncio.sleep(0.2 if a_minute == float("inf") else 60 / (a_minute or 60))
        await asyncio.gather(*watching, *drawing)
        return 1000 * sorted(self.light)[int(0.95 * (len(self.light) - 1))]


async def sessions(address: str) -> list[Row]:
    room = Room()
    async with AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(Tab(address)) for _ in range(DRAGGING + OTHERS)]
        dragging, others = tabs[:DRAGGING], tabs[DRAGGING:]
        for tab in dragging:
            await tab.open("network")
        for tab in others:
            await tab.open("classifier")
        before = await room.lesson(dragging, others, 0)
        with_sixty = await room.lesson(dragging, others, 60)
        sixty = room.answered
        everybody = await room.lesson(dragging, others, float("inf"))
        problems = [problem for tab in tabs for problem in tab.complaints]
        assert not problems, problems[0]
    each = room.answered / SECONDS
    return [
        Row(f"light actions' p95, 60 drawings a minute ({sixty} frames)", with_sixty, "without", before, "ms"),
        Row(f"light actions' p95, all thirty drag ({each:.0f} frames a second)", everybody, "without", before, "ms"),
        Row("a frame's answer", room.bytes / 1000, "the goal of a picture", 400, "kB"),
    ]


def measure() -> list[Row]:
    model = load_model("efficientnet_lite0")
    x = model.prepare(open_image(sample_images()["chelsea"].content))
    found = overview(model, x, stages_of(model))

    def bare() -> None:
        with torch.no_grad():
            model.published(x)

    forward, live = medians_ms(bare, lambda: look(model, covered(x, 60, 80, 50), found.columns))
    with lab_server(environment={"OMP_NUM_THREADS": "1"}) as (address, _):
        rows = asyncio.run(sessions(address))
    return [Row("a live frame, Lite0", live, "its bare forward pass", forward, "ms"), *rows]
