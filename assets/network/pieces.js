// Small pieces: elements, numbers as people read them, tables of numbers, a window on a map.

function piece(tag, name = "", text = "", attributes = {}) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== "") element.textContent = text;
  if (tag === "button") element.type = "button";
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** A number with a true minus, and as many decimals as it deserves. */
function figure(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 10 ** -digits || size >= 1e6)
    ? size.toExponential(2)
    : size.toFixed(size >= 1000 ? 0 : size >= 100 ? Math.min(1, digits) : digits);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}

const withSign = (value, digits = 3) => (value >= 0 ? "+" : "") + figure(value, digits);
const share = (value) => (value > 0 && value < 0.0005 ? "<0.1%" : `${(100 * value).toFixed(1)}%`);
const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
/** What the arrow keys do to a row and a column. */
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Numbers in a square table, coloured by size. `places` says what each is, for those who hear it. */
function numberTable(numbers, { limit, inside = null, label, size = 44, digits = 3 }) {
  const table = piece("div", "numbers", "", { role: "img", "aria-label": label });
  table.style.setProperty("--across", numbers[0].length);
  table.style.setProperty("--cell", `${size}px`);
  numbers.forEach((row, r) => {
    row.forEach((value, c) => {
      const cell = piece("span", inside && !inside[r][c] ? "padding" : "", size >= 26 ? figure(value, digits) : "");
      cell.style.background = cellColour(value / (limit || 1));
      cell.dataset.at = `${r},${c}`;
      table.append(cell);
    });
  });
  return table;
}

/** Activations, for the drawing of their curves alone. */
const CURVES = {
  ReLU: (x) => Math.max(0, x),
  ReLU6: (x) => Math.max(0, Math.min(6, x)),
  "leaky ReLU": (x) => Math.max(0.01 * x, x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  SiLU: (x) => x / (1 + Math.exp(-x)),
  GELU: (x) => (x / 2) * (1 + Math.tanh(0.7979 * (x + 0.044715 * x ** 3))),
  "hard sigmoid": (x) => Math.max(0, Math.min(1, x / 6 + 0.5)),
  "hard swish": (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)),
};

/** An activation's curve with the point (x, y) on it; null for one that isn't known here. */
function curvePiece(name, x, y) {
  const curve = CURVES[name];
  if (!curve) return null;
  const reach = Math.max(name === "ReLU6" ? 8 : 4, 1.15 * Math.abs(x));
  const places = Array.from({ length: 81 }, (_, i) => reach * (i / 40 - 1));
  const [low, high] = [Math.min(0, ...places.map(curve)), Math.max(...places.map(curve))];
  const at = (across, up) => `${(110 * (across + reach)) / (2 * reach) + 5} ${45 - (40 * (up - low)) / (high - low)}`;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 120 50", class: "curve", "aria-hidden": "true" })) svg.setAttribute(name, value);
  for (const [kind, d] of [["axis", `M${at(-reach, 0)}L${at(reach, 0)}M${at(0, low)}L${at(0, high)}`], ["line", `M${places.map((place) => at(place, curve(place))).join("L")}`], ["point", `M${at(x, y)}l0 0`]]) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("class", kind);
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** What a map that comes in is called: those of the photo are its colours, or have a name. */
const mapName = (channel, ofPhoto) => (typeof channel === "string" ? channel : ofPhoto ? ["red", "green", "blue"][channel] ?? `channel ${channel}` : `map ${channel}`);

const largestOf = (...tables) => Math.max(1e-12, ...tables.flat(3).map(Math.abs));

/** A canvas with a map, on which a window can be shown: `where` is in shares of its height and width. */
class MapPiece {
  constructor(maps, index, name, label) {
    this.maps = maps;
    this.index = index;
    this.root = piece("div", `map ${name}`, "", { role: "img", "aria-label": label });
    this.canvas = piece("canvas");
    this.mark = piece("div", "mark");
    this.mark.hidden = true;
    this.root.append(this.canvas, this.mark);
    if (maps.rows * maps.cols === 1) this.root.append(piece("span", "only", figure((levelsOf(maps)[index] / 127) * maps.scale)));
    this.fill(1);
  }

  /** Paint the first part of it, row by row. */
  fill(part) {
    const { rows, cols } = this.maps;
    paintMap(this.canvas, this.maps, this.index, part >= 1 ? Infinity : Math.floor(part * rows * cols));
  }

  /** The cell of `rows` × `cols` that the pointer is on. */
  cellAt({ clientX, clientY }, [rows, cols]) {
    const box = this.root.getBoundingClientRect();
    const place = (part, length) => Math.max(0, Math.min(length - 1, Math.floor(part * length)));
    return [place((clientY - box.top) / box.height, rows), place((clientX - box.left) / box.width, cols)];
  }

  /** Outline top, left, height, width; null takes it off. */
  outline(where) {
    this.mark.hidden = !where;
    if (!where) return;
    const [top, left, height, width] = where.map((number) => `${100 * number}%`);
    Object.assign(this.mark.style, { top, left, height, width });
  }
}
