"""The networks made of glass in a browser: from a stroke to the new bars, and a forward pass against torch's."""

import json
import statistics
from functools import partial

import torch

from benchmarks.measure import Row, count, lab_server, medians_ms, open_browser
from cnnlab_core.models import load_model
from cnnlab_core.network.browser import browser_network
from cnnlab_core.runtime.assets import read_asset

GOAL_MS = 50
STROKES = count(100, 3)
SCRIPT = """async ([description, strokes]) => {
  %s
  const network = new BrowserNetwork(description);
  const [channels, side] = network.shape;
  const found = { strokes: [], forward: [] };
  let arrived = () => {};
  const board = new DrawingBoard(document.body.appendChild(document.createElement("canvas")), {
    channels, side, onInput(pixels) {
      const begun = performance.now();
      network.forward(pixels);
      found.forward.push(performance.now() - begun);
      arrived();
    },
  });
  for (let i = -10; i < strokes; i++) { // the first ten warm up
    const begun = performance.now();
    board.line({ x: 60 + i, y: 40 }, { x: 200 - i, y: 220 });
    await new Promise((done) => { arrived = done; });
    found.strokes.push(performance.now() - begun);
  }
  return { strokes: found.strokes.slice(10), forward: found.forward.slice(10) };
}"""

ON_PAGE = """async ([strokes]) => {
  const deep = (root, selector) => root.querySelector(selector)
    ?? [...root.querySelectorAll("*")].map((one) => one.shadowRoot && deep(one.shadowRoot, selector)).find(Boolean);
  const [inside, canvas] = [deep(document, ".inside"), deep(document, ".board")];
  const { left, top, width } = canvas.getBoundingClientRect();
  let arrived = () => {};
  Object.defineProperty(inside, "pixels", { set: () => arrived(), configurable: true }); // bars and maps are there
  const point = (name, share) => canvas.dispatchEvent(new PointerEvent(name, {
    pointerId: 1, bubbles: true, clientX: left + share * width, clientY: top + (0.3 + 0.4 * share) * width,
  }));
  canvas.setPointerCapture = () => {}; // there is no such pointer
  point("pointerdown", 0.1);
  const found = [];
  for (let i = -10; i < strokes; i++) {
    const begun = performance.now();
    const done = new Promise((answer) => { arrived = answer; });
    point("pointermove", 0.1 + 0.8 * ((i + 10) / (strokes + 10)));
    await done;
    found.push(performance.now() - begun);
    await new Promise(requestAnimationFrame);
  }
  point("pointerup", 0.9);
  return found.slice(10);
}"""


def p95(times: list[float]) -> float:
    return sorted(times)[int(0.95 * (len(times) - 1))]


def on_the_page() -> list[Row]:
    """From a stroke on the page's board until every map and bar of the picture is of it."""
    rows = []
    with lab_server() as (address, _), open_browser() as browser:
        for shown in ("Digits", "CIFAR-10"):
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            page.goto(f"{address}/network?network_shown={shown}")
            page.wait_for_selector(".inside.glass[data-linked=true]")
            page.wait_for_timeout(2000)
            slowest = p95(page.evaluate(ON_PAGE, [STROKES]))
            rows.append(Row(f"{shown}: a stroke to the page's maps and bars, p95", slowest, "the goal", GOAL_MS, "ms"))
            page.close()
    return rows


def measure() -> list[Row]:
    rows = on_the_page()
    scripts = "\n".join(read_asset("network", name) for name in ("forward.js", "drawing.js"))
    with open_browser() as browser, torch.no_grad():
        for name in ("glass_digits", "glass_cifar10"):
            model, page = load_model(name), browser.new_page()
            description = json.loads(json.dumps(browser_network(model)))
            found = page.evaluate(SCRIPT % scripts, [description, STROKES])
            page.close()
            x = torch.rand(1, 3, *2 * [model.spec.preprocessing.crop])
            (torchs,) = medians_ms(partial(model, x))
            rows += [
                Row(f"{name}: a stroke to the new bars, p95", p95(found["strokes"]), "the goal", GOAL_MS, "ms"),
                Row(f"{name}: forward in the browser", statistics.median(found["forward"]), "in torch", torchs, "ms"),
            ]
    return rows
