// What a network looks at, made by hand: a canvas to draw on, and a camera. Both stay in the browser.
//
// A paper of a fixed size lies under the canvas; what the network gets is sampled from it by area. Turning, moving, noise
// and the patch are done while sampling, so that nothing is blurred by being done again and again.

const FINE = 10; // the paper's pixels for one of the network's, along rows and columns
const UNDOS = 20;
const BOARD_KEYS =
  "Drawing area. Arrow keys move the pencil, space puts it down or lifts it. Shift and arrow keys move the drawing, " +
  "square brackets turn it, Delete clears it, Control and Z undoes.";

/** A number from 0 up to 1 at each call, the same ones for the same seed (mulberry32). */
function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Where the ink of a white-on-black paper lies: its box, its centre of mass, and how many of the paper's pixels are to
 * be one of the network's, so that the longer side of the box becomes 20 as in MNIST. Nothing is more than doubled in
 * size; an empty paper stays as it is.
 * @param {Uint8ClampedArray} rgba @param {number} width @param {number} side of the network's picture
 */
function frameOfInk(rgba, width, side) {
  const [height, least] = [rgba.length / 4 / width, 64];
  let [mass, x, y, left, right, top, bottom] = [0, 0, 0, width, -1, height, -1];
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at += 4) {
      const ink = rgba[at] + rgba[at + 1] + rgba[at + 2];
      if (!ink) continue;
      mass += ink;
      x += ink * (column + 0.5);
      y += ink * (row + 0.5);
      if (ink < 3 * least) continue;
      left = Math.min(left, column);
      right = Math.max(right, column);
      top = Math.min(top, row);
      bottom = row;
    }
  }
  const plain = { x: width / 2, y: height / 2, scale: width / side };
  if (right < 0) return plain;
  const longer = Math.max(right - left, bottom - top) + 1;
  return { x: x / mass, y: y / mass, scale: Math.max(longer / 20, plain.scale / 2) };
}

/**
 * Makes the photo of a digit white on black. Where most of it is light, it is dark ink on paper: what is nearly as light
 * as the paper becomes black, what is half as light white.
 * @param {Uint8ClampedArray} rgba changed in place
 */
function asInk(rgba) {
  const greys = Uint8Array.from({ length: rgba.length / 4 }, (_, i) => (rgba[4 * i] + rgba[4 * i + 1] + rgba[4 * i + 2]) / 3);
  const sorted = greys.toSorted();
  const paper = sorted[Math.floor(0.8 * sorted.length)];
  const isPaper = sorted[Math.floor(sorted.length / 2)] > 96;
  greys.forEach((grey, i) => {
    const ink = isPaper ? (255 * (0.8 * paper - grey)) / (0.3 * paper) : grey;
    rgba[4 * i] = rgba[4 * i + 1] = rgba[4 * i + 2] = ink; // the array cuts off beyond 0..255
  });
}

/**
 * The network's picture (channels, side, side) in [0, 1], each number the mean of the paper's pixels in its square.
 * @param {Uint8ClampedArray} rgba the paper's pixels
 * @param {number} width the paper's
 * @param {{channels: number, side: number, frame: {x: number, y: number, scale: number}, angle?: number, shift?: number[],
 *   patch?: {x: number, y: number, size: number} | null, ground?: number}} how
 *   `frame`: the paper's point that is the middle of the picture, and the paper's pixels for one of the picture's;
 *   `angle`: degrees clockwise; `shift`: columns and rows, in the picture's pixels; `patch`: a square of the paper that is
 *   covered; `ground`: what is seen there and beyond the paper.
 */
