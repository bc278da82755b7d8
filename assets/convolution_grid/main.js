// A convolution's boards side by side, the player under them, and the words.

const STEP_EVERY = 800; // ms at speed 1
const GAP = 40; // pixels between the columns of boards, as in grid.css
const ASIDE = 236; // pixels that the sum takes beside the boards

class ConvolutionLab extends Lab {
  constructor(parent) {
    super(parent);
    const find = (selector) => parent.querySelector(selector);
    this.planes = find(".planes");
    this.scrubber = find("input[type=range]");
    this.speed = find("select");
    this.playButton = find('[data-do="play"]');
    const listen = (element, event, does) => element.addEventListener(event, does, { signal: this.listening.signal });
    listen(find('[data-do="back"]'), "click", () => this.stepTo(this.position() - 1));
    listen(find('[data-do="step"]'), "click", () => this.stepTo(this.position() + 1));
    listen(this.playButton, "click", () => (this.timer ? this.pause() : this.play()));
    listen(this.scrubber, "input", () => this.stepTo(Number(this.scrubber.value)));
    listen(this.speed, "change", () => this.timer && this.play());
  }

  prepared(scene) {
    return { ...scene, outputs: range((scene.arrays.y ?? scene.arrays.dy).length) };
  }

  adapt() {
    this.view = this.fitView(this.view ?? { o: 0, c: 0 });
  }

  draw() {
    this.scrubber.max = this.places().length - 1;
    super.draw();
    const geometry = JSON.stringify(this.scene.axes.map(({ windows, before }) => [windows, before]));
    if (this.geometry && geometry !== this.geometry) this.fly();
    this.geometry = geometry;
  }

  light() {
    super.light();
    this.scrubber.value = Math.max(0, this.position());
    const output = [this.active, this.cursor].find((place) => place?.array === "y")?.index.slice(1) ?? null;
    if (this.scene.arrays.y) this.boards.get("x")?.hold(output);
    this.boards.get("y")?.fillTo(this.timer ? this.position() : Number.POSITIVE_INFINITY);
    this.planes.replaceChildren(...planesOf(this.scene, this.view, output, getComputedStyle(this.root), (pick) => this.pick(pick)));
  }

  on(what, place, detail) {
    super.on(what, place, detail);
    if (what !== "inside" || this.timer) return;
    this.point(this.cursor);
    const tap = this.active?.array === "y" && termsOf(this.scene, "y", this.active.index).find((term) => keyOf(term.cell.place) === keyOf(place));
    this.pair(tap ? [tap.cell.place, tap.weight.place].filter(Boolean).map(keyOf) : []);
  }

