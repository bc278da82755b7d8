// The whole network: columns of tiles, what feeds what as lines between them, and the bars of the answer.

const tilesOf = ({ network, opened, columns }) => [network, opened, columns.map(({ node, channels }) => [node, channels])];
const FAINT_LINE = 0.05; // of the strongest one: thinner ones aren't drawn

class Overview {
  /** `does`: light(target | null), enter(column, tile), unfold(column), ask(class). */
  constructor(root, does) {
    const find = (selector) => root.querySelector(selector);
    this.row = find(".row");
    this.canvas = find(".edges");
    this.columns = find(".columns");
    this.photo = find(".photo");
    this.bars = find(".bars");
    this.does = does;
    this.running = 0;
    this.tiles = [];
    this.heads = []; // of each column the head as a list, empty where there is nothing to unfold
    this.rows = [];
    this.at = [0, 1];
  }

  show(scene, way) {
    const same = this.scene && JSON.stringify(tilesOf(scene)) === JSON.stringify(tilesOf(this.scene));
    this.scene = scene;
    this.links = null;
    if (same) { // the same network changed: every tile keeps its place
      this.answer(scene.classes, null);
      return;
    }
    this.tiles = scene.columns.map((column, c) => column.channels.map((channel, t) => this.tile(column, c, channel, t)));
    this.heads = [];
    this.columns.replaceChildren(...scene.columns.map((column, c) => {
      const part = piece("div", "column");
      part.style.setProperty("--place", String(c));
      const skips = column.skips ? ` · ${counted(column.skips, "skip")}` : "";
      const head = piece(column.unfolds ? "button" : "div", "columnhead", "", { title: column.label + skips });
      this.heads[c] = column.unfolds ? [head] : [];
      if (column.unfolds) {
        head.setAttribute("aria-label", `${column.title}, ${column.note}${skips}. Enter unfolds it.`);
        head.addEventListener("click", () => this.does.unfold(c));
        head.addEventListener("focus", () => {
          this.at = [c, 0];
          this.rove();
        });
      }
      head.append(piece("span", "title", column.title), piece("span", "note", column.note.replace(" · ", "\n")));
      const tiles = piece("div", "tiles");
      tiles.append(...this.tiles[c]);
      part.append(head, tiles);
      return part;
    }));
    this.columns.style.setProperty("--columns", scene.columns.length);
    this.paint(way);
    this.rows = [];
    this.answer(scene.classes, null);
  }

  tile(column, c, channel, t) {
    const tile = piece("button", "tile", "", { tabindex: "-1" });
    tile.append(piece("canvas"));
    tile.setAttribute("aria-label", `Map ${channel} of ${column.title}${this.scene.fixed ? "" : `, number ${t + 1} of the strongest`}`);
    tile.dataset.node = column.node;
    tile.dataset.channel = channel;
    this.listen(tile, { kind: "tile", column: c, tile: t });
    tile.addEventListener("click", () => this.does.enter(c, t));
    return tile;
  }

  listen(element, target) {
    element.addEventListener("pointerenter", (event) => event.pointerType !== "touch" && this.does.light(target));
    element.addEventListener("pointerleave", () => this.does.light(null));
    element.addEventListener("focus", () => {
      this.at = target.kind === "tile" ? [target.column, target.tile + this.heads[target.column].length] : [this.tiles.length, this.rows.indexOf(element)];
      this.rove();
      if (element.matches(":focus-visible")) this.does.light(target);
    });
    element.addEventListener("blur", () => this.does.light(null));
  }

  paint(way) {
    this.scene.columns.forEach((column, c) => {
      this.tiles[c].forEach((tile, t) => {
        paintMap(tile.firstChild, way === "backwards" ? column.slopes : column.maps, t);
      });
    });
  }