function sampled(rgba, width, { channels, side, frame, angle = 0, shift = [0, 0], patch = null, ground = 0 }) {
  const height = rgba.length / 4 / width;
  const out = new Float32Array(channels * side * side);
  const fine = Math.max(1, Math.round(frame.scale)); // samples along a pixel's side
  const [cos, sin] = [Math.cos, Math.sin].map((of) => frame.scale * of((-angle * Math.PI) / 180));
  const all = 255 * fine * fine;
  for (let row = 0, at = 0; row < side; row++) {
    for (let column = 0; column < side; column++, at++) {
      let [red, green, blue] = [0, 0, 0];
      for (let i = 0; i < fine; i++) {
        const v = row + (i + 0.5) / fine - side / 2 - shift[1];
        for (let j = 0; j < fine; j++) {
          const u = column + (j + 0.5) / fine - side / 2 - shift[0];
          const x = frame.x + cos * u - sin * v;
          const y = frame.y + sin * u + cos * v;
          const under = patch && x >= patch.x && y >= patch.y && x < patch.x + patch.size && y < patch.y + patch.size;
          const source = 4 * (Math.floor(y) * width + Math.floor(x));
          const seen = !under && x >= 0 && y >= 0 && x < width && y < height;
          red += seen ? rgba[source] : 255 * ground;
          green += seen ? rgba[source + 1] : 255 * ground;
          blue += seen ? rgba[source + 2] : 255 * ground;
        }
      }
      if (channels === 1) out[at] = (red + green + blue) / 3 / all;
      else [out[at], out[side * side + at], out[2 * side * side + at]] = [red / all, green / all, blue / all];
    }
  }
  return out;
}

/** Adds Gaussian noise of a standard deviation, the same for the same seed, and cuts off beyond [0, 1]. */
function withNoise(pixels, deviation, seed = 1) {
  if (!deviation) return pixels;
  const next = dice(seed);
  return pixels.map((value) => {
    const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    return Math.min(1, Math.max(0, value + deviation * normal));
  });
}

/**
 * A canvas to draw on. Digits (one channel) are white on black, and come out as MNIST was made: the longer side 20 of
 * 28 pixels, the centre of mass in the middle. Photos (three channels) come out as they lie.
 *
 * `onInput(pixels)` gets a Float32Array (channels, side, side) in [0, 1], at most once for each frame of the screen.
 * `onWords(sentence)` gets what a screen reader should say. Everything that may be set is a property: see the getters.
 */
