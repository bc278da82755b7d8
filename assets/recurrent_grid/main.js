// A recurrent cell over time, and the words. Python sends every array, and for every cell that is computed its terms:
// cells["h:1,0"] = {made, terms: [[group, ["form|array|index", ...]], ...], losses}, where form is one of FORMS.

const brief = (value) => digits(value, 4); // in a chip; the headline has more
const bracketed = (value) => (value < 0 ? `(${brief(value)})` : brief(value));
const FORMS = {
  "": { of: (v) => v, text: bracketed },
  exp: { of: Math.exp, text: (v) => `e^${bracketed(v)}` },
  tanh: { of: Math.tanh, text: (v) => `tanh(${brief(v)})` },
  rest: { of: (v) => 1 - v, text: (v) => `(1 − ${bracketed(v)})` },
  minus: { of: () => -1, text: () => "(−1)" },
  "tanh slope": { of: (v) => 1 - Math.tanh(v) ** 2, text: (v) => `(1 − tanh²(${brief(v)}))` },
  "from tanh": { of: (v) => 1 - v * v, text: (v) => `(1 − ${bracketed(v)}²)` },
  "from sigmoid": { of: (v) => v * (1 - v), text: (v) => `${bracketed(v)} (1 − ${bracketed(v)})` },
};

const MADE = { "": "", tanh: "tanh of it", sigmoid: "its sigmoid", "minus log": "minus its logarithm" };
const LETTERED = ["x", "y", "p", "dx", "dy", "by", "dby"];
const GAP = 26; // pixels between two steps
const NAMES = 86; // pixels for what the lines are called

const isOverTime = (scene, array) => scene.columns[0].includes(array);

/** The cell's name: its step and unit counted from 1, letters as they are, a gate before its unit. */
function cellName(scene, array, index) {
  const unit = (i) => String(i + 1);
  const letter = (i) => scene.letters[i];
  const gated = (i) => {
    const gate = scene.gates[Math.floor(i / scene.hidden)];
    return gate ? `${gate}${(i % scene.hidden) + 1}` : unit(i);
  };
  const bare = array.replace(/^d(?=[WUbV])/, "");
  const kinds = { W: [gated, letter], U: [gated, unit], b: [gated], V: [letter, unit], by: [letter] }[bare];
  const ways = kinds ?? (LETTERED.includes(array) ? [unit, letter] : [unit, unit]);
  const shown = array === "loss" ? [unit(index[0])] : index.map((i, n) => ways[n](i));
  return `${array}[${shown.join(", ")}]`;
}

class RecurrentBoard extends Board {
  cellsIn(scene) {
    const all = scene.arrays[this.array];
    const own = (index) => ({ place: { array: this.array, index } });
    if (!Array.isArray(all[0])) return this.isColumn() ? all.map((_, i) => [own([i])]) : [all.map((_, j) => own([j]))];
    if (!isOverTime(scene, this.array)) return all.map((row, i) => row.map((_, j) => own([i, j])));
    const missing = scene.most - all[0].length;
    return [all.flatMap((row, t) => row.map((_, j) => ({ ...own([t, j]), missing: j ? 0 : missing, isFirst: t > 0 && j === 0 })))];
  }

  /** A bias stands beside the rows to which it is added. */
  isColumn() {
    return /^d?b/.test(this.array);
  }

  sizeIn(scene) {
    return this.isColumn() || isOverTime(scene, this.array) || this.cells.length === 1 ? "" : `${this.cells.length} × ${this.cells[0].length}`;
  }

  dress(element, cell) {
    const [first, last] = cell.place.index;
    if (cell.isFirst) element.style.marginLeft = `calc(var(--gap) + ${cell.missing} * var(--cell))`;
    const { letters, gates, hidden } = this.scene;
    const bare = this.array.replace(/^d/, "");
    const gate = ["W", "U", "b"].includes(bare) && first % hidden === 0 ? gates[first / hidden] : "";
    const isAtTheSide = cell.place.index.length === 1 || last === 0;
    if (LETTERED.includes(this.array)) element.dataset.letter = letters[last ?? first];
    else if (bare === "W" && first === 0) element.dataset.letter = letters[last];
    else if (bare === "V" && last === 0) element.dataset.letter = letters[first];
    else if (gate && isAtTheSide) element.dataset.letter = gate;
    element.classList.toggle("begins", Boolean(gate && first));
    element.classList.toggle("right", this.array === "p" && this.scene.targets[first] === last);
  }

  mark(element) {
    element.classList.toggle("long", short(Number(element.dataset.value)).length > 5);
  }

  nameOf(cell) {
    return cellName(this.scene, cell.place.array, cell.place.index);
  }
}

class RecurrentLab extends Lab {
  prepared(scene) {
    return { ...scene, most: Math.max(...scene.columns[0].map((array) => scene.arrays[array][0].length)) };
  }

  /** The first column is what happens over time, line by line; the others are matrices. */
  lay(columns) {
    this.boards = new Map();
    this.letters = make("div", "letters");
    const parts = columns.map((arrays, column) => {
      const part = make("div", column ? "weights" : "strip");
      if (!column) part.append(this.letters);
      for (const array of arrays) {
        const board = new RecurrentBoard(array, this.scene.titles[array], (what, place, detail) => this.on(what, place, detail));
        this.boards.set(array, board);
        part.append(board.root);
      }
      return part;
    });
    this.boardsRoot.replaceChildren(parts[0]);
    this.root.querySelector(".matrices").replaceChildren(...parts.slice(1));
  }

