// The boards of a convolution: which cells each array has, what they are called, and how they look.

const TITLES = { x: "Input x", w: "Kernel w", b: "Bias b", y: "Output y", dy: "Gradient of the output dy", dx: "dx", dw: "dw", db: "db" };

/** The cells of one board, row by row: {place, edge} where edge marks padding and what no window reaches. */
function cellsOf(scene, array, view) {
  if (array === "x") {
    const [rows, columns] = scene.axes;
    const lands = landings(scene);
    return range(rows.padded).map((p) =>
      range(columns.padded).map((q) => ({
        place: { array, padded: [view.c, p, q] },
        isPadding: isPadding(scene, [p, q]),
        isLanding: lands?.[0].has(p) && lands[1].has(q),
        isDropped: rows.unreached_padded.includes(p) || columns.unreached_padded.includes(q),
      })),
    );
  }
  if (array === "b" || array === "db") return [scene.outputs.map((o) => ({ place: { array, index: [o] } }))];
  const isKernel = array === "w" || array === "dw";
  const lead = isKernel ? [view.o, channelsOf(scene, view.o).indexOf(view.c)] : [array === "dx" ? view.c : view.o];
  const plane = at(scene.arrays[array], lead);
  return plane.map((row, i) => row.map((_, j) => ({ place: { array, index: [...lead, i, j] } })));
}

/** The first padded row or column under a window, of each axis. */
const cornersOf = (axis) => axis.windows.map((window) => Math.min(...window));

/** Where the windows' upper left corners land, if a stride leaves out places. */
function landings(scene) {
  const corners = scene.axes.map(cornersOf);
  return corners.some(([first, second]) => second - first > 1) ? corners.map((places) => new Set(places)) : null;
}

/** The index of a cell of x under a padded cell; null where there is none or it is a copy. */
function ownIndex(scene, place) {
  if (place.index) return place.index;
  const [c, p, q] = place.padded;
  return isPadding(scene, [p, q]) ? null : [c, p - scene.axes[0].before, q - scene.axes[1].before];
}

function valueAt(scene, place) {
  if (place.index) return at(scene.arrays[place.array], place.index);
  const cell = place.padded.slice(1).map((p, n) => scene.axes[n].shown[p] ?? null);
  if (cell.includes(null)) return scene.kind === "max" ? -Infinity : 0;
  return at(scene.arrays.x, [place.padded[0], ...cell]);
}

function titleOf(scene, array, cells) {
  const size = scene.dims === 1 ? cells[0].length : `${cells.length} × ${cells[0].length}`;
  if (array !== "x") return array === "b" || array === "db" ? "" : `${size}`;
  const [rows, columns] = scene.axes;
  const own = scene.dims === 1 ? columns.size : `${rows.size} × ${columns.size}`;
  const isPadded = scene.axes.some((axis) => axis.padded > axis.size);
  const marks = landings(scene) ? ", dots: where the window lands" : "";
  return `${own}${isPadded ? `, padded to ${size}` : ""}${marks}`;
}

class ConvolutionBoard extends Board {
  cellsIn(scene, view) {
    return cellsOf(scene, this.array, view);
  }

  sizeIn(scene) {
    return titleOf(scene, this.array, this.cells);
  }

  valueOf(place) {
    return valueAt(this.scene, place);
  }

  ownOf(place) {
    return ownIndex(this.scene, place);
  }

  dress(element, cell) {
    element.classList.toggle("padding", Boolean(cell.isPadding));
    element.classList.toggle("dropped", Boolean(cell.isDropped));
    element.classList.toggle("landing", Boolean(cell.isLanding));
  }

  /** In a convolution's input, the products of the output that is looked at. */
  termsIn(look) {
    if (this.array !== "x" || this.scene.kind !== "conv" || !this.scene.arrays.y || !look?.window) return null;
    return new Map(look.terms.map((term) => [keyOf(term.cell.place), term]));
  }

  /** A pointer within the held window doesn't leave its sum. */
  tell(what, event) {
    const cell = event.target.closest?.(".cell.grab");
    if (what === "hover" && event.type === "pointerover" && cell) this.events("inside", cell.place);
    else super.tell(what, event);
  }

  /** Outline the window of an output [row, column], to be grabbed; null: there is none. */
  hold(output) {
    this.held = output;
    if (output) this.outline(output);
    for (const element of this.byKey.values()) {
      const place = element.place.padded?.slice(1);
      element.classList.toggle("grab", Boolean(output) && output.every((t, n) => inSpan(this.scene.axes[n].windows[t], place[n])));
    }
  }

  /** Show no output after the one with number `last`: they are yet to come. */
  fillTo(last) {
    const across = this.cells[0].length;
    for (const element of this.byKey.values()) element.classList.toggle("unfilled", element.spot[0] * across + element.spot[1] > last);
  }

  mark(element, own) {
    const wins = this.array === "x" && this.scene.routes && own ? winsOf(this.scene, own) : 0;
    if (wins) element.dataset.wins = `${wins}×`;
    else delete element.dataset.wins;
  }

  drawPicker(view, picks) {
    const isInput = this.array === "x" || this.array === "dx";
    const which = isInput ? "c" : "o";
    const shown = isInput ? channelsIn(this.scene) : this.array === "y" || this.array === "dy" ? this.scene.outputs : [];
    const isKernel = (this.array === "w" || this.array === "dw") && this.scene.channels;
    const { first } = this.scene;
    this.picker.replaceChildren();
    this.picker.hidden = !this.scene.channels || this.array === "b" || this.array === "db";
    if (isKernel) this.picker.append(make("span", "", `from input channel ${view.c + first} to output ${view.o + first}`));
    if (shown.length < 2) return;
    this.picker.append(make("span", "", "channel"));
    for (const n of shown) {
      const button = make("button", "", String(n + first));
      button.type = "button";
      button.setAttribute("aria-pressed", String(view[which] === n));
      button.setAttribute("aria-label", `${TITLES[this.array]}, channel ${n + first}`);
      button.addEventListener("click", () => picks({ [which]: n }));
      this.picker.append(button);
    }
  }

  label(cell, own, value, editable) {
    const name = cell.isPadding ? "padding" : nameOf(this.scene, this.array, own);
    const won = this.array === "x" && this.scene.routes && own && winsOf(this.scene, own);
    return [
      `${name}, ${number(value)}`,
      cell.isDropped ? "dropped: no window reaches it" : "",
      won ? `wins ${plural(won, "window")}` : "",
      editable ? "Enter edits" : "",
    ].filter(Boolean).join(", ");
  }

  outline(output) {
    this.frame.hidden = this.array !== "x" || !output;
    if (this.frame.hidden) return;
    output.forEach((t, n) => {
      const covered = this.scene.axes[n].windows[t];
      const first = Math.min(...covered);
      this.frame.style.setProperty(["--top", "--left"][n], first);
      this.frame.style.setProperty(["--tall", "--wide"][n], Math.max(...covered) - first + 1);
    });
  }
}

const inSpan = (covered, place) => place >= Math.min(...covered) && place <= Math.max(...covered);

const channelsIn = (scene) => range(scene.arrays.x.length);

/** How many windows of a max pooling an input cell wins. */
function winsOf(scene, [channel, r, s]) {
  return scene.routes[channel].flat().filter((flat) => flat === r * scene.axes[1].size + s).length;
}
