// Inside a network: the photo, the columns of tiles, the answer; and the way in, from the network to a single number.
//
// What comes in `data` from Python, or from a network that is computed in the browser (see `Inside.show`):
//
//   id       names the scene: with another one everything is painted anew
//   scene    (left out where the browser has it: `at` said that it `has` it and its links, or it `want`s those)
//            network, opened (titles of unfolded stages), photo (an address), side (its pixels), alt, asked (a class), askedName, pixels (maps: the slopes
//            at the photo), classes [{index, label, logit, share}] (before a change), classCount, answer (the layer of the
//            logits), columns, each of them:
//              node, title, note, label, rows, cols (of the layer's own maps), skips, unfolds, reads (the columns
//              that it reads, -1 for what stands before the first),
//              channels, scores, peaks [[row, col]]: one of each for every tile,
//              maps, slopes: {levels, rows, cols, scale}, small maps of all tiles one after the other; levels from
//              -127 to 127 stand for -scale to scale, as an Int8Array or in base64
//   links    once they are known: feeds, one for each column: weights[tile of the next column][tile of this one], after
//            the last column [class][tile]; whole, the sum over all channels; classes, which those are; votes
//   fields   by node {size, jump, start}: which pixels its cells see; null: all
//   at       stage (indices of unfolded stages), layer, channel, row, col, way, asked, changes [[node, channel, factor]]
//   changed  classes of the changed network
//   detail   the layer and the cell that `at` names
//   glass    instead of the scene: a network that is computed here, and what to begin with (see desk.js)
//   hero     no more than the picture; a click opens the page
//
// A network in the browser is `local`: it gives its first scene, and each further frame by `update`.
// Back go `want` (the id whose links are wanted) and `at` (where somebody goes), which has a `turn` that counts up.

const FLIGHT = 360; // ms
const LOWEST = 364; // px of the row of columns, at least
const BELOW = 54; // px for the legend and what is under it
const HEADS = 82; // px over a column's tiles, and what they leave free
const LINGER = 110; // ms that lines stay when the pointer leaves a tile

