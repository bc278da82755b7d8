"""The networks made of glass in a browser: from a stroke to the new bars, and a forward pass against torch's."""

import json
import statistics
from functools import partial

import torch

from benchmarks.measure import Row, count, medians_ms, open_browser
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


def measure() -> list[Row]:
    rows = []
    scripts = "\n".join(read_asset("network", name) for name in ("forward.js", "drawing.js"))
    with open_browser() as browser, torch.no_grad():
        for name in ("glass_digits", "glass_cifar10"):
            model, page = load_model(name), browser.new_page()
            description = json.loads(json.dumps(browser_network(model)))
            found = page.evaluate(SCRIPT % scripts, [description, STROKES])
            page.close()
            x = torch.rand(1, 3, *2 * [model.spec.preprocessing.crop])
            (torchs,) = medians_ms(partial(model, x))
            slowest = sorted(found["strokes"])[int(0.95 * (len(found["strokes"]) - 1))]
            rows += [
                Row(f"{name}: a stroke to the new bars, p95", slowest, "the goal", GOAL_MS, "ms"),
                Row(f"{name}: forward in the browser", statistics.median(found["forward"]), "in torch", torchs, "ms"),
            ]
    return rows
