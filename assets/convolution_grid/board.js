// One grid of cells for an array, with its keyboard, and an editor in the cell. What is in the cells, its subclasses say.

const range = (length) => Array.from({ length }, (_, i) => i);
const at = (array, index) => index.reduce((part, i) => part[i], array);
const keyOf = ({ array, index, padded }) => `${array}:${(padded ?? index).join()}`;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

class Board {
  /** `events` is called with (what, place, detail) for everything that a person does here. */
  constructor(array, title, events) {
    this.array = array;
    this.events = events;
    this.root = make("section", "board");
    this.title = make("h2");
    this.name = make("span", "name", title);
    this.size = make("span", "size");
    this.title.append(this.name, this.size);
    this.picker = make("div", "picker");
    this.grid = make("div", "grid");
    this.grid.setAttribute("role", "grid");
    this.grid.setAttribute("aria-label", title);
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

  // What a kind of board says for itself.

  /** Its cells, row by row: {place, ...}. */
  cellsIn(_scene, _view) {
    return [];
  }

  sizeIn(_scene) {
    return "";
  }

  drawPicker(_view, _picks) {
    this.picker.hidden = true;
  }

  /** What a new cell looks like, whatever its number. */
  dress(_element, _cell) {}

  /** What else a cell's element shows. */
  mark(_element, _own) {}

  outline(_window) {}

  /** The terms that stand in cells in place of their numbers, by the cells' keys; null: none do. */
  termsIn(_look) {
    return null;
  }

  valueOf(place) {
    return at(this.scene.arrays[place.array], place.index);
  }

  /** The index under which Python knows the cell; null where it doesn't. */
  ownOf(place) {
    return place.index;
  }

  label(cell, own, value, editable) {
    return [this.nameOf(cell, own), number(value)].join(", ") + (editable ? ", Enter edits" : "");
  }

  nameOf(cell, _own) {
    return keyOf(cell.place);
  }

  tell(what, event) {
    const cell = event.target.closest?.(".cell");
    if (cell && !this.editor) this.events(what, cell.place);
  }

  /** Draw the cells; if their places are the same as before, only their numbers. */
  draw(scene, view, picks) {
    this.scene = scene;
    this.cells = this.cellsIn(scene, view);
    this.size.textContent = this.sizeIn(scene);
    this.drawPicker(view, picks);
    const shape = JSON.stringify([this.cells, scene.dims, scene.channels]);
    if (shape !== this.shape) this.build();
    this.shape = shape;
    this.fill();
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
        this.dress(element, cell);
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
    const values = this.cells.flat().map((cell) => this.valueOf(cell.place));
    const largest = Math.max(...values.filter(Number.isFinite).map(Math.abs), 1e-9);
    this.cells.flat().forEach((cell, n) => {
      const element = this.byKey.get(keyOf(cell.place));
      const own = this.ownOf(cell.place);
      const editable = own && scene.editable.includes(this.array);
      element.dataset.value = values[n];
      element.largest = largest;
      this.shade(element, values[n], largest);
      element.setAttribute("aria-label", this.label(cell, own, values[n], editable));
      element.classList.toggle("editable", Boolean(editable));
      element.classList.remove("waiting");
      this.mark(element, own);
      delete element.dataset.over;
      if (element !== this.editor?.cell) element.textContent = short(values[n]);
    });
  }

  shade(element, value, largest) {
    element.style.setProperty("--shade", Number.isFinite(value) ? (Math.abs(value) / largest).toFixed(2) : 0);
    element.classList.toggle("negative", value < 0);
  }

  /** A covered cell shows its product, and small above it what is multiplied; without a term its own number again. */
  cover(element, term, largest) {
    if (element === this.editor?.cell || (!term && element.dataset.over === undefined)) return;
    const own = Number(element.dataset.value);
    element.textContent = short(term ? term.product : own);
    this.shade(element, term ? term.product : own, term ? largest : element.largest);
    if (term) element.dataset.over = `${short(term.weight.value)} · ${short(term.cell.value)}`;
    else delete element.dataset.over;
  }

  /** Light up what belongs to a look; `active` is the cell itself, `frame` the output whose window is outlined. */
  light(look, active) {
    const terms = this.termsIn(look);
    const largest = Math.max(...(terms ? [...terms.values()].map((term) => Math.abs(term.product)) : []), 1e-9);
    for (const [key, element] of this.byKey) {
      this.cover(element, terms?.get(key), largest);
      const isActive = active && key === keyOf(active);
      element.classList.toggle("lit", Boolean(look?.keys.has(key)) && !isActive);
      element.classList.toggle("active", Boolean(isActive));
      element.classList.toggle("strong", Boolean(look?.strong) && look.strong === key);
    }
    this.outline(look?.window);
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