class Inside {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".inside");
    this.crumbs = find(".crumbs");
    this.photo = find(".photo");
    this.says = find(".says");
    this.columns = find(".columns");
    this.zoom = find(".zoom");
    this.spot = find(".spot");
    this.live = find(".live");
    this.hint = find(".hint");
    this.lowest = find(".lowest");
    this.highest = find(".highest");
    this.changesList = find(".changes");
    this.where = find(".where");
    this.tools = find(".foot .tools");
    this.offTool = find('[data-tool="off"]');
    this.ways = [...parent.querySelectorAll("[data-way]")];
    this.turn = 0;
    this.flights = [];
    /** A network in the browser gives what Python else would. @type {Desk | null} */
    this.local = null;
    this.send = (_name, _value) => {};
    this.open = (_place) => {};
    this.overview = new Overview(this.root, {
      light: (target) => this.light(target),
      enter: (column, tile) => this.enter(column, tile),
      unfold: (column) => this.unfold(column),
      ask: (index) => (index === this.data.scene.asked ? this.enterClass(index) : this.go({ asked: index })),
    });
    this.input = new LiveInput(this);
    this.listening = new AbortController();
    const { signal } = this.listening;
    for (const button of this.ways) {
      button.addEventListener("click", () => this.go({ way: button.dataset.way }), { signal });
    }
    this.offTool.addEventListener("click", () => this.arm(this.offTool.getAttribute("aria-pressed") !== "true"), { signal });
    this.root.addEventListener("keydown", (event) => this.key(event), { signal });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && document.activeElement === document.body) this.key(event);
    }, { signal }); // whoever came by a link has nothing in focus
    this.columns.parentElement.addEventListener("scroll", () => this.overview.scene && this.overview.light(null), { signal });
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.root);
  }

  stop() {
    this.view?.finish();
    clearTimeout(this.leaving);
    this.overview.still();
    this.local?.stop();
    this.input.stop();
    this.sizes.disconnect();
    this.listening.abort();
  }

  // --- what comes ---

  take({ data, setStateValue, setTriggerValue }) {
    this.send = (name, value) => setStateValue(name, value);
    this.open = (place) => setTriggerValue("open", place);
    this.show(data);
  }

  show(given) {
    const kept = this.data?.id === given.id ? this.data : null;
    if (!given.scene && !given.glass && !kept) { // Python believes that it is here
      this.turn = Math.max(this.turn, given.turn) + 1;
      this.send("want", "");
      this.send("at", { ...given.at, turn: this.turn, has: "" });
      return;
    }
    if (kept && this.local) {
      this.data.turn = given.turn;
      this.fit();
      if (given.turn < this.turn || JSON.stringify(given.at) === JSON.stringify(this.at)) return; // the echo of a move
      this.at = given.at;
      this.local.moved(this.at);
      this.draw();
      return;
    }
    this.local?.stop();
    this.local = given.glass ? new Desk(this, given.glass) : null;
    this.root.classList.toggle("glass", Boolean(given.glass));
    this.root.classList.toggle("hero", Boolean(given.hero));
    if (this.local) Object.assign(given, this.local.open(given.at));
    const data = kept ? { ...given, scene: kept.scene, links: given.links ?? kept.links, fields: given.fields ?? kept.fields } : given;
    const anew = data.id !== this.data?.id;
    const before = this.data;
    if (anew) this.input.forget();
    else if (this.input.still) [this.input.still.changed, data.changed] = [data.changed, before.changed];
    this.data = data;
    if (!before) {
      this.turn = data.turn;
      this.at = data.at;
    } else if (data.turn >= this.turn) this.at = data.at;
    if (anew) {
      if (data.scene.photo) this.photo.querySelector("img").src = data.scene.photo;
      this.photo.setAttribute("aria-label", `${data.scene.alt}, as the network sees it`);
      this.overview.show(data.scene, this.at.way);
      this.painted = "";
    }
    if (data.links && this.overview.links !== data.links) this.overview.links = data.links;
    if (this.local && this.at.layer) data.detail = this.local.detail(this.at);
    this.overview.answer(data.scene.classes, data.changed?.classes ?? null);
    this.fit();
    this.draw();
    this.overview.light(this.overview.target ?? null);
    this.root.dataset.linked = String(Boolean(data.links));
    if (!data.links) this.send("want", data.id);
  }

  /** What a network in the browser says now, many times a second: new maps and bars in the same places. */
  update({ columns, links, changed, ...more }) {
    const { scene } = this.data;
    for (const [c, column] of columns.entries()) Object.assign(scene.columns[c], column);
    Object.assign(scene, more);
    this.data.changed = changed;
    if (this.at.layer && this.local) this.data.detail = this.local.detail(this.at);
    this.shown = null;
    if (this.at.layer) this.drawZoom();
    else this.overview.paint(this.at.way);
    this.overview.answer(this.input.on === "camera" ? [] : scene.classes, changed?.classes ?? null);
    this.note();
    if (!links) return; // lines and slopes come once there is time
    this.data.links = this.overview.links = links;
    this.paintSlopes();
    if (this.at.layer) return;
    this.overview.light(this.overview.target ?? null);
    if (!this.overview.target) this.tell(scene);
  }

  /** Everything that follows from where we are. */
  draw() {
    const { data, at } = this;
    const { scene } = data;
    if (at.layer) this.input.end();
    this.root.classList.toggle("inLayer", Boolean(at.layer));
    this.root.dataset.view = !at.layer ? "network" : at.row === null ? "layer" : "cell";
    for (const button of this.ways) button.setAttribute("aria-pressed", String(button.dataset.way === at.way));
    if (this.painted !== `${data.id} ${at.way}`) this.overview.paint(at.way);
    this.painted = `${data.id} ${at.way}`;
    this.paintSlopes();
    this.overview.mark(at.changes);
    this.note();
    this.listChanges();
    this.drawCrumbs();
    this.drawZoom();
    this.rest();
  }

  paintSlopes() {
    const slopes = this.photo.querySelector(".slopes");
    slopes.hidden = this.at.way !== "backwards";
    if (!slopes.hidden) paintMap(slopes, this.data.scene.pixels);
  }

  /** Below the answer's title. */
  note() {
    const { data, at } = this;
    const asked = `${at.way === "backwards" ? "asked: " : ""}${data.scene.askedName}`;
    const live = { patch: "covered; marked: before", camera: "of the camera" };
    const changed = this.input.still ? (live[this.input.on] ?? "") : "changed; marked: before";
    this.root.querySelector(".answer .note").textContent = data.changed ? changed : asked;
  }

  drawCrumbs() {
    const { at, data } = this;
    const detail = this.detail();
    const whole = { layer: "", channel: 0, row: null, col: null };
    const parts = [[data.scene.network, { ...whole, stage: [] }]];
    data.scene.opened.forEach((title, depth) => {
      parts.push([title, { ...whole, stage: at.stage.slice(0, depth + 1) }]);
    });
    const { answer } = data.scene;
    if (at.layer) parts.push([at.layer === answer ? detail?.label ?? "a class" : `${detail?.place ?? this.columnOf(at.layer)?.title ?? at.layer}, map ${at.channel}`, { row: null, col: null }]);
    if (at.layer && at.layer !== answer && at.row !== null) parts.push([`row ${at.row}, column ${at.col}`, {}]);
    this.crumbs.replaceChildren(...parts.flatMap(([text, place], index) => {
      const last = index === parts.length - 1;
      const part = piece(last ? "span" : "button", last ? "here" : "", text);
      if (last) part.setAttribute("aria-current", "location");
      else part.addEventListener("click", () => this.go(place));
      return index ? [piece("span", "then", "›", { "aria-hidden": "true" }), part] : [part];
    }));
  }

  detail() {
    const { detail } = this.data;
    const { layer, channel, way } = this.at;
    return detail && detail.layer === layer && detail.channel === channel && detail.way === way ? detail : null;
  }

  columnOf(node) {
    return this.data.scene.columns.find((column) => column.node === node);
  }

  drawZoom() {
    const { at, data } = this;
    this.columns.inert = Boolean(at.layer);
    this.columns.classList.toggle("behind", Boolean(at.layer));
    this.zoom.hidden = !at.layer;
    if (this.wantsFocus) this.zoom.focus({ preventScroll: true }); // what had it is out of reach now
    if (!at.layer) {
      this.view?.finish();
      this.view = this.shown = null;
      this.zoom.replaceChildren();
      this.spot.replaceChildren();
      this.where.replaceChildren();
      this.tools.replaceChildren();
      return;
    }
    const detail = this.detail();
    const cell = at.row !== null && detail?.cell?.row === at.row && detail.cell.col === at.col ? detail.cell : null;
    const change = at.changes.find(([node, channel]) => node === at.layer && channel === at.channel)?.[2];
    const key = JSON.stringify([data.id, at.layer, at.channel, at.row, at.col, at.way, change, Boolean(detail), Boolean(cell), Boolean(cell?.planes[0]?.dx)]);
    if (key === this.shown) return;
    this.shown = key;
    this.view?.finish();
    const hadFocus = this.zoom.contains(/** @type {ShadowRoot | Document} */ (this.zoom.getRootNode()).activeElement);
    if (!detail || (at.row !== null && !cell)) {
      if (!this.zoom.childElementCount) this.zoom.replaceChildren(piece("p", "waiting", "Taking it apart…"));
      return;
    }
    if (cell) {
      this.view = new CellView(cell, detail, { ...data.scene, classes: this.classes }, at.way, (place) => this.go(place));
    } else {
      const fresh = this.entered !== `${at.layer} ${at.channel}`;
      this.view = new LayerView(detail, change, data.layers, {
        go: (place) => this.go(place),
        point: (where, sum) => this.point(where, sum),
        change: (factor) => this.change(at.layer, at.channel, factor),
      });
      if (fresh) this.view.play();
      this.entered = `${at.layer} ${at.channel}`;
    }
    this.view.root.tabIndex = -1;
    this.zoom.replaceChildren(this.view.root);
    this.spot.replaceChildren(...this.view.spot);
    this.where.replaceChildren(...this.view.where);
    this.tools.replaceChildren(...this.view.bar);
    if (hadFocus || this.wantsFocus) this.view.first.focus({ preventScroll: true });
    this.wantsFocus = false;
    if (cell) this.box(cell.box);
  }

  // --- where somebody goes ---

  go(place) {
    const back = "layer" in place && !place.layer && Boolean(this.at.layer);
    const asked = "asked" in place && place.asked !== this.at.asked;
    this.at = { ...this.at, ...place };
    this.turn += 1;
    this.send("at", { ...this.at, turn: this.turn, has: this.data.links ? this.data.id : "" });
    this.entered = "layer" in place ? "" : this.entered;
    if (asked) this.overview.light(null);
    this.wantsFocus = Boolean(this.at.layer);
    if (this.local) this.local.moved(this.at);
    this.draw();
    if (back) {
      this.land();
      this.overview.focus();
      this.overview.light(null);
    }
  }

  /** The bars as they are now. */
  get classes() {
    return this.data.changed?.classes ?? this.data.scene.classes;
  }

  /** Into the logit of a class, and the softmax behind it. */
  enterClass(index) {
    const place = { layer: this.data.scene.answer, channel: index };
    if (this.data.hero) this.open(place);
    else this.go({ ...place, row: 0, col: 0 });
  }

  enter(column, tile) {
    const { node, channels } = this.data.scene.columns[column];
    if (this.data.hero) {
      this.open({ layer: node, channel: channels[tile] });
      return;
    }
    if (this.offTool.getAttribute("aria-pressed") === "true") {
      const known = this.at.changes.some(([layer, channel]) => layer === node && channel === channels[tile]);
      this.change(node, channels[tile], known ? 1 : 0);
      return;
    }
    this.fly(this.overview.tiles[column][tile]);
    this.go({ layer: node, channel: channels[tile], row: null, col: null });
  }

  unfold(column) {
    this.overview.at = [0, 1];
    this.go({ stage: [...this.at.stage, column] });
  }

  /** The network grows around the tile and fades, while the tile comes to the fore. */
  fly(tile) {
    this.land();
    if (calm()) return;
    const own = this.columns.getBoundingClientRect();
    const box = tile.getBoundingClientRect();
    const origin = `${box.left + box.width / 2 - own.left}px ${box.top + box.height / 2 - own.top}px`;
    const copy = piece("canvas", "flyer");
    const source = tile.querySelector("canvas");
    [copy.width, copy.height] = [source.width, source.height];
    copy.getContext("2d").drawImage(source, 0, 0);
    const middle = this.columns.parentElement;
    middle.append(copy);
    const to = Math.min(220, own.width / 2);
    Object.assign(copy.style, { width: `${to}px`, height: `${to}px`, left: `${(own.width - to) / 2}px`, top: "60px" });
    const small = `translate(${box.left - own.left - (own.width - to) / 2}px, ${box.top - own.top - 60}px) scale(${box.width / to})`;
    const timing = { duration: FLIGHT, easing: "cubic-bezier(.3, 0, .2, 1)" };
    this.flights = [
      copy.animate([{ transform: small, transformOrigin: "0 0", opacity: 1 }, { transform: "none", transformOrigin: "0 0", opacity: 0.9, offset: 0.75 }, { transform: "none", transformOrigin: "0 0", opacity: 0 }], timing),
      this.columns.animate([{ transform: "none", transformOrigin: origin, opacity: 1 }, { transform: "scale(1.7)", transformOrigin: origin, opacity: 0 }], timing),
      this.zoom.animate([{ opacity: 0 }, { opacity: 0, offset: 0.5 }, { opacity: 1 }], timing),
    ];
    this.flyer = copy;
    this.flights[0].finished.then(() => copy.remove(), () => copy.remove());
  }

  /** End a flight at once: wherever somebody goes next, nothing waits for it. */
  land() {
    for (const flight of this.flights) flight.cancel();
    this.flights = [];
    this.flyer?.remove();
  }

  change(node, channel, factor) {
    const others = this.at.changes.filter(([layer, c]) => layer !== node || c !== channel);
    this.go({ changes: factor === 1 ? others : [...others, [node, channel, factor]] });
  }

  listChanges() {
    const { changes } = this.at;
    this.changesList.replaceChildren(...changes.map(([node, channel, factor]) => {
      const line = piece("button", "tool", `Map ${channel}, ${this.columnOf(node)?.title ?? node}: ${factor === 0 ? "off" : `× ${figure(factor, 1)}`}`);
      line.setAttribute("aria-label", `Put back map ${channel} of ${this.columnOf(node)?.title ?? node}`);
      line.title = "Click to put it back";
      line.addEventListener("click", () => this.change(node, channel, 1));
      return line;
    }));
    if (changes.length > 1) {
      const all = piece("button", "tool", "Put all back");
      all.addEventListener("click", () => this.go({ changes: [] }));
      this.changesList.append(all);
    }
  }

  arm(on) {
    this.offTool.setAttribute("aria-pressed", String(on));
    this.root.classList.toggle("armed", on);
    this.rest();
  }

  key(event) {
    if (!this.data) return; // Python was asked for it
    if (event.key === "Escape") {
      if (this.offTool.getAttribute("aria-pressed") === "true") this.arm(false);
      else if (this.at.row !== null && this.at.layer && this.at.layer !== this.data.scene.answer) this.go({ row: null, col: null });
      else if (this.at.layer) this.go({ layer: "", channel: 0, row: null, col: null });
      else if (this.at.stage.length) this.go({ stage: this.at.stage.slice(0, -1) });
      else return;
      event.preventDefault();
    } else if (this.at.row !== null && ARROWS[event.key] && this.detail() && !event.target.matches("input, select")) {
      const [row, col] = [this.at.row, this.at.col].map((place, axis) => Math.max(0, Math.min(this.detail().map.shape[axis] - 1, place + ARROWS[event.key][axis])));
      if (row !== this.at.row || col !== this.at.col) this.go({ row, col });
      event.preventDefault();
    } else if (!this.at.layer && event.target.closest(".tile, .bar, .columnhead") && this.overview.step(event.key)) event.preventDefault();
  }

  // --- what is said ---

  rest() {
    const { at, data } = this;
    const armed = this.offTool.getAttribute("aria-pressed") === "true";
    this.offTool.hidden = Boolean(at.layer);
    this.legend();
    this.hint.textContent = armed ? "Click a map to switch it off or put it back."
      : data.hero ? "" : !at.layer ? (at.way === "backwards" ? `Gradients: more here would raise the logit of “${data.scene.askedName}” (teal) or lower it (orange).` : `Point at a map; click it to go in${this.local ? "" : ", or a stage's name to unfold it"}.`)
      : at.row === null ? "Click a cell to take its number apart." : at.layer === data.scene.answer ? "Escape goes back to the network." : "Arrow keys, or a click on the small map, move the window; Escape goes back.";
    if (!at.layer) this.tell(data.scene);
    else if (at.row === null) {
      const detail = this.detail();
      this.say(detail ? `Map ${at.channel}` : "…", detail ? this.aboutMap(detail) : "", []);
    } else {
      const detail = this.detail();
      const box = detail?.cell?.box;
      if (at.layer === data.scene.answer) this.say(detail?.label ?? "A class", "Its logit is the sum of all features × weights. Softmax makes shares of the logits: e to the power of each, over the sum of all.", []);
      else this.say("One number", box ? `The square on the picture is all that it can see: ${box[2] - box[0] + 1} × ${box[3] - box[1] + 1} pixels.` : "It sees the whole picture.", []);
      if (box) this.box(box);
    }
    if (!at.layer || at.row === null) this.box(null);
  }

  /** What full colour stands for: a number, where all maps in question have one scale. */
  legend(scale = 0) {
    this.lowest.textContent = scale ? figure(-scale, 2) : "below zero";
    this.highest.textContent = scale ? figure(scale, 2) : "above";
  }

  aboutMap({ map, title }) {
    const kernels = map.parts.some((part) => part.kernel);
    if (!kernels) return `${title}. ${map.operation === "sum" ? "Two maps are added, number by number: a skip." : ""}`;
    const all = map.parts.length + map.hidden;
    return `${title}. One filter, asked at ${map.shape[0]} × ${map.shape[1]} places. ${all === 1 ? "It reads one map." : `It reads ${all} maps; those that add the most come first.`}`;
  }

  tell(scene) {
    const { data } = this;
    if (this.local) {
      this.say("Draw on it", data.hero ? "All maps follow, and so does the answer." : `All maps follow. Lines show what speaks for “${scene.askedName}”. On the right is what the network gets.`, []);
      return;
    }
    if (this.input.still && this.input.on) {
      const patch = this.input.on === "patch";
      this.say(patch ? "Covered" : "Through the camera", `${patch ? "Drag the patch. " : ""}Maps and bars follow, on the scale that the photo's own maps have. Lines and scores are those of the photo${patch ? " without the patch" : ""}.`, []);
      return;
    }
    this.say(scene.opened.at(-1) ?? "The whole network", `The strongest maps of each stage for this photo. A map's score is gradient × activation, added up over its positions: about what the logit of “${scene.askedName}” would lose without the map.`, []);
  }

  say(head, text, list) {
    const [title, words, items] = this.says.children;
    title.textContent = head;
    words.textContent = text;
    items.replaceChildren(...list.map(([name, value]) => {
      const item = piece("li");
      const number = piece("span", "value", withSign(value, 2));
      number.style.setProperty("--sign", signColour(value));
      item.append(piece("span", "", name), number);
      return item;
    }));
  }

  /** Between two tiles there is a gap: what was lit stays for a moment. */
  light(target) {
    if (!this.data) return;
    clearTimeout(this.leaving);
    if (target) this.lit(target);
    else this.leaving = setTimeout(() => this.lit(null), LINGER);
  }

  lit(target) {
    this.overview.light(target);
    if (!target) {
      this.rest();
      return;
    }
    const { scene, links } = this.data;
    if (target.kind === "class") {
      const bar = this.classes.find(({ index }) => index === target.index);
      const vote = links?.votes.find(({ index }) => index === target.index);
      this.box(null);
      this.legend();
      const rows = vote ? [...vote.terms.slice(0, 6).map((term) => [`${term.channel}: ${figure(term.x, 2)} × ${figure(term.w, 2)}`, term.product]),
        [`the other ${vote.others + Math.max(0, vote.terms.length - 6)}`, vote.rest + vote.terms.slice(6).reduce((sum, term) => sum + term.product, 0)], ["bias", vote.bias]] : [];
      const logit = bar ? `Logit ${figure(bar.logit, 2)}.` : "";
      const softmax = bar ? ` Softmax: e^${figure(bar.logit, 2)} / ${figure(Math.exp(bar.logit) / bar.share, 0)} = ${share(bar.share)}.` : "";
      this.hint.textContent = target.index === scene.asked ? "Click it for the whole sum and the softmax." : "Click it to ask about this class.";
      this.say(bar?.label ?? "", vote ? `${logit} It is a sum over the last maps: mean × weight. ${softmax} The largest terms, by map:` : logit + softmax, rows);
    } else {
      const column = scene.columns[target.column];
      const channel = column.channels[target.tile];
      const [row, col] = column.peaks[target.tile];
      const score = column.scores[target.tile];
      const fed = links && target.column ? this.feedersOf(target) : [];
      const words = `Without it, the logit of “${scene.askedName}” would ${score >= 0 ? "lose" : "gain"} about ${figure(Math.abs(score), 2)}.`;
      this.say(`Map ${channel}, ${column.title}`, fed.length ? `${words} What feeds it most, of the maps shown, on average:` : words, fed);
      this.box(this.boxOf(column.node, row, col));
      this.legend((this.at.way === "backwards" ? column.slopes : column.maps).scale);
    }
    this.live.textContent = [...this.says.querySelectorAll("p")].map((one) => one.textContent).join(". ");
  }

  feedersOf({ column, tile }) {
    const { scene, links } = this.data;
    const weights = links.feeds[column - 1].weights[tile];
    const { rows, cols } = scene.columns[column];
    return weights.map((weight, i) => [`map ${scene.columns[column - 1].channels[i]}`, weight / (rows * cols)])
      .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 4);
  }

  /** Pointing at a cell of the layer that is looked at: its field on the photo, and how it adds up. */
  point(cell, sum = []) {
    const detail = this.detail();
    this.box(cell && detail ? this.boxOf(detail.layer, ...cell, detail.field) : null);
    if (cell && sum.length) this.say(`Row ${cell[0]}, column ${cell[1]}`, "About what adds up there; a click takes it apart to the last digit.", sum);
    else if (!cell) this.rest();
  }

  boxOf(node, row, col, known = undefined) {
    const field = known === undefined ? this.data.fields?.[node] : known;
    if (known === undefined && !this.data.fields) return null;
    const last = this.data.scene.side - 1;
    if (!field) return [0, 0, last, last];
    const [ends0, ends1] = [row, col].map((index, axis) => {
      const first = field.start[axis] + index * field.jump[axis];
      return [Math.max(0, Math.ceil(first)), Math.min(last, Math.floor(first + field.size[axis] - 1))];
    });
    return [ends0[0], ends1[0], ends0[1], ends1[1]];
  }

  /** Pixels top, left, bottom, right, both ends included; null takes the box off. */
  box(pixels) {
    const mark = /** @type {HTMLElement} */ (this.photo.querySelector(".box"));
    mark.hidden = !pixels;
    if (!pixels) return;
    const { side } = this.data.scene;
    const [top, left, bottom, right] = pixels;
    Object.assign(mark.style, {
      top: `${(100 * top) / side}%`, left: `${(100 * left) / side}%`,
      height: `${(100 * (bottom - top + 1)) / side}%`, width: `${(100 * (right - left + 1)) / side}%`,
    });
  }

  fit() {
    if (!this.data) return;
    const columns = this.data.scene.columns.length;
    const middle = this.columns.parentElement.clientWidth;
    const across = middle / columns;
    const page = document.querySelector("[data-testid=stMain]");
    const above = this.columns.parentElement.getBoundingClientRect().top + (page?.scrollTop ?? 0);
    const room = Math.max(LOWEST, window.innerHeight - above - BELOW); // so that all of it is on the first screen
    const tall = this.data.hero ? 300 : room - HEADS;
    const single = tall / 16 - 4;
    const double = Math.min((across - 30) / 2, tall / 8 - 5); // all maps of a layer, in one row or two
    const side = Math.round(this.local ? Math.max(18, Math.min(52, Math.max(single, double))) : Math.max(28, Math.min(84, across * 0.6, tall / 8 - 7)));
    this.root.style.setProperty("--room", `${room}px`);
    this.root.style.setProperty("--abreast", this.local && double > single ? "2" : "1");
    this.root.style.setProperty("--tile", `${side}px`);
    requestAnimationFrame(() => this.overview.light(this.overview.target ?? null));
  }
}

export default (given) => mounted(Inside, given);
