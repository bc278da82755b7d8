// One map of a layer: what comes in, what each part adds, their sum, and what is done to it afterwards.

const GLIDE = 2600; // ms in which the window goes over the whole map

class LayerView {
  /** `does`: go(place), point(cell | null), change(factor). */
  constructor(detail, change, layers, does) {
    this.detail = detail;
    this.does = does;
    const { map } = detail;
    this.back = detail.way === "backwards";
    const carried = !map.parts.some((part) => part.kernel);
    this.root = piece("div", carried ? "layerview carried" : "layerview");
    const { back } = this;
    const of = (one) => (back && one.slope ? one.slope : one.map);
    this.ins = map.parts.map((part) => new MapPiece(of(part), 0, "in", `Map ${part.channel} of ${part.place}`));
    this.results = map.parts.map((part) => part.result && !back && new MapPiece(part.result, 0, "out", `What map ${part.channel} adds`));
    this.steps = map.steps.map((step) => new MapPiece(of(step), 0, "out", `After ${step.operation}`));
    if (map.others && !back) this.others = new MapPiece(map.others, 0, "out", `What the other ${map.hidden} maps add together`);
    this.outs = [...this.results, this.others, ...this.steps].filter(Boolean);
    this.whole = this.steps.at(-1);
    this.root.append(this.partsOf(map), ...(carried ? [piece("span", "sign", "=")] : []), this.stepsOf(map));
    this.tools(change, layers);
    this.cell = [Math.floor(map.shape[0] / 2), Math.floor(map.shape[1] / 2)];
    for (const out of this.outs) this.follow(out);
    for (const map of this.ins) this.follow(map, true);
    this.prepare(this.whole.root);
    this.first = this.whole.root;
  }

  partsOf(map) {
    const list = piece("div", "parts");
    const multiplied = map.parts.some((part) => part.kernel);
    list.append(piece("p", "title", !multiplied ? "what comes in" : this.back ? "gradient of each map, and of its kernel" : "what comes in × kernel = what it adds"));
    map.parts.forEach((part, i) => {
      if (i && !part.kernel) list.append(piece("span", "sign", { sum: "+", product: "×", difference: "−", quotient: "÷" }[map.operation] ?? ","));
      const line = piece("div", "part");
      const enter = piece("button", "source", "", { title: part.place });
      enter.append(this.ins[i].root);
      enter.setAttribute("aria-label", `Map ${part.channel} of ${part.place}. Enter goes there.`);
      enter.disabled = !part.inside;
      enter.addEventListener("click", () => this.does.go({ layer: part.node, channel: part.channel, row: null, col: null }));
      line.append(enter);
      if (part.kernel) {
        const kernel = this.back ? part.kernelSlope : part.kernel;
        const side = Math.max(kernel.length, kernel[0].length);
        line.append(piece("span", "sign", this.back ? "‹" : "×"), numberTable(kernel, {
          limit: largestOf(...map.parts.map((one) => (this.back ? one.kernelSlope : one.kernel))),
          label: `${this.back ? "Gradient of its kernel" : "Its kernel"}, ${kernel.length} × ${kernel[0].length}`, size: side === 1 ? 46 : Math.floor(50 / side),
        }));
        if (!this.back) line.append(piece("span", "sign", "="), this.results[i].root);
      }
      const words = piece("span", "words");
      words.append(piece("b", "", mapName(part.channel, !part.inside)), piece("span", "", part.added === null || this.back ? part.place : `adds ${withSign(part.added, 2)} on average`));
      line.append(words);
      list.append(line);
    });
    if (map.hidden && !multiplied) list.append(piece("p", "note", `and ${map.hidden} more`));
    if (this.others) {
      const line = piece("div", "part rest");
      const words = piece("span", "words");
      words.append(piece("b", "", `the other ${map.hidden}`), piece("span", "", `add ${withSign(map.othersAdded, 2)} on average`));
      line.append(this.others.root, words);
      list.append(line);
    }
    return list;
  }

  stepsOf(map) {
    const list = piece("div", "steps");
    map.steps.forEach((step, i) => {
      const multiplied = i === 0 && map.parts.some((part) => part.kernel);
      const bias = map.bias === null ? "" : `, bias ${withSign(map.bias)}`;
      const words = `${multiplied ? `Σ the sum${bias}` : step.operation}${step.factor === 1 ? "" : `, × ${figure(step.factor, 1)}`}`;
      const block = piece("div", "step");
      block.append(piece("p", "title", words), this.steps[i].root);
      block.append(piece("p", "note", `full colour: ±${figure((this.back && step.slope ? step.slope : step.map).scale, this.back ? 4 : 2)}`));
      list.append(block);
    });
    return list;
  }