class DrawingBoard {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{channels: 1 | 3, side: number, onInput: (pixels: Float32Array) => void, onWords?: (sentence: string) => void}} how
   */
  constructor(canvas, { channels, side, onInput, onWords = () => {} }) {
    this.canvas = canvas;
    this.channels = channels;
    this.side = side;
    this.onInput = onInput;
    this.onWords = onWords;
    this.size = side * FINE;
    canvas.width = canvas.height = this.size;
    canvas.tabIndex = 0;
    canvas.style.touchAction = "none"; // a finger draws here, and doesn't scroll
    canvas.setAttribute("role", "application");
    if (!canvas.hasAttribute("aria-label")) canvas.setAttribute("aria-label", BOARD_KEYS);
    canvas.setAttribute("aria-roledescription", "drawing area");
    const paper = document.createElement("canvas");
    paper.width = paper.height = this.size;
    this.paper = paper.getContext("2d", { willReadFrequently: true });
    this.screen = canvas.getContext("2d");
    /** @type {"pencil" | "eraser" | "patch"} */
    this.tool = "pencil";
    this.colour = "#ffffff";
    this.width = channels === 1 ? 2.4 : 2; // of a stroke, in the network's pixels
    this.patch = { x: 0, y: 0, size: FINE * Math.round(side / 5), on: false };
    this.cursor = { x: this.size / 2, y: this.size / 2, shown: false, down: false };
    this.turned = { angle: 0, shift: [0, 0], noise: 0 };
    this.ground = channels === 1 ? "#000000" : "#808080";
    this.past = [];
    /** @type {{id: number, at: DOMPoint} | null} */
    this.stroke = null;
    this.listening = new AbortController();
    const { signal } = this.listening;
    const on = (name, work) => canvas.addEventListener(name, work, { signal });
    on("pointerdown", (event) => this.press(event));
    on("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) on(name, (event) => this.lift(event));
    on("keydown", (event) => this.key(event));
    on("focus", () => this.hold(true));
    on("blur", () => this.hold(false));
    this.blank();
    this.ask();
  }

  /** No more input, and no more listening. */
  stop() {
    this.stopped = true;
    this.listening.abort();
  }

  // --- what may be set ---

  /** Degrees clockwise. */
  get angle() {
    return this.turned.angle;
  }

  set angle(degrees) {
    this.turn({ angle: ((((degrees + 180) % 360) + 360) % 360) - 180 });
  }

  /** [columns, rows] in the network's pixels, to the right and down. */
  get shift() {
    return this.turned.shift;
  }

  set shift(steps) {
    this.turn({ shift: steps.map((step) => Math.min(this.side, Math.max(-this.side, step))) });
  }

  /** The standard deviation of the noise on what the network gets; 0: none. */
  get noise() {
    return this.turned.noise;
  }

  set noise(deviation) {
    this.turn({ noise: Math.min(1, Math.max(0, deviation)) });
  }

  /** Whether the patch lies on the paper. It is grey, and black for digits, as if nothing were drawn there. */
  set occluding(is) {
    this.patch.on = is;
    this.ask();
  }

  get occluding() {
    return this.patch.on;
  }

  turn(change) {
    this.turned = { ...this.turned, ...change };
    this.ask();
  }

  // --- the whole paper ---

  /** An empty paper, neither turned nor moved; can be undone. */
  clear() {
    this.remember();
    this.blank();
    this.onWords("The drawing is cleared.");
  }

  /**
   * A picture, video or canvas as the paper: its middle square, for digits as ink (see asInk). It can be undone, unless it
   * is one of many (`live`).
   */
  show(source, live = false) {
    if (!live) this.remember();
    const width = source.videoWidth || source.naturalWidth || source.width;
    const height = source.videoHeight || source.naturalHeight || source.height;
    const square = Math.min(width, height);
    this.paper.imageSmoothingQuality = "high";
    this.paper.drawImage(source, (width - square) / 2, (height - square) / 2, square, square, 0, 0, this.size, this.size);
    if (live) this.past.length = 0;
    if (this.channels === 1) {
      const picture = this.paper.getImageData(0, 0, this.size, this.size);
      asInk(picture.data);
      this.paper.putImageData(picture, 0, 0);
    }
    this.ask();
  }

  /** The network's own numbers (channels, side, side) in [0, 1] as the paper, each a square of its own. */
  showPixels(pixels, live = false) {
    const { side, channels } = this;
    const picture = new ImageData(side, side);
    for (let i = 0; i < side * side; i++) {
      for (let c = 0; c < 3; c++) picture.data[4 * i + c] = Math.round(255 * pixels[(channels === 1 ? 0 : c * side * side) + i]);
      picture.data[4 * i + 3] = 255;
    }
    const small = document.createElement("canvas");
    small.width = small.height = side;
    small.getContext("2d").putImageData(picture, 0, 0);
    if (!live) this.remember();
    this.paper.imageSmoothingEnabled = false;
    this.paper.drawImage(small, 0, 0, this.size, this.size);
    this.paper.imageSmoothingEnabled = true;
    this.ask();
  }

  /** Takes the last stroke, picture or clearing back, and with it how the paper was turned and moved. */
  undo() {
    const before = this.past.pop();
    if (!before) {
      this.onWords("There is nothing to undo.");
      return;
    }
    this.paper.putImageData(before.pixels, 0, 0);
    this.turned = before.turned;
    this.ask();
  }

  blank() {
    this.turned = { angle: 0, shift: [0, 0], noise: 0 };
    this.paper.fillStyle = this.ground;
    this.paper.fillRect(0, 0, this.size, this.size);
    this.ask();
  }

  remember() {
    this.past.push({ pixels: this.paper.getImageData(0, 0, this.size, this.size), turned: this.turned });
    if (this.past.length > UNDOS) this.past.shift();
  }

  // --- by hand ---

  /** From the canvas, as it is turned and moved, to the paper. */
  get view() {
    const { angle, shift } = this.turned;
    const half = this.size / 2;
    return new DOMMatrix()
      .translate(half + shift[0] * FINE, half + shift[1] * FINE)
      .rotate(angle)
      .translate(-half, -half);
  }

  place({ offsetX, offsetY }) {
    const zoom = this.size / (this.canvas.clientWidth || this.size);
    return this.view.inverse().transformPoint(new DOMPoint(offsetX * zoom, offsetY * zoom));
  }

  press(event) {
    if (event.button > 0 || this.stroke) return; // one finger draws; the others don't
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    const at = this.place(event);
    this.cursor.shown = false;
    this.stroke = { id: event.pointerId, at };
    if (this.tool === "patch") this.movePatch(at.x, at.y);
    else {
      this.remember();
      this.line(at, at);
    }
  }

  drag(event) {
    if (this.stroke?.id !== event.pointerId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      const at = this.place(each);
      if (this.tool === "patch") this.movePatch(at.x, at.y);
      else this.line(this.stroke.at, at);
      this.stroke.at = at;
    }
  }

  lift(event) {
    if (this.stroke?.id === event.pointerId) this.stroke = null;
  }

  line(from, to) {
    const { paper } = this;
    paper.strokeStyle = this.tool === "eraser" ? this.ground : this.colour;
    paper.lineWidth = this.width * FINE * (this.tool === "eraser" ? 2 : 1);
    paper.lineCap = paper.lineJoin = "round";
    paper.beginPath();
    paper.moveTo(from.x, from.y);
    paper.lineTo(to.x + (from.x === to.x && from.y === to.y ? 0.01 : 0), to.y);
    paper.stroke();
    this.ask();
  }

  /** The patch with its middle there, on whole pixels of the network. */
  movePatch(x, y) {
    const snap = (middle) => {
      const corner = Math.round((middle - this.patch.size / 2) / FINE) * FINE;
      return Math.min(this.size - this.patch.size, Math.max(0, corner));
    };
    this.patch = { ...this.patch, x: snap(x), y: snap(y), on: true };
    this.ask();
  }

  // --- by keys ---

  /** Arrows move the pencil or the patch; space puts the pencil down or lifts it. With Shift they move the drawing. */
  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const command = event.ctrlKey || event.metaKey;
    if (step && event.shiftKey) this.shift = [this.shift[0] + step[0], this.shift[1] + step[1]];
    else if (step && this.tool === "patch") {
      const middle = this.patch.size / 2;
      this.movePatch(this.patch.x + middle + step[0] * FINE, this.patch.y + middle + step[1] * FINE);
    } else if (step) this.walk(step);
    else if (event.key === " ") this.dip();
    else if (event.key === "[" || event.key === "]") this.angle += event.key === "[" ? -5 : 5;
    else if (event.key === "Delete") this.clear();
    else if (command && event.key.toLowerCase() === "z") this.undo();
    else if (event.key === "Escape" && this.cursor.down) this.dip();
    else return; // Tab and the like go on
    event.preventDefault();
    event.stopPropagation();
  }

  walk([columns, rows]) {
    const to = { ...this.cursor, shown: true };
    to.x = Math.min(this.size, Math.max(0, to.x + columns * FINE));
    to.y = Math.min(this.size, Math.max(0, to.y + rows * FINE));
    if (to.down) this.line(this.cursor, to);
    this.cursor = to;
    this.ask();
  }

  dip() {
    const { cursor } = this;
    cursor.down = !cursor.down;
    cursor.shown = true;
    if (cursor.down) {
      this.remember();
      this.line(cursor, cursor);
    }
    this.onWords(cursor.down ? "The pencil is down." : "The pencil is up.");
    this.ask();
  }

  hold(is) {
    this.cursor.shown = is && this.canvas.matches(":focus-visible");
    if (!is) this.cursor.down = false;
    this.ask();
  }

  // --- what comes of it ---

  /** At the next frame of the screen, once for all that happens until then. */
  ask() {
    if (this.asked || this.stopped) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      if (this.stopped) return;
      this.paint();
      this.onInput(this.input());
    });
  }

  /** What the network gets now. */
  input() {
    const { side, channels, size, turned, patch } = this;
    const { data } = this.paper.getImageData(0, 0, size, size);
    const frame = channels === 1 ? frameOfInk(data, size, side) : { x: size / 2, y: size / 2, scale: FINE };
    const ground = channels === 1 ? 0 : 0.5;
    const pixels = sampled(data, size, { side, channels, frame, ...turned, patch: patch.on ? patch : null, ground });
    return withNoise(pixels, turned.noise);
  }

  paint() {
    const { screen, size, patch, cursor } = this;
    screen.resetTransform();
    screen.fillStyle = this.ground;
    screen.fillRect(0, 0, size, size);
    screen.setTransform(this.view);
    screen.drawImage(this.paper.canvas, 0, 0);
    if (patch.on) {
      screen.fillRect(patch.x, patch.y, patch.size, patch.size);
      screen.strokeStyle = "#ffffff";
      screen.lineWidth = 2;
      screen.strokeRect(patch.x, patch.y, patch.size, patch.size);
    }
    if (!cursor.shown || this.tool === "patch") return;
    screen.beginPath();
    screen.arc(cursor.x, cursor.y, (this.width * FINE) / 2 + (cursor.down ? 0 : 5), 0, 2 * Math.PI);
    for (const width of [5, 2]) { // white within black: seen on every ground
      screen.strokeStyle = width === 2 ? "#ffffff" : "#000000";
      screen.lineWidth = width;
      screen.stroke();
    }
  }
}