  /** The bars; with `after`, the answer of the changed network, and marks where the bars were before. */
  answer(before, after) {
    const was = new Map(before.map((bar) => [bar.index, bar]));
    const known = new Map(this.rows.map((row) => [Number(row.dataset.index), row]));
    const shown = [...(after ?? before)];
    this.bars.classList.toggle("short", shown.every(({ label }) => label.length < 4)); // digits: beside their bars
    if (!this.scene.fixed) shown.sort((a, b) => b.share - a.share); // else each class keeps its place
    this.rows = shown.map((bar) => {
      const row = known.get(bar.index) ?? this.bar(bar);
      const old = after ? was.get(bar.index) : undefined;
      row.querySelector(".fill").style.width = `${100 * bar.share}%`;
      const mark = row.querySelector(".was");
      mark.hidden = !old;
      if (old) mark.style.left = `${100 * old.share}%`;
      const words = old ? `${share(bar.share)}, was ${share(old.share)}` : share(bar.share);
      row.querySelector(".share").textContent = share(bar.share);
      row.title = `${bar.label}: ${words}`;
      row.setAttribute("aria-pressed", String(bar.index === this.scene.asked));
      row.setAttribute("aria-label", `${bar.label}: ${words}. Enter ${bar.index === this.scene.asked ? "takes its logit apart" : "asks about this class"}.`);
      return row;
    });
    const order = this.rows.map((row) => row.parentElement);
    if (order.length !== this.bars.children.length || order.some((item, place) => item !== this.bars.children[place])) {
      const focused = this.rows.find((row) => row.matches(":focus"));
      this.bars.replaceChildren(...order);
      focused?.focus({ preventScroll: true });
      this.rove();
    }
  }

  bar({ index, label }) {
    const row = piece("button", "bar", "", { tabindex: "-1" });
    const track = piece("span", "track");
    const mark = piece("span", "was");
    mark.hidden = true;
    track.append(piece("span", "fill"), mark);
    row.append(piece("span", "name", label), track, piece("span", "share"));
    row.dataset.index = index;
    this.listen(row, { kind: "class", index });
    row.addEventListener("click", () => this.does.ask(index));
    piece("li").append(row);
    return row;
  }

  /** Tiles whose channel is changed are crossed out, or marked. */
  mark(changes) {
    this.scene.columns.forEach((column, c) => {
      this.tiles[c].forEach((tile, t) => {
        const change = changes.find(([node, channel]) => node === column.node && channel === column.channels[t]);
        tile.classList.toggle("off", change?.[2] === 0);
        tile.classList.toggle("scaled", Boolean(change) && change[2] !== 0);
      });
    });
  }

  // --- the keyboard ---

  /** What the arrow keys walk over, column by column: heads that unfold, tiles, bars. */
  lines() {
    return [...this.tiles.map((tiles, c) => [...this.heads[c], ...tiles]), this.rows];
  }

  /** One of them can be reached with Tab; the others by arrow keys from there. */
  rove() {
    const lines = this.lines();
    const [c, t] = this.at;
    const column = Math.min(c, lines.length - 1);
    this.at = [column, Math.max(0, Math.min(t, lines[column].length - 1))];
    for (const one of lines.flat()) one.setAttribute("tabindex", one === lines[column][this.at[1]] ? "0" : "-1");
  }

  /** Move by one with an arrow key; whether it was one. */
  step(key) {
    const move = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[key];
    if (!move) return false;
    const lines = this.lines();
    const [c, t] = this.at;
    const column = Math.max(0, Math.min(lines.length - 1, c + move[0]));
    const skipped = (this.heads[column]?.length ?? 0) - (this.heads[c]?.length ?? 0); // tiles side by side stay so
    const place = t + move[1] + (column === c ? 0 : skipped);
    lines[column][Math.max(0, Math.min(lines[column].length - 1, place))].focus();
    return true;
  }

  focus() {
    this.lines()[this.at[0]]?.[this.at[1]]?.focus({ preventScroll: true });
  }

  tileOf(node, channel) {
    return this.tiles.flat().find((tile) => tile.dataset.node === node && Number(tile.dataset.channel) === channel);
  }

  // --- what feeds what ---

