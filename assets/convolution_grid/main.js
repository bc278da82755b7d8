// The whole: boards side by side, the player under them, and the words.
//
// Streamlit calls the default export again whenever the data changes, with the same parent element, so what a person
// was doing (hovering, editing, playing) lives in one Lab per parent element and goes on.

const REPORT_AFTER = 250; // ms: while somebody steps on and on, Python hears about the last cell only
const STEP_EVERY = 800; // ms at speed 1

class Lab {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.lab = find(".lab");
    this.boardsRoot = find(".boards");
    this.head = find(".head");
    this.terms = find(".terms");
    this.foot = find(".foot");
    this.live = find(".live");
    this.scrubber = find("input[type=range]");
    this.speed = find("select");
    this.words = find(".words");
    this.playButton = find('[data-do="play"]');
    this.calls = 0;
    this.serial = 0;
    this.unsent = [];
    this.listening = new AbortController();
    const listen = (element, event, does) => element.addEventListener(event, does, { signal: this.listening.signal });
    listen(find('[data-do="back"]'), "click", () => this.stepTo(this.position() - 1));
    listen(find('[data-do="step"]'), "click", () => this.stepTo(this.position() + 1));
    listen(this.playButton, "click", () => (this.timer ? this.pause() : this.play()));
    listen(this.scrubber, "input", () => this.stepTo(Number(this.scrubber.value)));
    listen(this.speed, "change", () => this.timer && this.play());
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.lab);
  }

  /** New data from Python. */
  show(scene, send) {
    this.scene = { ...scene, outputs: range((scene.arrays.y ?? scene.arrays.dy).length) };
    this.send = send;
    this.unsent = this.unsent.filter((edit) => edit.serial > scene.turn);
    this.serial = Math.max(this.serial, scene.turn);
    const layout = JSON.stringify(scene.columns);
    if (layout !== this.layout) this.lay(scene.columns);
    this.layout = layout;
    const pinned = JSON.stringify(scene.pinned);
    if (pinned !== this.pinned && !this.timer && !this.reporting) this.takePin(scene.pinned);
    this.pinned = pinned;
    if (this.cursor && !this.exists(this.cursor)) this.cursor = null;
    this.view = this.fitView(this.view ?? { o: 0, c: 0 });
    this.fit();
    this.draw();
  }

  stop() {
    this.pause();
    clearTimeout(this.reporting);
    this.sizes.disconnect();
    this.listening.abort();
  }

  lay(columns) {
    this.boards = new Map();
    this.boardsRoot.replaceChildren();
    const rows = Math.max(...columns.map((arrays) => arrays.length));
    columns.forEach((arrays, column) => {
        // What stands at the end of a shorter column reaches down beside the others.
        arrays.forEach((array, row) => {
          const board = new Board(array, (what, place, detail) => this.on(what, place, detail));
          this.boards.set(array, board);
          const last = row === arrays.length - 1;
          board.root.style.gridArea = `${row + 1} / ${column + 1} / ${last ? rows + 1 : row + 2} / ${column + 2}`;
          this.boardsRoot.append(board.root);
        });
    });
    this.boardsRoot.style.gridTemplateRows = `${"max-content ".repeat(rows - 1)}1fr`;
  }

  draw() {
    for (const board of this.boards.values()) board.draw(this.scene, this.view, (pick) => this.pick(pick));
    this.scrubber.max = this.places().length - 1;
    this.active = this.cursor;
    this.light();
  }

  light() {
    const look = this.active && this.exists(this.active) ? lookAt(this.scene, this.active) : null;
    for (const board of this.boards.values()) board.light(look, this.active);
    this.scrubber.value = Math.max(0, this.position());
    this.say(look);
  }

  say(look) {
    this.head.textContent = look ? look.head : "Point at any cell";
    this.foot.textContent = look ? look.foot : "An output shows its sum, an input what it feeds, a weight everything it multiplies.";
    this.terms.replaceChildren(...(look ? this.chips(look.terms) : []));
    this.keepHeight();
    clearTimeout(this.speaking);
    if (!this.timer) this.speaking = setTimeout(() => (this.live.textContent = look?.spoken ?? ""), 300);
  }

  /** The panel never shrinks while somebody points around, so that what stands below doesn't jump. */
  keepHeight() {
    this.words.style.minHeight = "";
    this.tallest = Math.max(this.tallest ?? 0, Math.min(this.words.offsetHeight, 320));
    this.words.style.minHeight = `${this.tallest}px`;
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
      const pair = (lit) => {
        for (const board of this.boards.values()) board.pair(lit);
      };
      chip.addEventListener("pointerenter", () => pair(keys));
      chip.addEventListener("pointerleave", () => pair([]));
      const isNew = groups > 1 && term.group !== group;
      group = term.group;
      return isNew ? [make("span", "group", `channel ${group + this.scene.first}`), chip] : [chip];
    });
  }

  on(what, place, detail) {
    if (what === "hover" && !this.timer) this.point(place);
    if (what === "leave" && !this.timer) this.point(this.cursor);
    if (what === "pin") this.pin(place);
    if (what === "unpin") this.pin(null);
    if (what === "edit") this.edit(place, detail);
  }

  point(place) {
    this.active = place;
    this.light();
  }

  pin(place) {
    this.pause();
    this.cursor = place;
    this.point(place);
    this.report();
  }

  /** Tell Python which cell is pinned, a moment after the last change. */
  report() {
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => {
      this.reporting = null;
      const index = this.cursor && ownIndex(this.scene, this.cursor);
      this.send("pin", index ? { array: this.cursor.array, index } : null);
    }, REPORT_AFTER);
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

  /** All edits that Python hasn't taken up yet, so that none is lost when they come faster than answers. */
  edit(place, text) {
    this.unsent.push({ serial: ++this.serial, array: place.array, index: ownIndex(this.scene, place), text });
    this.send("edits", [...this.unsent]);
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
    let part = this.scene.arrays[place.array];
    for (const i of place.index) part = part?.[i];
    return typeof part === "number";
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
    this.report();
  }

  showPlaying() {
    this.playButton.setAttribute("aria-label", this.timer ? "Pause" : "Play");
    this.playButton.classList.toggle("playing", Boolean(this.timer));
  }

  /** As large as the width allows; on a narrow screen the boards stand one under the other. */
  fit() {
    const width = this.lab.clientWidth;
    if (!this.scene || !width) return;
    const [rows, columns] = this.scene.axes;
    const across = { x: columns.padded, dx: columns.size, w: columns.kernel, dw: columns.kernel, b: this.scene.outputs.length, db: this.scene.outputs.length, y: columns.out, dy: columns.out };
    const widths = this.scene.columns.map((arrays) => Math.max(...arrays.map((array) => across[array]), 3));
    const together = (width - 56 * (widths.length - 1)) / widths.reduce((sum, n) => sum + n, 0);
    const isNarrow = together < 24;
    const cell = isNarrow ? (width - 8) / Math.max(...widths) : together;
    this.lab.classList.toggle("narrow", isNarrow);
    this.lab.style.setProperty("--cell", `${Math.floor(Math.max(24, Math.min(rows.padded > 12 ? 40 : 46, cell)))}px`);
  }
}

const labs = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  let lab = labs.get(parentElement);
  if (!lab?.lab.isConnected) {
    lab?.stop();
    lab = new Lab(parentElement);
    labs.set(parentElement, lab);
  }
  lab.calls += 1;
  const call = lab.calls;
  lab.show(data, setStateValue);
  return () => {
    if (lab.calls !== call) return; // a call that was overtaken while its module was loading: the lab lives on
    lab.stop();
    labs.delete(parentElement);
  };
}
