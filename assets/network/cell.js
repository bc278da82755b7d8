// One number: its window, its weights, their products and their sum; and backwards, the slopes there.

class CellView {
  /** `go(place)` leads to one of the maps that come in. */
  constructor(cell, detail, scene, way, go) {
    this.cell = cell;
    this.way = way;
    this.back = way === "backwards" && cell.planes[0]?.dx !== undefined;
    /** Windows of one number need no tables: their products stand in the sum itself. */
    this.single = !this.back && cell.planes.length > 1 && cell.planes.every(({ x }) => x.length * x[0].length === 1);
    this.root = piece("div", ["cellview", this.back && "back", this.single && "single"].filter(Boolean).join(" "));
    this.grids = piece("div", "grids");
    this.enter = piece("button", "tool");
    this.enter.addEventListener("click", () => go({ layer: this.plane.node, channel: this.plane.channel, row: null, col: null }));
    const outcome = this.outcome(detail);
    if (detail.layer === scene.answer && !this.back) outcome.append(this.softmax(detail, scene));
    this.root.append(this.grids, this.terms(scene), outcome);
    if (cell.planes.length) this.choose(0);
    this.first = this.rows[0] ?? this.root;
    this.where = [];
    this.spot = this.spotOf(detail, go);
    this.bar = cell.planes.length ? [this.enter] : [];
  }

  finish() {}

  /** Where the number stands in its map; a click on another one goes there. */
  spotOf({ map, channel }, go) {
    const [rows, cols] = map.shape;
    if (rows * cols < 2) return [];
    const own = new MapPiece(map.steps.at(-1).map, 0, "out", `Map ${channel}, and the cell`);
    own.outline([this.cell.row / rows, this.cell.col / cols, 1 / rows, 1 / cols]);
    own.root.addEventListener("click", (event) => {
      const [row, col] = own.cellAt(event, map.shape);
      go({ row, col });
    });
    own.root.title = "Click another number of the map";
    return [own.root];
  }

  choose(index) {
    const { cell } = this;
    const plane = cell.planes[index];
    this.plane = plane;
    this.enter.hidden = !plane.inside;
    this.enter.textContent = `Go to ${mapName(plane.channel, !plane.inside)}`;
    this.rows.forEach((row, place) => {
      row.setAttribute("aria-pressed", String(place === index));
    });
    if (this.single) return;
    const many = Math.max(plane.x.length, plane.x[0].length);
    this.root.classList.toggle("tiny", many === 1 && !this.back);
    const size = many === 1 ? 74 : Math.max(14, Math.floor(150 / many) - 2);
    const grid = (title, note, numbers, limit, inside) => {
      const block = piece("div", "grid");
      block.append(piece("p", "title", title), piece("p", "note", note), numberTable(numbers, { limit, inside, label: `${title}: ${numbers.flat().map((n) => figure(n)).join(", ")}`, size }));
      return block;
    };
    const span = (places) => (places.length > 1 ? `${places[0]}–${places.at(-1)}` : `${places[0]}`);
    const where = `rows ${span(cell.rows)}, columns ${span(cell.cols)}`;
    const weights = cell.weights ? "weights w" : cell.operation === "max pool" ? "the winner" : "factors w";
    const all = (key) => cell.planes.map((one) => one[key] ?? [[0]]);
    if (this.back) {
      const parts = [grid("dL/dx", "this cell's part: gradient × w", plane.dx, largestOf(...all("dx")), cell.inside),
        grid("dL/dx in all", "with all cells that read x", plane.dxAll, largestOf(...all("dxAll")), cell.inside)];
      if (plane.dw) parts.push(grid("dL/dw", "this cell's part: gradient × x", plane.dw, largestOf(...all("dw"))));
      if (plane.dwAll) parts.push(grid("dL/dw in all", "over all cells of the map", plane.dwAll, largestOf(...all("dwAll"))));
      this.grids.replaceChildren(...parts);
    } else {
      this.grids.replaceChildren(
        grid("window x", where, plane.x, largestOf(...all("x")), cell.inside),
        piece("span", "sign", "×"),
        grid(weights, `for ${mapName(plane.channel, !plane.inside)}`, plane.w, largestOf(...all("w"))),
        piece("span", "sign", "="),
        grid("products", `they add up to ${figure(plane.sum)}`, plane.products, largestOf(...all("products")), cell.inside),
      );
      this.grids.querySelectorAll(".numbers span").forEach((one) => {
        one.addEventListener("pointerenter", () => this.light(one.dataset.at));
        one.addEventListener("pointerleave", () => this.light(null));
      });
    }
  }

  /** The same place in all tables. */
  light(at) {
    for (const one of this.grids.querySelectorAll(".numbers span")) one.classList.toggle("lit", one.dataset.at === at);
  }