  tools(change, layers) {
    const play = piece("button", "tool", "Slide the window");
    play.addEventListener("click", () => this.play());
    const factor = change ?? 1;
    const label = piece("label", "factor");
    const slider = piece("input", "", "", { type: "range", min: "0", max: "2", step: "0.1", value: String(Math.min(2, factor)), "aria-label": "This map times" });
    const reads = piece("output", "", `× ${figure(factor, 1)}`);
    slider.addEventListener("input", () => { reads.textContent = `× ${figure(Number(slider.value), 1)}`; });
    slider.addEventListener("change", () => this.does.change(Number(slider.value)));
    label.append("This map ", slider, reads);
    const off = piece("button", "tool", factor === 1 ? "Switch it off" : "Put it back");
    off.addEventListener("click", () => this.does.change(factor === 1 ? 0 : 1));
    const { layer, channel } = this.detail;
    const which = piece("select", "", "", { "aria-label": "Layer" });
    which.append(...layers.map(([node, place]) => new Option(place, node, false, node === layer)));
    which.addEventListener("change", () => this.does.go({ layer: which.value, channel: 0, row: null, col: null }));
    const maps = layers.find(([node]) => node === layer)[2];
    const map = piece("input", "", "", { type: "number", min: "0", max: String(maps - 1), value: String(channel), "aria-label": `Map, 0 to ${maps - 1}` });
    map.addEventListener("change", () => {
      const wanted = Math.max(0, Math.min(maps - 1, Math.round(Number(map.value))));
      this.does.go({ channel: wanted, row: null, col: null });
    });
    this.where = [which, map];
    this.spot = [];
    this.bar = [play, label, off];
  }

  /** Pointing at a map shows the window of that cell everywhere; a click opens the cell. */
  follow(map, comesIn = false) {
    const cellAt = (event) => map.cellAt(event, this.detail.map.shape);
    map.root.addEventListener("pointermove", (event) => {
      this.finish();
      this.point(cellAt(event));
    });
    map.root.addEventListener("pointerleave", () => this.point(null));
    if (comesIn) return;
    map.root.addEventListener("click", (event) => {
      const [row, col] = cellAt(event);
      this.does.go({ row, col });
    });
  }

  /** The finished map by keyboard. */
  prepare(root) {
    const [rows, cols] = this.detail.map.shape;
    root.classList.add("whole");
    root.tabIndex = 0;
    root.setAttribute("role", "application");
    root.setAttribute("aria-label", `Map ${this.detail.channel}, ${rows} rows and ${cols} columns. Arrow keys choose a cell, Enter takes it apart.`);
    root.addEventListener("focus", () => root.matches(":focus-visible") && this.point(this.cell));
    root.addEventListener("keydown", (event) => {
      const move = ARROWS[event.key];
      if (move) {
        event.preventDefault();
        event.stopPropagation();
        this.finish();
        this.point([0, 1].map((axis) => Math.max(0, Math.min([rows, cols][axis] - 1, this.cell[axis] + move[axis]))));
      } else if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        this.does.go({ row: this.cell[0], col: this.cell[1] });
      }
    });
  }

  /** Outline a cell on what goes out, and its window on what comes in. */
  point(cell) {
    const { shape, shapeIn, window: [tall, wide, down, right, top, left] } = this.detail.map;
    const out = cell && [cell[0] / shape[0], cell[1] / shape[1], 1 / shape[0], 1 / shape[1]];
    const scaled = shapeIn[0] !== shape[0] && tall === 1 && down === 1; // an average over everything
    const into = cell && (scaled ? [0, 0, 1, 1] : [
      (cell[0] * down + top) / shapeIn[0], (cell[1] * right + left) / shapeIn[1], tall / shapeIn[0], wide / shapeIn[1],
    ]);
    for (const map of this.outs) map.outline(out);
    for (const map of this.ins) map.outline(into);
    if (cell) this.cell = cell;
    this.does.point(cell, cell ? this.sumAt(cell) : []);
  }

  /** About what each part adds at a cell, as the maps here have it, and what becomes of the sum. */
  sumAt([row, col]) {
    const { map } = this.detail;
    if (this.back || !map.parts.some((part) => part.result)) return [];
    const at = ({ rows, cols, scale, ...maps }) => {
      const cell = Math.floor((row * rows) / map.shape[0]) * cols + Math.floor((col * cols) / map.shape[1]);
      return (levelsOf({ ...maps, rows, cols, scale })[cell] / 127) * scale;
    };
    const rest = map.others ? [[`the other ${map.hidden}`, at(map.others)]] : [];
    const bias = map.bias === null ? [] : [["bias", map.bias]];
    return [...map.parts.map((part) => [mapName(part.channel, !part.inside), at(part.result)]), ...rest, ...bias,
      ...map.steps.map((step, i) => [i ? `→ ${step.operation}` : "Σ", at(step.map)])];
  }

  /** Slide the window over the map, which fills as it goes. */
  play() {
    this.finish();
    const [rows, cols] = this.detail.map.shape;
    if (calm() || rows * cols < 4) return;
    const begun = performance.now();
    const frame = (now) => {
      const part = Math.min(1, (now - begun) / GLIDE);
      const cell = Math.min(rows * cols - 1, Math.floor(part * rows * cols));
      for (const map of this.outs) map.fill(part);
      this.point([Math.floor(cell / cols), cell % cols]);
      this.playing = part < 1 ? requestAnimationFrame(frame) : this.finish();
    };
    this.playing = requestAnimationFrame(frame);
  }

  finish() {
    if (!this.playing) return undefined;
    cancelAnimationFrame(this.playing);
    this.playing = undefined;
    for (const map of this.outs) map.fill(1);
    this.point(null);
    return undefined;
  }
}