  /** How strongly each tile takes part in a target, column by column, and the lines between: backwards from it. */
  flow(target) {
    const feeds = this.links?.feeds;
    const strength = this.tiles.map((tiles) => tiles.map(() => 0));
    const lines = [];
    if (!feeds) return { strength, lines };
    let rows;
    let column;
    if (target.kind === "class") {
      column = this.tiles.length - 1;
      const place = this.links.classes.indexOf(target.index);
      if (place < 0) return { strength, lines };
      rows = [{ weights: feeds[column].weights[place], part: 1, to: [this.tiles.length, this.rows.findIndex((row) => Number(row.dataset.index) === target.index)] }];
    } else {
      column = target.column - 1;
      strength[target.column][target.tile] = 1;
      rows = column >= 0 ? [{ weights: feeds[column].weights[target.tile], part: 1, to: [target.column, target.tile] }] : [];
    }
    for (; column >= 0; column--) {
      for (const { weights, part, to } of rows) {
        const most = Math.max(1e-12, ...weights.map(Math.abs));
        weights.forEach((weight, tile) => {
          const own = (part * Math.abs(weight)) / most;
          if (own < FAINT_LINE) return;
          lines.push({ from: [column, tile], to, own, weight, direct: part === 1 });
          strength[column][tile] = Math.max(strength[column][tile], own);
        });
      }
      rows = column === 0 ? [] : strength[column]
        .map((part, tile) => ({ weights: feeds[column - 1].weights[tile], part: part * 0.55, to: [column, tile] }))
        .filter(({ part }) => part > 0.12);
    }
    return { strength, lines };
  }

  /** Show what feeds the target; with none, faintly what feeds the class that is asked about. */
  light(target) {
    this.target = target;
    const resting = !target;
    const shown = target ?? { kind: "class", index: this.scene.asked };
    const { strength, lines } = this.flow(shown);
    const signs = new Map(lines.filter(({ direct }) => direct).map(({ from, weight }) => [from.join(), weight]));
    this.tiles.forEach((tiles, c) => {
      tiles.forEach((tile, t) => {
        const own = target?.kind === "tile" && target.column === c && target.tile === t;
        tile.classList.toggle("chosen", own);
        const sign = resting ? undefined : signs.get(`${c},${t}`);
        tile.style.setProperty("--lit", sign === undefined ? "transparent" : signColour(sign));
        tile.classList.toggle("dim", !resting && this.links && strength[c][t] < 0.12);
      });
    });
    for (const row of this.rows) row.classList.toggle("lit", target?.kind === "class" && target.index === Number(row.dataset.index));
    this.draw(lines, resting);
    this.still();
    const lit = lines.filter(({ direct }) => direct);
    if (!resting && lit.length && !calm()) this.pulse(lines, lit);
    return lines;
  }

  /** @returns {[number, number]} */
  middleOf(element, side) {
    const box = element.getBoundingClientRect();
    return this.placeOf(side === "right" ? box.right : box.left, (box.top + box.bottom) / 2);
  }

  /**
   * A place in the window as one in the row, which may be shown larger than it is drawn.
   * @returns {[number, number]}
   */
  placeOf(x, y) {
    const own = this.row.getBoundingClientRect();
    const larger = own.width / this.row.offsetWidth || 1;
    return [(x - own.left) / larger, (y - own.top) / larger];
  }