  /** The sum, one row for each map that comes in, the largest first. */
  terms(scene) {
    const { cell } = this;
    const block = piece("div", "terms");
    block.append(piece("p", "title", this.back ? "choose a map" : this.single ? "number × weight = what it adds" : "the sum"));
    if (this.back) {
      const flat = cell.upstream === 0 ? " Nothing goes back from here: what comes after it is flat at this number." : "";
      block.prepend(piece("p", "slope", `gradient ${figure(cell.upstream, 5)}`), piece("p", "note", `so fast L, the logit of “${scene.askedName}”, grows with this number.${flat}`));
    }
    const longest = Math.max(1e-12, ...cell.planes.map((plane) => Math.abs(plane.sum)), Math.abs(cell.rest), Math.abs(cell.bias));
    const line = (tag, name, value, words = "") => {
      const row = piece(tag, "term");
      const track = piece("span", "track");
      const fill = piece("span", "fill");
      fill.style.width = `${(50 * Math.abs(value)) / longest}%`;
      fill.style.background = signColour(value);
      fill.style[value < 0 ? "right" : "left"] = "50%";
      track.append(fill);
      row.append(piece("span", "name", name), ...(this.single ? [piece("span", "factors", words)] : []), track, piece("span", "value", withSign(value)));
      return row;
    };
    this.rows = cell.planes.map((plane, index) => {
      const row = line("button", mapName(plane.channel, !plane.inside), plane.sum, `${figure(plane.x[0][0])} × ${figure(plane.w[0][0])}`);
      row.addEventListener("click", () => this.choose(index));
      return row;
    });
    block.append(...this.rows);
    if (cell.others) block.append(line("div", `the other ${cell.others}`, cell.rest));
    if (cell.bias) block.append(line("div", cell.operation.endsWith("norm") ? "shift" : cell.weights ? "bias" : "what else is added", cell.bias));
    return block;
  }

  /** From the sum to the layer's number, step by step. */
  outcome(detail) {
    const { cell } = this;
    const block = piece("div", "outcome");
    if (cell.planes.length) block.append(piece("p", "sum", `Σ = ${figure(cell.total, 5)}`));
    if (cell.note) block.append(piece("p", "note", cell.note));
    cell.steps.forEach((step, index) => {
      if (index === 0 && !step.function) return;
      const words = step.function
        ? `${step.function}(${figure(step.x, 5)}) = ${figure(step.value, 5)}`
        : `${figure(step.x, 5)} × ${figure(step.w, 4)} ${step.bias < 0 ? "−" : "+"} ${figure(Math.abs(step.bias), 4)} = ${figure(step.value, 5)}`;
      const line = piece("p", "step");
      const curve = step.function && curvePiece(step.function, step.x, step.value);
      line.append(piece("b", "", step.operation), piece("span", "", words), ...(curve ? [curve] : []));
      block.append(line);
    });
    const last = cell.steps.at(-1);
    const says = piece("p", "network");
    says.append(piece("strong", "", figure(last.value, 5)), piece("span", "", `the network says ${figure(last.said, 5)}`));
    block.append(says);
    block.dataset.value = String(last.value);
    block.dataset.said = String(last.said);
    block.setAttribute("aria-label", `${detail.place}: ${figure(last.value, 5)}`);
    return block;
  }

  /** From the logits to the shares: e to the power of each, over their sum. */
  softmax(detail, { classes, classCount }) {
    const block = piece("div", "softmax");
    block.append(piece("p", "title", "softmax: e^logit, over the sum of all"));
    const top = classes.reduce((a, b) => (b.share > a.share ? b : a));
    const sum = Math.exp(top.logit) / top.share;
    const line = (name, formula, part, kind = "") => {
      const row = piece("p", `power ${kind}`);
      row.append(piece("span", "name", name), formula, piece("span", "value", share(part)));
      return row;
    };
    const factors = (...parts) => {
      const formula = piece("span", "factors");
      formula.append(...parts);
      return formula;
    };
    const power = (logit) => ["e", piece("sup", "", figure(logit, 2))];
    block.append(...[...classes].sort((a, b) => b.share - a.share).map((bar) => line(bar.label, factors(...power(bar.logit), ` = ${figure(Math.exp(bar.logit))}`), bar.share, bar.label === detail.label ? "own" : "")));
    const rest = Math.max(0, 1 - classes.reduce((total, bar) => total + bar.share, 0));
    const others = classCount - classes.length;
    if (others) block.append(line(`the other ${others}`, factors(figure(rest * sum)), rest));
    block.append(line("together", factors(figure(sum)), 1, "all"));
    const { value: logit } = this.cell.steps.at(-1);
    const own = Math.exp(logit);
    const [result, fraction, above] = [piece("p", "sum"), piece("span", "fraction"), piece("span", "above")];
    above.append(...power(logit), ` = ${figure(own)}`);
    fraction.append(above, piece("span", "", figure(sum)));
    result.append(fraction, ` = ${share(own / sum)}`);
    block.append(result);
    block.dataset.share = String(own / sum);
    return block;
  }
}
