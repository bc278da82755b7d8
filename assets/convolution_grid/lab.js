// Boards and the words under them, whatever the boards are of.

const REPORT_AFTER = 250; // ms: while somebody steps on and on, Python hears about the last cell only

class Lab {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".lab");
    this.boardsRoot = find(".boards");
    this.head = find(".head");
    this.terms = find(".terms");
    this.foot = find(".foot");
    this.live = find(".live");
    this.words = find(".words");
    this.boards = new Map();
    this.view = null; // which part of its arrays a board shows
    this.timer = null; // of a player, while it plays
    this.serial = 0;
    this.unsent = [];
    this.pins = 0; // how many pins Python was told of
    this.listening = new AbortController();
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.root);
  }

  /** New data from Python. */
  take({ data: scene, setStateValue }) {
    this.scene = this.prepared(scene);
    this.send = setStateValue;
    this.unsent = this.unsent.filter((edit) => edit.serial > scene.turn);
    this.serial = Math.max(this.serial, scene.turn);
    const layout = JSON.stringify(scene.columns);
    if (layout !== this.layout) this.lay(scene.columns);
    this.layout = layout;
    const pinned = JSON.stringify(scene.pinned);
    const stale = this.timer || this.reporting || scene.pins < this.pins;
    if (pinned !== this.pinned && !stale) this.takePin(scene.pinned);
    this.pinned = pinned;
    this.pins = Math.max(this.pins, scene.pins);
    if (this.cursor && !this.exists(this.cursor)) this.cursor = null;
    this.adapt();
    this.fit();
    this.draw();
  }

  stop() {
    this.pause();
    clearTimeout(this.reporting);
    this.sizes.disconnect();
    this.listening.abort();
  }

  draw() {
    for (const board of this.boards.values()) board.draw(this.scene, this.view, (pick) => this.pick(pick));
    this.active = this.cursor;
    this.light();
  }

  light() {
    const look = this.active && this.exists(this.active) ? this.lookAt(this.active) : null;
    for (const board of this.boards.values()) board.light(look, this.active);
    this.say(look);
  }

  say(look) {
    this.head.textContent = look ? look.head : "Point at any cell";
    this.foot.textContent = look ? look.foot : this.invitation();
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
      const index = this.cursor && this.ownOf(this.cursor);
      this.send("pin", { serial: ++this.pins, ...(index && { array: this.cursor.array, index }) });
    }, REPORT_AFTER);
  }

  /** All edits that Python hasn't taken up yet, so that none is lost when they come faster than answers. */
  edit(place, text) {
    this.unsent.push({ serial: ++this.serial, array: place.array, index: this.ownOf(place), text });
    this.send("edits", [...this.unsent]);
  }

  // What a kind of lab says for itself.

  prepared(scene) {
    return scene;
  }

  /** What the boards show of the new scene, where they don't show all of it. */
  adapt() {}

  pick(_pick) {}

  pause() {}

  fit() {}

  lay(_columns) {}

  lookAt(_place) {
    return null;
  }

  chips(_terms) {
    return [];
  }

  invitation() {
    return "";
  }

  ownOf(place) {
    return place.index;
  }

  takePin(pinned) {
    this.cursor = pinned;
  }

  exists(place) {
    let part = this.scene.arrays[place.array];
    for (const i of place.index) part = part?.[i];
    return typeof part === "number";
  }

  pair(keys) {
    for (const board of this.boards.values()) board.pair(keys);
  }
}