  draw(lines, resting) {
    const { clientWidth: width, clientHeight: height } = this.row;
    const fine = window.devicePixelRatio || 1;
    [this.canvas.width, this.canvas.height] = [Math.round(width * fine), Math.round(height * fine)];
    const pen = this.canvas.getContext("2d");
    pen.scale(fine, fine);
    const stacked = this.row.clientWidth < 640;
    const curve = ([x0, y0], [x1, y1]) => {
      const bend = (x1 - x0) * 0.5;
      pen.beginPath();
      pen.moveTo(x0, y0);
      pen.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
      pen.stroke();
    };
    if (!stacked) this.arches(pen);
    if (!stacked) {
      const from = this.middleOf(this.photo, "right");
      pen.strokeStyle = getComputedStyle(this.row).color;
      pen.lineWidth = 1;
      pen.globalAlpha = 0.1;
      if (this.scene.opened.length) pen.setLineDash([2, 5]); // what lies between isn't shown
      for (const tile of this.tiles[0] ?? []) curve(from, this.middleOf(tile, "left"));
      pen.setLineDash([]);
    }
    for (const { from, to, own, weight, direct } of [...lines].sort((a, b) => a.own - b.own)) {
      const end = to[0] < this.tiles.length ? this.tiles[to[0]][to[1]] : this.rows[to[1]];
      if (!end || (stacked && to[0] === this.tiles.length)) continue;
      pen.strokeStyle = signColour(weight);
      pen.globalAlpha = resting ? 0.1 + 0.4 * own : direct ? 0.25 + 0.75 * own : 0.08 + 0.34 * own;
      pen.lineWidth = resting ? 0.7 + 1.8 * own : 0.6 + (direct ? 4 : 2) * own;
      curve(this.middleOf(this.tiles[from[0]][from[1]], "right"), this.middleOf(end, "left"));
    }
  }

  /** Skips and branches: from each column that is read, but for the one before, an arch over those between. */
  arches(pen) {
    const heads = [...this.columns.querySelectorAll(".columnhead")].map((head) => head.getBoundingClientRect());
    if (!heads.length) return;
    const middle = (place) => (place < 0 ? this.middleOf(this.photo, "right")[0] + 8 : this.placeOf((heads[place].left + heads[place].right) / 2, 0)[0]);
    const y = this.placeOf(0, heads[0].top)[1] + 1;
    pen.strokeStyle = pen.fillStyle = getComputedStyle(this.row).color;
    pen.globalAlpha = 0.45;
    pen.lineWidth = 1.2;
    const arch = (from, to) => {
      const rise = Math.min(13, 7 + (to - from) / 40);
      pen.beginPath();
      pen.moveTo(from, y);
      pen.bezierCurveTo(from + 8, y - rise * 1.3, to - 8, y - rise * 1.3, to, y);
      pen.stroke();
      pen.beginPath();
      pen.moveTo(to + 1, y + 2);
      pen.lineTo(to - 5, y - 2);
      pen.lineTo(to + 1, y - 5);
      pen.fill();
    };
    this.scene.columns.forEach(({ reads, skips }, place) => {
      for (const from of reads.filter((one) => one < place - 1)) arch(middle(from), middle(place));
      if (skips && reads.every((one) => one === place - 1)) arch(middle(place) - 18, middle(place) + 18); // within the stage
    });
  }

  /** Dots that run along the lines to what they feed. */
  pulse(lines, lit) {
    const ways = lit.map(({ from, to, own, weight }) => {
      const end = to[0] < this.tiles.length ? this.tiles[to[0]][to[1]] : this.rows[to[1]];
      return { from: this.middleOf(this.tiles[from[0]][from[1]], "right"), to: this.middleOf(end, "left"), own, weight };
    });
    const frame = (now) => {
      this.draw(lines, false);
      const pen = this.canvas.getContext("2d");
      for (const { from: [x0, y0], to: [x1, y1], own, weight } of ways) {
        const t = (now / 900 + own) % 1;
        const bend = (x1 - x0) * 0.5;
        const along = (a, b, c, d) => (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t * t * c + t ** 3 * d;
        pen.globalAlpha = 0.9;
        pen.fillStyle = signColour(weight);
        pen.beginPath();
        pen.arc(along(x0, x0 + bend, x1 - bend, x1), along(y0, y0, y1, y1), 2 + 2.5 * own, 0, 7);
        pen.fill();
      }
      this.running = requestAnimationFrame(frame);
    };
    this.running = requestAnimationFrame(frame);
  }

  still() {
    cancelAnimationFrame(this.running);
  }
}