  draw() {
    const steps = this.scene.word.map(([letter, next], t) => {
      const step = make("span", "step");
      // Each letter by itself: Arabic ones would turn the arrow's ends around.
      step.append(make("bdi", "", letter), " → ", make("bdi", "", next), " ", make("small", "", `step ${t + 1}`));
      return step;
    });
    this.letters.replaceChildren(make("span", "", ""), ...steps);
    super.draw();
  }

  lookAt(place) {
    const { scene } = this;
    const head = `${cellName(scene, place.array, place.index)} = ${number(at(scene.arrays[place.array], place.index))}`;
    const cell = scene.cells[keyOf(place)];
    return cell ? this.sumLook(place, head, cell) : this.givenLook(place, head);
  }

  sumLook(place, head, cell) {
    let running = 0;
    const keys = new Set();
    const terms = cell.terms.map(([group, texts]) => {
      const factors = texts.map((text) => this.factorOf(text));
      for (const { key } of factors) keys.add(key);
      const product = factors.reduce((made, { value }) => made * value, 1);
      running += product;
      return { group, factors, product, running };
    });
    const total = at(this.scene.arrays[place.array], place.index);
    const foot = this.wordsOf(cell, terms, running, total);
    const spoken = `${head}. ${terms.slice(0, 30).map((term) => `${textOf(term)} = ${number(term.product)}`).join(", ")}. ${foot}`;
    return { terms, head, foot, keys, spoken };
  }

  wordsOf(cell, terms, sum, total) {
    if (cell.made === "softmax") return `e to the power of this letter's logit, over the sum of all: ${number(total * sum)} / ${number(sum)} = ${number(total)}.`;
    if (cell.made) return `The sum is ${number(sum)}, and ${MADE[cell.made]} is ${number(total)}.`;
    const from = (cell.losses ?? []).flatMap((share, t) => (Math.abs(share) > 1e-15 ? [`step ${t + 1}: ${brief(share)}`] : []));
    if (!terms.length) return "Nothing comes back to it: the sum is empty.";
    if (from.length) return `The sum is ${number(total)}. It comes from the losses of ${from.join(", ")}.`;
    return `The sum is ${number(total)}.`;
  }

  givenLook(place, head) {
    const key = keyOf(place);
    const keys = new Set();
    for (const [name, { terms }] of Object.entries(this.scene.cells)) {
      const isShown = this.boards.has(name.split(":")[0]);
      if (isShown && terms.some(([, texts]) => texts.some((text) => keyIn(text) === key))) keys.add(name);
    }
    const foot = `It is given, and takes part in ${plural(keys.size, "number")} here: those that light up.`;
    return { terms: [], head, foot, keys, spoken: `${head}. ${foot}` };
  }

  factorOf(text) {
    const [form, array, index] = text.split("|");
    const number_ = array === "one" ? 1 : at(this.scene.arrays[array], index.split(",").map(Number));
    return { key: keyIn(text), value: FORMS[form].of(number_), shown: FORMS[form].text(number_) };
  }

  /** Each term with the sum so far under it, under a heading for what it comes through. */
  chips(terms) {
    const isGrouped = terms.some((term) => term.group !== terms[0].group);
    let group = null;
    return terms.flatMap((term) => {
      const chip = make("span", "chip");
      chip.classList.toggle("nothing", !term.product);
      const text = textOf(term);
      const product = brief(term.product);
      chip.append(make("b", "", text === product || text === `(${product})` ? product : `${text} = ${product}`));
      chip.append(make("small", "", `sum ${brief(term.running)}`));
      const keys = term.factors.map(({ key }) => key);
      chip.addEventListener("pointerenter", () => this.pair(keys));
      chip.addEventListener("pointerleave", () => this.pair([]));
      const isNew = isGrouped && term.group && term.group !== group;
      group = term.group;
      const own = terms.filter((other) => other.group === group);
      const sum = own.reduce((made, { product }) => made + product, 0);
      return isNew ? [make("span", "group", own.length > 1 ? `${group}: ${brief(sum)}` : group), chip] : [chip];
    });
  }

  invitation() {
    return "A number that is computed shows its sum, a given one everything that it takes part in.";
  }

  /** As large as the width allows; beyond that, the steps scroll. */
  fit() {
    const width = this.root.clientWidth;
    if (!this.scene || !width) return;
    const { most, word } = this.scene;
    const room = width - NAMES - GAP * (word.length - 1) - 16;
    const cell = Math.floor(Math.max(38, Math.min(50, room / (word.length * most))));
    const set = (name, value) => this.root.style.setProperty(name, value);
    set("--cell", `${cell}px`);
    set("--gap", `${GAP}px`);
    set("--names", `${NAMES}px`);
    set("--most", String(most));
  }
}

const textOf = (term) => term.factors.map(({ shown }) => shown).join(" · ");

function keyIn(text) {
  const [, array, index] = text.split("|");
  return `${array}:${index}`;
}

export default (given) => mounted(RecurrentLab, given);