  /** The window follows the pointer that has grabbed it, from place to place of the stride. */
  grab(event, board) {
    const cell = event.target.closest?.(".cell.grab");
    if (!cell || board.editor || event.button > 0) return;
    const corners = this.scene.axes.map(cornersOf);
    const offset = cell.place.padded.slice(1).map((p, n) => p - corners[n][board.held[n]]);
    const done = new AbortController();
    let moved = false;
    const listen = (name, work) => board.grid.addEventListener(name, work, { signal: done.signal });
    listen("pointermove", (now) => {
      if (!moved && Math.hypot(now.clientX - event.clientX, now.clientY - event.clientY) < 5) return;
      if (!moved) {
        moved = true;
        this.pause();
        board.grid.setPointerCapture(event.pointerId);
        board.grid.classList.add("dragging");
      }
      const box = board.grid.getBoundingClientRect();
      const size = box.width / this.scene.axes[1].padded;
      const wanted = [now.clientY - box.top, now.clientX - box.left].map((pixels, n) => pixels / size - 0.5 - offset[n]);
      const output = wanted.map((to, n) => corners[n].reduce((best, corner, t) => (Math.abs(corner - to) < Math.abs(corners[n][best] - to) ? t : best), 0));
      this.cursor = { array: "y", index: [this.view.o, ...output] };
      this.point(this.cursor);
    });
    const end = () => {
      done.abort();
      board.grid.classList.remove("dragging");
      if (moved) this.report();
    };
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) listen(name, end);
  }

  /** After a change of stride, padding or dilation each output flies from the place of its window to its own. */
  fly() {
    const [from, to] = ["x", "y"].map((array) => this.boards.get(array));
    if (!from || !to || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const box = from.grid.getBoundingClientRect();
    const size = box.width / this.scene.axes[1].padded;
    const middle = (t, n) => (Math.min(...this.scene.axes[n].windows[t]) + Math.max(...this.scene.axes[n].windows[t]) + 1) / 2;
    for (const [n, element] of [...to.byKey.values()].entries()) {
      const [t, u] = element.place.index.slice(1);
      const own = element.getBoundingClientRect();
      const [right, down] = [box.left + size * middle(u, 1) - own.left - own.width / 2, box.top + size * middle(t, 0) - own.top - own.height / 2];
      element.animate([{ transform: `translate(${right}px, ${down}px) scale(0.8)`, opacity: 0.3 }, { transform: "none", opacity: 1 }], { duration: 700, delay: 6 * n, easing: "ease-in-out", fill: "backwards" });
    }
    for (const element of from.byKey.values())
      if (element.classList.contains("padding")) element.animate([{ transform: "scale(0.3)", opacity: 0 }, { transform: "none", opacity: 1 }], { duration: 500 });
  }

  lookAt(place) {
    return lookAt(this.scene, place);
  }

  invitation() {
    return "An output shows its sum, an input what it feeds, a weight everything it multiplies.";
  }

  ownOf(place) {
    return ownIndex(this.scene, place);
  }

  lay(columns) {
    this.boards = new Map();
    this.boardsRoot.replaceChildren();
    const rows = Math.max(...columns.map((arrays) => arrays.length));
    columns.forEach((arrays, column) => {
        // What stands at the end of a shorter column reaches down beside the others.
        arrays.forEach((array, row) => {
          const board = new ConvolutionBoard(array, TITLES[array], (what, place, detail) => this.on(what, place, detail));
          this.boards.set(array, board);
          if (array === "x") board.grid.addEventListener("pointerdown", (event) => this.grab(event, board));
          const last = row === arrays.length - 1;
          board.root.style.gridArea = `${row + 1} / ${column + 1} / ${last ? rows + 1 : row + 2} / ${column + 2}`;
          this.boardsRoot.append(board.root);
        });
    });
    this.boardsRoot.style.gridTemplateRows = `${"max-content ".repeat(rows - 1)}1fr`;
  }

  /** Each term with the sum so far under it, under a heading for each channel. */
  chips(terms) {
    const groups = new Set(terms.map((term) => term.group)).size;
    let group = null;
    return terms.flatMap((term) => {
      const chip = make("span", "chip");
      chip.classList.toggle("padding", term.cell.isPadding);
      chip.classList.toggle("nothing", !term.product && this.scene.kind !== "max");
      chip.classList.toggle("winner", Boolean(term.weight.route && term.weight.value));
      const text = termText(this.scene, term);
      const value = number(term.product);
      chip.append(make("b", "", text === value || term.weight.route ? text : `${text} = ${value}`));
      if (!(this.scene.kind === "max" && term.cell.place.array === "x")) chip.append(make("small", "", `sum ${number(term.running)}`));
      const keys = [term.cell.place, term.weight.place].filter(Boolean).map(keyOf);
      chip.addEventListener("pointerenter", () => this.pair(keys));
      chip.addEventListener("pointerleave", () => this.pair([]));
      const isNew = groups > 1 && term.group !== group;
      group = term.group;
      return isNew ? [make("span", "group", `channel ${group + this.scene.first}`), chip] : [chip];
    });
  }

  takePin(pinned) {
    this.cursor = null;
    if (!pinned) return;
    const { array, index } = pinned;
    const before = this.scene.axes.map((axis) => axis.before);
    this.cursor = array === "x" ? { array, padded: [index[0], index[1] + before[0], index[2] + before[1]] } : { array, index };
    if (array === "x" || array === "dx") this.view = this.fitView({ o: this.view?.o ?? 0, c: index[0] }, "c");
    else if (index.length === 4) this.view = { o: index[0], c: channelsOf(this.scene, index[0])[index[1]] };
    else this.view = this.fitView({ c: this.view?.c ?? 0, o: index[0] }, "o");
  }

  // Channels: the input channel shown is always one that the output channel shown reads.

  pick(pick) {
    this.view = this.fitView({ ...this.view, ...pick }, Object.keys(pick)[0]);
    if (this.cursor?.array === "y" || this.cursor?.array === "dy") this.cursor = { ...this.cursor, index: [this.view.o, ...this.cursor.index.slice(1)] };
    this.draw();
    this.report();
  }

  fitView({ o, c }, kept = "o") {
    o = Math.min(o, this.scene.outputs.length - 1);
    c = Math.min(c, this.scene.arrays.x.length - 1);
    if (channelsOf(this.scene, o).includes(c)) return { o, c };
    return kept === "o" ? { o, c: channelsOf(this.scene, o)[0] } : { o: readersOf(this.scene, c)[0] ?? 0, c };
  }

  exists(place) {
    if (place.padded) {
      const [c, p, q] = place.padded;
      return c < this.scene.arrays.x.length && p < this.scene.axes[0].padded && q < this.scene.axes[1].padded;
    }
    return super.exists(place);
  }

  // The player slides the window over the outputs of the channel shown, row by row.

  places() {
    const array = this.scene.arrays.y ? "y" : "dy";
    const [rows, columns] = this.scene.axes;
    return range(rows.out * columns.out).map((n) => ({ array, index: [this.view.o, Math.floor(n / columns.out), n % columns.out] }));
  }

  /** The number of the output that is active or pinned; -1 if it is something else. */
  position() {
    const place = [this.active, this.cursor].find((one) => one?.array === "y" || one?.array === "dy");
    return place ? place.index[1] * this.scene.axes[1].out + place.index[2] : -1;
  }

  stepTo(position, isPlaying = false) {
    if (!isPlaying) this.pause();
    const all = this.places();
    this.cursor = all[(position + all.length) % all.length];
    this.point(this.cursor);
    if (!isPlaying) this.report();
  }

  play() {
    clearInterval(this.timer);
    this.timer = setInterval(() => this.stepTo(this.position() + 1, true), STEP_EVERY / Number(this.speed.value));
    this.showPlaying();
    this.stepTo(this.position() + 1, true);
  }

  pause() {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = null;
    this.showPlaying();
    this.light();
    this.report();
  }

  showPlaying() {
    this.playButton.setAttribute("aria-label", this.timer ? "Pause" : "Play");
    this.playButton.classList.toggle("playing", Boolean(this.timer));
  }

  /** As large as the screen allows; on a narrow one the boards stand one under the other. */
  fit() {
    const width = this.root.clientWidth;
    if (!this.scene || !width) return;
    const [rows, columns] = this.scene.axes;
    const across = { x: columns.padded, dx: columns.size, w: columns.kernel, dw: columns.kernel, b: this.scene.outputs.length, db: this.scene.outputs.length, y: columns.out, dy: columns.out };
    const widths = this.scene.columns.map((arrays) => Math.max(...arrays.map((array) => across[array]), 3));
    const down = { x: rows.padded, dx: rows.size, w: rows.kernel, dw: rows.kernel, b: 1, db: 1, y: rows.out, dy: rows.out };
    const heights = this.scene.columns.map((arrays) => arrays.reduce((sum, array) => sum + down[array], 0));
    const cellIn = (room) => (room - 8 - GAP * (widths.length - 1)) / widths.reduce((sum, n) => sum + n, 0);
    const isAside = this.scene.dims === 2 && Boolean(this.scene.arrays.y) && !this.scene.arrays.dx && cellIn(width - ASIDE) >= 28;
    const together = cellIn(isAside ? width - ASIDE : width);
    const isNarrow = together < 24;
    const cell = isNarrow ? (width - 8) / Math.max(...widths) : Math.min(together, Math.max(28, (innerHeight - (this.scene.channels ? 540 : 440)) / Math.max(...heights)));
    this.root.classList.toggle("narrow", isNarrow);
    this.root.classList.toggle("aside", isAside);
    this.root.classList.toggle("channels", Boolean(this.scene.channels));
    this.root.style.setProperty("--cell", `${Math.floor(Math.max(24, Math.min(46, cell)))}px`);
  }
}

export default (given) => mounted(ConvolutionLab, given);
