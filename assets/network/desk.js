// The place before a network of glass: a board to draw on, its tools, and the way from each stroke to the picture.

const SETTLED = 120; // ms without a stroke, after which what a slow machine left out is computed
const WORDS = 6000; // ms that a sentence stays on the board
const AT_ONCE = 12; // ms that gradients, lines and painting may take, to be there with every frame
const BOARD_TOOLS = { pencil: "Draw", eraser: "Erase", patch: "Cover" };
const COLOURS = ["#ffffff", "#101010", "#d62728", "#2ca02c", "#1f77b4", "#f2c230", "#8c564b"];

class Desk {
  /** `inside` is what shows it; `given`: network, samples [{name, pixels | photo}], start (one of them). */
  constructor(inside, given) {
    this.inside = inside;
    this.glass = new GlassNetwork(given.network);
    this.given = given;
    this.cost = AT_ONCE; // until it is known
    this.root = inside.root.querySelector(".desk");
    this.seen = inside.photo.querySelector(".seen");
    const channels = this.glass.network.shape[0];
    this.colourful = channels === 3;
    this.canvas = piece("canvas", "board");
    this.canvas.setAttribute("aria-label", `${this.colourful ? "The photo, to paint on" : "A digit, to draw and to change"}. ${BOARD_KEYS}`);
    this.says = piece("p", "boardsays", "", { role: "status" });
    const paper = piece("div", "paper");
    paper.append(this.canvas, this.says);
    this.root.replaceChildren(paper, this.tools());
    this.board = new DrawingBoard(this.canvas, {
      channels: /** @type {1 | 3} */ (channels), side: this.glass.side,
      onInput: (pixels) => this.take(pixels), onWords: (words) => this.say(words),
    });
    this.camera = new CameraSource({
      onFrame: (video) => this.board.show(video, true),
      onWords: (words) => this.say(words),
    });
    this.choose("pencil");
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.settling);
    clearTimeout(this.quiet);
    this.board.stop();
    this.camera.dispose();
    this.root.replaceChildren();
  }

  say(words) {
    clearTimeout(this.quiet);
    this.says.textContent = words;
    this.quiet = setTimeout(() => { this.says.textContent = ""; }, WORDS);
  }

  // --- the tools ---

  tools() {
    const bar = piece("div", "deskbar");
    const button = (words, work, title) => {
      const made = piece("button", "tool", words, title ? { title } : {});
      made.addEventListener("click", work);
      return made;
    };
    this.kinds = Object.entries(BOARD_TOOLS).map(([tool, words]) => button(words, () => this.choose(tool), tool === "patch" ? "A patch to drag: what does the network say without what lies under it?" : ""));
    this.cameraTool = button("Camera", () => this.film(), "Its pictures stay in this browser");
    bar.append(...this.kinds, button("Undo", () => this.board.undo()), button("Clear", () => this.wipe()), this.cameraTool);
    const more = piece("details");
    const slider = (words, name, [min, max, step], set) => {
      const label = piece("label", "", words);
      const input = piece("input", "", "", { type: "range", min, max, step, value: name === "width" ? "2.4" : "0" });
      input.addEventListener("input", () => set(Number(input.value)));
      label.append(input);
      return label;
    };
    more.append(piece("summary", "", "More"),
      slider("Turn", "angle", ["-180", "180", "5"], (value) => { this.board.angle = value; }),
      slider("Move across", "x", ["-14", "14", "1"], (value) => { this.board.shift = [value, this.board.shift[1]]; }),
      slider("Move down", "y", ["-14", "14", "1"], (value) => { this.board.shift = [this.board.shift[0], value]; }),
      slider("Noise", "noise", ["0", "0.5", "0.02"], (value) => { this.board.noise = value; }),
      slider("Thickness", "width", ["1", "6", "0.2"], (value) => { this.board.width = value; }));
    const samples = piece("select", "", "", { "aria-label": this.colourful ? "Photo" : "Digit to begin with" });
    this.given.samples.forEach(({ name }, index) => {
      samples.append(new Option(this.colourful ? name : `A ${name}`, String(index)));
    });
    samples.append(new Option(this.colourful ? "A painting" : "A drawing", ""));
    samples.addEventListener("change", () => samples.value !== "" && this.inside.go({ input: Number(samples.value) }));
    this.samples = samples;
    bar.append(samples, more);
    if (!this.colourful) return bar;
    const colours = piece("div", "colours", "", { role: "group", "aria-label": "Colour" });
    colours.append(...COLOURS.map((colour) => {
      const made = button("", () => this.paint(colour), colour);
      made.setAttribute("aria-label", `Colour ${colour}`);
      made.style.background = colour;
      return made;
    }));
    this.swatches = colours;
    more.before(colours);
    return bar;
  }

  choose(tool) {
    this.board.tool = tool;
    if (tool !== "patch") this.board.occluding = false;
    else if (!this.board.occluding) this.board.movePatch(this.board.size / 2, this.board.size / 2);
    Object.keys(BOARD_TOOLS).forEach((name, i) => {
      this.kinds[i].setAttribute("aria-pressed", String(name === tool));
    });
    if (this.swatches && !this.coloured) this.paint(COLOURS[0]);
  }

  paint(colour) {
    this.coloured = true;
    this.board.colour = colour;
    for (const one of this.swatches.children) one.setAttribute("aria-pressed", String(one.title === colour));
  }

  wipe() {
    this.camera.stop();
    this.cameraTool.setAttribute("aria-pressed", "false");
    for (const slider of /** @type {NodeListOf<HTMLInputElement>} */ (this.root.querySelectorAll("details input"))) slider.value = slider.max === "6" ? slider.value : "0";
    this.board.clear();
    if (!this.samples.matches(":disabled")) this.samples.value = "";
  }

  film() {
    if (this.camera.running) this.camera.stop();
    else {
      this.samples.value = "";
      this.camera.start().then(() => this.cameraTool.setAttribute("aria-pressed", "false"));
    }
    this.cameraTool.setAttribute("aria-pressed", String(this.cameraTool.getAttribute("aria-pressed") !== "true"));
  }

  // --- from the paper to the picture ---

  /** Lay the sample that `at` names on the board, and give the whole picture of it. */
  open(at) {
    this.lay(at);
    this.glass.look(this.pixels, at.changes, at.asked);
    this.show();
    return this.glass.scene(this.colourful ? "The photo on the board" : "The digit on the board");
  }

  lay({ input }) {
    this.input = input;
    const index = input ?? this.given.start;
    const { pixels, photo } = this.given.samples[index];
    this.samples.value = String(index);
    if (photo) {
      const picture = new Image();
      picture.addEventListener("load", () => this.input === input && this.board.show(picture));
      picture.src = photo;
    } else {
      const levels = Float32Array.from(atob(pixels), (letter) => letter.charCodeAt(0) / 255);
      this.board.turned = { angle: 0, shift: [0, 0], noise: 0 };
      this.board.showPixels(levels);
    }
    this.pixels = this.board.input();
  }

  /** Somebody has gone elsewhere in the network, or changed it. */
  moved(at) {
    if (at.input !== this.input) this.lay(at);
    this.work(true);
  }

  /** Maps and bars follow each stroke; gradients and lines too, if they are quick enough here, else once it is done. */
  take(pixels) {
    if (this.stopped || !this.inside.data) return;
    this.pixels = pixels;
    clearTimeout(this.settling);
    this.work(this.cost < AT_ONCE);
    if (this.cost >= AT_ONCE) this.settling = setTimeout(() => this.work(true), SETTLED);
  }

  work(whole) {
    const { at } = this.inside;
    this.glass.look(this.pixels, at.changes, at.asked);
    this.show();
    const quick = this.glass.quick();
    const begun = performance.now();
    if (whole) {
      const { columns, ...rest } = this.glass.rest();
      this.inside.update({ ...quick, ...rest, columns: quick.columns.map((column, c) => ({ ...column, ...columns[c] })) });
      this.cost = 0.7 * this.cost + 0.3 * (performance.now() - begun);
    } else this.inside.update(quick);
    /** @type {any} */ (this.inside.root).pixels = this.pixels; // what is on the page is of these
  }

  detail(at) {
    return this.glass.detail(at);
  }

  /** What the network gets, as it gets it. */
  show() {
    const { side } = this.glass;
    const image = new ImageData(side, side);
    const each = side * side;
    for (let i = 0; i < each; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = Math.round(255 * this.pixels[(this.colourful ? c * each : 0) + i]);
      image.data[4 * i + 3] = 255;
    }
    [this.seen.width, this.seen.height] = [side, side];
    this.seen.getContext("2d").putImageData(image, 0, 0);
  }
}
