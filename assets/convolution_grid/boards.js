// The boards: one grid of cells for each array, with its own keyboard, and an editor in the cell.

const TITLES = { x: "Input x", w: "Kernel w", b: "Bias b", y: "Output y", dy: "Gradient of the output dy", dx: "dx", dw: "dw", db: "db" };

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** The cells of one board, row by row: {place, edge} where edge marks padding and what no window reaches. */
function cellsOf(scene, array, view) {
  if (array === "x") {
    const [rows, columns] = scene.axes;
    return range(rows.padded).map((p) =>
      range(columns.padded).map((q) => ({
        place: { array, padded: [view.c, p, q] },
        isPadding: isPadding(scene, [p, q]),
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

const range = (length) => Array.from({ length }, (_, i) => i);

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
  return isPadded ? `${own}, padded to ${size}` : `${own}`;
}

class Board {
  /** `events` is called with (what, place, detail) for everything that a person does here. */
  constructor(array, events) {
    this.array = array;
    this.events = events;
    this.root = make("section", "board");
    this.title = make("h2");
    this.name = make("span", "name", TITLES[array]);
    this.size = make("span", "size");
    this.title.append(this.name, this.size);
    this.picker = make("div", "picker");
    this.grid = make("div", "grid");
    this.grid.setAttribute("role", "grid");
    this.grid.setAttribute("aria-label", TITLES[array]);
    this.frame = make("div", "frame");
    this.root.append(this.title, this.picker, this.grid);
    this.grid.addEventListener("pointerover", (event) => this.tell("hover", event));
    this.grid.addEventListener("pointerleave", () => this.events("leave"));
    this.grid.addEventListener("click", (event) => this.tell("pin", event));
    this.grid.addEventListener("dblclick", (event) => this.edit(event.target.closest(".cell")));
    this.grid.addEventListener("focusin", (event) => event.target.matches(".cell:focus-visible") && this.tell("hover", event));
    this.grid.addEventListener("focusout", (event) => this.grid.contains(event.relatedTarget) || this.events("leave"));
    this.grid.addEventListener("keydown", (event) => this.press(event));
  }

  tell(what, event) {
    const cell = event.target.closest?.(".cell");
    if (cell && !this.editor) this.events(what, cell.place);
  }

  /** Draw the cells; if their places are the same as before, only their numbers. */
  draw(scene, view, picks) {
    this.scene = scene;
    this.cells = cellsOf(scene, this.array, view);
    this.size.textContent = titleOf(scene, this.array, this.cells);
    this.drawPicker(view, picks);
    const shape = JSON.stringify([this.cells, scene.dims, scene.channels]);
    if (shape !== this.shape) this.build();
    this.shape = shape;
    this.fill();
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

  build() {
    const had = this.grid.getRootNode().activeElement?.place;
    this.closeEditor();
    this.byKey = new Map();
    this.grid.replaceChildren(this.frame);
    this.grid.style.setProperty("--columns", this.cells[0].length);
    this.frame.hidden = true;
    this.cells.forEach((row, i) => {
      const line = make("div", "row");
      line.setAttribute("role", "row");
      row.forEach((cell, j) => {
        const element = make("div", "cell");
        element.setAttribute("role", "gridcell");
        element.tabIndex = -1;
        element.place = cell.place;
        element.spot = [i, j];
        element.classList.toggle("padding", Boolean(cell.isPadding));
        element.classList.toggle("dropped", Boolean(cell.isDropped));
        this.byKey.set(keyOf(cell.place), element);
        line.append(element);
      });
      this.grid.append(line);
    });
    this.tabStop = this.byKey.get(had && keyOf(had)) ?? this.byKey.values().next().value;
    this.tabStop.tabIndex = 0;
    if (had && this.byKey.has(keyOf(had))) this.tabStop.focus();
  }

  fill() {
    const { scene } = this;
    const values = this.cells.flat().map((cell) => valueAt(scene, cell.place));
    const largest = Math.max(...values.filter(Number.isFinite).map(Math.abs), 1e-9);
    this.cells.flat().forEach((cell, n) => {
      const element = this.byKey.get(keyOf(cell.place));
      const own = ownIndex(scene, cell.place);
      const editable = own && scene.editable.includes(this.array);
      element.dataset.value = values[n];
      element.style.setProperty("--shade", Number.isFinite(values[n]) ? (Math.abs(values[n]) / largest).toFixed(2) : 0);
      element.classList.toggle("negative", values[n] < 0);
      element.setAttribute("aria-label", this.label(cell, own, values[n], editable));
      element.classList.toggle("editable", Boolean(editable));
      element.classList.remove("waiting");
      const wins = this.array === "x" && scene.routes && own ? winsOf(scene, own) : 0;
      if (wins) element.dataset.wins = `${wins}×`;
      else delete element.dataset.wins;
      if (element !== this.editor?.cell) element.textContent = short(values[n]);
    });
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

  /** Light up what belongs to a look; `active` is the cell itself, `frame` the output whose window is outlined. */
  light(look, active) {
    for (const [key, element] of this.byKey) {
      const isActive = active && key === keyOf(active);
      element.classList.toggle("lit", Boolean(look?.keys.has(key)) && !isActive);
      element.classList.toggle("active", Boolean(isActive));
      element.classList.toggle("strong", Boolean(look?.strong) && look.strong === key);
    }
    if (this.array === "x") this.outline(look?.window);
  }

  outline(output) {
    this.frame.hidden = !output;
    if (!output) return;
    output.forEach((t, n) => {
      const covered = this.scene.axes[n].windows[t];
      const first = Math.min(...covered);
      this.frame.style.setProperty(["--top", "--left"][n], first);
      this.frame.style.setProperty(["--tall", "--wide"][n], Math.max(...covered) - first + 1);
    });
  }

  pair(keys) {
    for (const [key, element] of this.byKey) element.classList.toggle("pair", keys.includes(key));
  }

  // The keyboard: arrows walk, Enter or F2 or a digit edits, Space pins, Escape lets go.

  press(event) {
    const cell = event.target.closest(".cell");
    if (!cell || this.editor || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -99], End: [0, 99], PageUp: [-99, 0], PageDown: [99, 0] }[event.key];
    if (step) this.walk(cell, step);
    else if (event.key === "Enter" || event.key === "F2") this.edit(cell) || this.events("pin", cell.place);
    else if (event.key === " ") this.events("pin", cell.place);
    else if (event.key === "Escape") this.events("unpin");
    else if (/^[-0-9.]$/.test(event.key) && cell.classList.contains("editable")) this.edit(cell, event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  walk(cell, [down, right]) {
    const clamp = (n, size) => Math.max(0, Math.min(size - 1, n));
    const row = this.cells[clamp(cell.spot[0] + down, this.cells.length)];
    const to = this.byKey.get(keyOf(row[clamp(cell.spot[1] + right, row.length)].place));
    this.rove(to);
    to.focus({ preventScroll: false });
    this.events("hover", to.place);
  }

  rove(cell) {
    this.tabStop.tabIndex = -1;
    this.tabStop = cell;
    cell.tabIndex = 0;
  }

  /** Open the editor in a cell. Returns whether it could. */
  edit(cell, typed) {
    if (!cell?.classList.contains("editable") || this.editor) return false;
    this.rove(cell);
    const input = make("input");
    input.type = "text";
    input.setAttribute("aria-label", `New value of ${cell.getAttribute("aria-label")}`);
    input.value = typed ?? cell.dataset.value;
    cell.replaceChildren(input);
    this.editor = { cell, input };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") this.commit(true);
      else if (event.key === "Escape") this.cancel();
      else if (event.key === "Tab") {
        event.preventDefault();
        this.commit(false);
        this.editNext(cell, event.shiftKey ? -1 : 1);
      }
    });
    input.addEventListener("blur", () => this.editor?.input === input && this.commit(false));
    input.focus();
    if (typed === undefined) input.select();
    return true;
  }

  /** On to the next cell that can be edited, as in a spreadsheet. */
  editNext(cell, step) {
    const all = [...this.byKey.values()].filter((element) => element.classList.contains("editable"));
    const next = all[all.indexOf(cell) + step];
    if (next) this.edit(next);
    else cell.focus();
  }

  commit(refocus) {
    const { cell, input } = this.editor;
    this.closeEditor();
    if (refocus) cell.focus();
    const text = input.value.trim();
    if (text === cell.dataset.value) return;
    cell.classList.add("waiting");
    cell.textContent = text.slice(0, 8);
    this.events("edit", cell.place, text);
  }

  cancel() {
    const { cell } = this.editor;
    this.closeEditor();
    cell.focus();
  }

  closeEditor() {
    const open = this.editor;
    this.editor = null;
    if (open) open.cell.textContent = short(Number(open.cell.dataset.value));
  }
}

const channelsIn = (scene) => range(scene.arrays.x.length);

/** How many windows of a max pooling an input cell wins. */
function winsOf(scene, [channel, r, s]) {
  return scene.routes[channel].flat().filter((flat) => flat === r * scene.axes[1].size + s).length;
}
