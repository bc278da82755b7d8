"""The drawing board and the camera in a real browser: mouse, finger, keys, and a network of glass that looks on."""

import numpy as np
import pytest

from cnnlab_core.models import load_model
from cnnlab_core.network.browser import browser_network
from cnnlab_core.runtime.assets import read_asset

PAGE = """<!doctype html><meta charset="utf-8"><style>body { margin: 0 } canvas { width: 400px; height: 400px }</style>
<canvas id="canvas"></canvas><script type="module">
%s
Object.assign(window, { BrowserNetwork, CameraSource });
window.begin = (channels, side, description) => {
  window.network = description && new BrowserNetwork(description);
  window.inputs = [];
  window.words = [];
  window.board = new DrawingBoard(document.querySelector("canvas"), {
    channels, side, onInput: (pixels) => inputs.push(pixels), onWords: (sentence) => words.push(sentence),
  });
};
</script>"""


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 500, "height": 500}, has_touch=True)
    tab, problems = context.new_page(), []
    tab.on("pageerror", lambda problem: problems.append(problem))
    scripts = "\n".join(read_asset("network", name) for name in ("forward.js", "drawing.js"))
    tab.route("**/*", lambda route: route.fulfill(body=PAGE % scripts, content_type="text/html"))
    tab.goto("http://localhost/")  # where a camera is allowed
    yield tab
    assert problems == []
    context.close()


def begin(page, channels=1, side=28, network=None):
    page.evaluate("(all) => begin(...all)", [channels, side, network])
    settle(page)