const CAMERA_WORDS = {
  NotAllowedError: "The browser wasn't allowed to use the camera. Allow it beside the address, then start it again.",
  NotFoundError: "No camera was found. Connect one, or choose a picture instead.",
  NotReadableError: "The camera is in use by another program. Close that, then start it again.",
};

/**
 * A camera whose frames never leave the browser. `onFrame(video)` gets each frame, and the next one only when what it
 * returned is done: never more than one is in flight. `onWords(sentence)` says why there is none, or why it stopped.
 */
class CameraSource {
  /** @param {{onFrame: (video: HTMLVideoElement) => unknown, onWords: (sentence: string) => void}} how */
  constructor({ onFrame, onWords }) {
    this.onFrame = onFrame;
    this.onWords = onWords;
    this.video = document.createElement("video");
    this.video.muted = this.video.playsInline = true;
    /** @type {((value?: unknown) => void) | undefined} */
    this.wake = undefined; // ends the waiting for a frame
    this.turn = 0; // a start or a stop makes what an earlier start still does worthless
    document.addEventListener("visibilitychange", this.hidden);
  }

  hidden = () => {
    if (!document.hidden || !this.running) return;
    this.stop();
    this.onWords("The camera stopped when this page was hidden. Start it again.");
  };

  get running() {
    return Boolean(this.stream);
  }

