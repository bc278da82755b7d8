// One number: its window, its weights, their products and their sum; and backwards, the slopes there.

class CellView {
  constructor(cell, detail, scene, way) {
    this.cell = cell;
    this.way = way;
    this.back = way === "backwards" && cell.planes[0].dx !== undefined;
    this.root = piece("div", this.back ? "cellview back" : "cellview");
    this.grids = piece("div", "grids");
    this.root.append(this.grids, this.terms(scene), this.outcome(detail));
    this.choose(0);
    this.first = this.rows[0];
    this.where = [];
    this.bar = [];
  }

  finish() {}

  choose(index) {
    const { cell } = this;
    const plane = cell.planes[index];
    this.rows.forEach((row, place) => {
      row.setAttribute("aria-pressed", String(place === index));
    });
    const many = Math.max(plane.x.length, plane.x[0].length);
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
    const softmax = cell.operation === "softmax";
    block.append(piece("p", "title", this.back ? "choose a map" : softmax ? "logits" : "the sum"));
    if (this.back) {
      const flat = cell.upstream === 0 ? " Nothing goes back from here: what comes after it is flat at this number." : "";
      block.prepend(piece("p", "slope", `gradient ${figure(cell.upstream, 5)}`), piece("p", "note", `so fast L, the logit of “${scene.askedName}”, grows with this number.${flat}`));
    }
    const longest = Math.max(1e-12, ...cell.planes.map((plane) => Math.abs(plane.sum)), Math.abs(cell.rest), Math.abs(cell.bias));
    const line = (tag, name, value) => {
      const row = piece(tag, "term");
      const track = piece("span", "track");
      const fill = piece("span", "fill");
      fill.style.width = `${(50 * Math.abs(value)) / longest}%`;
      fill.style.background = signColour(value);
      fill.style[value < 0 ? "right" : "left"] = "50%";
      track.append(fill);
      row.append(piece("span", "name", name), track, piece("span", "value", withSign(value)));
      return row;
    };
    this.rows = cell.planes.map((plane, index) => {
      const row = line("button", mapName(plane.channel, !plane.inside), plane.sum);
      row.addEventListener("click", () => this.choose(index));
      return row;
    });
    block.append(...this.rows);
    if (cell.others) block.append(line("div", `the other ${cell.others}`, cell.rest));
    if (cell.bias) block.append(line("div", cell.operation.endsWith("norm") ? "shift" : "bias", cell.bias));
    return block;
  }

  /** From the sum to the layer's number, step by step. */
  outcome(detail) {
    const { cell } = this;
    const block = piece("div", "outcome");
    block.append(piece("p", "sum", `Σ = ${figure(cell.total, 5)}`));
    cell.steps.forEach((step, index) => {
      if (index === 0 && !step.function) return;
      const words = step.function
        ? `${step.function}(${figure(step.x, 5)}) = ${figure(step.value, 5)}`
        : `${figure(step.x, 5)} × ${figure(step.w, 4)} ${step.bias < 0 ? "−" : "+"} ${figure(Math.abs(step.bias), 4)} = ${figure(step.value, 5)}`;
      const line = piece("p", "step");
      line.append(piece("b", "", step.operation), piece("span", "", words));
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
}