def settle(page):
    """Until the screen has been painted twice: what was asked for before is there."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def pixels(page):
    """What the network was last given."""
    settle(page)
    return np.array(page.evaluate("Array.from(inputs.at(-1))"))


def stroke(page, *points):
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def circle(x, y, width, height):
    turns = np.linspace(0, 2 * np.pi, 25)
    return [(x + width * np.sin(turn), y - height * np.cos(turn)) for turn in turns]


def test_a_digit_is_drawn_and_recognised_wherever_it_stands(page):
    begin(page, network=browser_network(load_model("glass_digits")))

    def named():
        settle(page)
        return page.evaluate("""() => {
          const shares = network.forward(inputs.at(-1)).maps.at(-1);
          return network.classes[shares.indexOf(Math.max(...shares))];
        }""")

    stroke(page, *circle(120, 150, 60, 100))
    assert named() == "0"
    page.evaluate("board.clear()")
    stroke(page, (300, 60), (285, 350))
    assert named() == "1"
    page.evaluate("board.clear()")
    stroke(page, (80, 90), (260, 90), (170, 330))
    assert named() == "7"


def test_strokes_come_once_for_each_frame_and_can_be_taken_back(page):
    begin(page, channels=3, side=32)
    empty, before = pixels(page), page.evaluate("inputs.length")
    page.evaluate("for (let i = 0; i < 50; i++) board.line({ x: 10, y: 160 }, { x: 10 + 6 * i, y: 160 })")
    drawn = pixels(page).reshape(3, 32, 32)
    assert page.evaluate("inputs.length") == before + 1
    assert (drawn[:, 15:17, 2:30] == 1).all()
    page.evaluate("board.colour = '#ff0000'")
    stroke(page, (200, 20), (200, 380))
    red = pixels(page).reshape(3, 32, 32)
    assert (red[:, 5, 16] == (1, 0, 0)).all()
    page.evaluate("board.tool = 'eraser'")
    stroke(page, (20, 200), (380, 200))
    assert pixels(page).reshape(3, 32, 32)[:, 16, 5] == pytest.approx([128 / 255] * 3)
    for wanted in (red, drawn):
        page.evaluate("board.undo()")
        assert np.array_equal(pixels(page), wanted.ravel())
    page.evaluate("board.clear()")
    assert np.array_equal(pixels(page), empty)
    page.evaluate("board.undo()")
    assert np.array_equal(pixels(page), drawn.ravel())


def test_a_finger_draws_where_it_touches_whatever_the_drawing_was_turned_to(page):
    begin(page, channels=3, side=32)
    page.evaluate("board.angle = 90; board.shift = [3, -2]; board.width = 4")
    page.touchscreen.tap(106, 206)  # the middle of the pixel in row 16 and column 8
    seen = pixels(page).reshape(3, 32, 32)[0]
    assert np.unravel_index(seen.argmax(), seen.shape) in [(row, column) for row in (15, 16) for column in (7, 8)]
    assert seen[16, 8] > 0.95
    assert (seen > 0.6).sum() < 25


def test_everything_can_be_done_by_keys(page):
    begin(page, channels=3, side=32)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")
    drawn = pixels(page).reshape(3, 32, 32)
    assert (drawn[:, 15:17, 12:16] == 1).all()
    assert drawn[0, 13, 11] < 0.6
    page.keyboard.press("Shift+ArrowDown")
    assert np.allclose(pixels(page).reshape(3, 32, 32)[:, 1:], drawn[:, :-1])
    for _ in range(3):
        page.keyboard.press("]")
    assert page.evaluate("board.angle") == 15
    page.evaluate("board.tool = 'patch'")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("board.patch") == {"x": 10, "y": 0, "size": 60, "on": True}
    page.keyboard.press("Delete")
    assert page.evaluate("board.angle") == 0
    page.keyboard.press("Control+z")
    assert page.evaluate("board.angle") == 15
    assert page.evaluate("words") == ["The pencil is down.", "The pencil is up.", "The drawing is cleared."]
    page.keyboard.press("Tab")  # and the keyboard is free to go on
    assert not page.evaluate("document.activeElement === board.canvas")


def test_the_patch_is_dragged_over_a_picture(page):
    begin(page, channels=3, side=32)
    picture = np.random.default_rng(0).integers(0, 256, (3, 32, 32)) / 255
    page.evaluate("(all) => board.showPixels(Float32Array.from(all))", picture.ravel().tolist())
    assert np.allclose(pixels(page).reshape(picture.shape), picture, atol=1e-6)
    page.evaluate("board.tool = 'patch'")
    stroke(page, (100, 100), (300, 200))
    seen, patch = pixels(page).reshape(picture.shape), page.evaluate("board.patch")
    left, top, size = patch["x"] // 10, patch["y"] // 10, patch["size"] // 10
    covered = np.zeros((32, 32), bool)
    covered[top : top + size, left : left + size] = True
    assert (seen[:, covered] == 0.5).all()
    assert np.allclose(seen[:, ~covered], picture[:, ~covered], atol=1e-6)
    page.evaluate("board.occluding = false")
    assert np.allclose(pixels(page).reshape(picture.shape), picture, atol=1e-6)


CAMERA = """() => new Promise((done) => {
  const seen = { words: [], frames: 0, most: 0 };
  let flying = 0;
  const camera = new CameraSource({
    onWords: (sentence) => seen.words.push(sentence),
    async onFrame(video) {
      seen.most = Math.max(seen.most, ++flying);
      await new Promise((landed) => setTimeout(landed, 20));
      flying--;
      board.show(video, true);
      if (++seen.frames < 4) return;
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
      const before = seen.frames;
      setTimeout(() => done({ ...seen, more: seen.frames - before, running: camera.running }), 150);
    },
  });
  camera.start();
})"""


def test_the_camera_has_one_frame_in_flight_and_stops_when_hidden(page):
    begin(page, channels=3, side=32)
    found = page.evaluate(CAMERA)
    assert (found["most"], found["more"], found["running"]) == (1, 0, False)
    assert found["words"] == ["The camera stopped when this page was hidden. Start it again."]
    assert pixels(page).std() > 0.01  # the browser's test picture


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("NotAllowedError", "wasn't allowed to use the camera"),
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "in use by another program"),
        ("AbortError", "couldn't be started"),
        ("", "only on pages that come by https"),
    ],
)
def test_why_there_is_no_camera_is_a_sentence(page, name, sentence):
    found = page.evaluate(
        """async (name) => {
          const words = [];
          const refuse = () => Promise.reject(new DOMException("", name));
          const devices = name ? { getUserMedia: refuse } : undefined;
          Object.defineProperty(navigator, "mediaDevices", { value: devices, configurable: true });
          const camera = new CameraSource({ onFrame() {}, onWords: (said) => words.push(said) });
          await camera.start();
          return [...words, camera.running];
        }""",
        name,
    )
    assert sentence in found[0]
    assert found[1:] == [False]