  async start() {
    if (this.running) return;
    const turn = ++this.turn;
    if (!navigator.mediaDevices) {
      this.onWords("A camera works only on pages that come by https or from this machine itself.");
      return;
    }
    try {
      const wanted = { video: { width: { ideal: 320 }, facingMode: "environment" } };
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      if (turn !== this.turn) {
        for (const track of stream.getTracks()) track.stop(); // stopped while the permission was asked for
        return;
      }
      this.stream = stream;
      stream.getVideoTracks()[0].addEventListener("ended", () => {
        if (turn !== this.turn) return;
        this.stop();
        this.onWords("The camera was switched off.");
      });
      this.video.srcObject = stream;
      await this.video.play();
    } catch (problem) {
      if (turn !== this.turn) return;
      this.stop();
      this.onWords(CAMERA_WORDS[problem.name] ?? "The camera couldn't be started. Choose a picture instead.");
      return;
    }
    try {
      while (turn === this.turn) {
        await this.onFrame(this.video);
        if (turn === this.turn) await this.next();
      }
    } finally {
      if (turn === this.turn) this.stop(); // what looks at the frames broke off
    }
  }

  /** Resolves at the video's next frame, or when the camera stops: then no other one comes. */
  next() {
    return new Promise((done) => {
      this.wake = done;
      if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(done);
      else requestAnimationFrame(done);
    });
  }

  stop() {
    this.turn++;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    this.wake?.();
  }

  /** For good. */
  dispose() {
    this.stop();
    document.removeEventListener("visibilitychange", this.hidden);
  }
}
