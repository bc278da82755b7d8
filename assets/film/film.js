// A training as a film: curves, first-layer filters and the answers to a few pictures at one step, moved by one scrubber.
// Who stands at the end of a run that is going on stays at its end.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 190;
const PAD = { left: 40, right: 8, top: 8, bottom: 20 };
const FRAME = 160; // ms for each moment while it plays
const ACROSS = 16;

const percent = (share) => `${Math.round(100 * share)} %`;
const spoken = (number) => number.toLocaleString("en");

function make(tag, { name = "", text = "" } = {}) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

function shape(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

class Film {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.find = find;
    this.root = find(".show");
    this.svg = find("svg");
    this.filters = find(".filters canvas");
    this.scrubber = find("input");
    this.button = find("button");
    this.at = Infinity;
    this.listening = new AbortController();
    const { signal } = this.listening;
    const scrub = () => {
      this.pause();
      this.moveTo(Number(this.scrubber.value));
    };
    this.scrubber.addEventListener("input", scrub, { signal });
    this.button.addEventListener("click", () => (this.playing ? this.pause() : this.play()), { signal });
    this.sizes = new ResizeObserver(() => this.data && this.drawCurves());
    this.sizes.observe(this.svg);
  }

  stop() {
    this.pause();
    this.sizes.disconnect();
    this.listening.abort();
  }

  take({ data }) {
    if (this.data?.id !== data.id) this.lay(data); // else it stands where it was moved to
  }

  async lay(data) {
    const last = this.data ? this.data.moments.length - 1 : -1;
    const followed = this.at >= last;
    this.data = data;
    this.moments = data.moments;
    this.scrubber.max = this.moments.length - 1;
    this.root.classList.toggle("mute", !data.answers.length);
    this.layCaptions();
    this.layPictures();
    this.drawCurves();
    this.moveTo(followed ? this.moments.length - 1 : this.at);
    this.button.textContent = this.playing ? "Pause" : "Play";
    const [strip, pictures] = await Promise.all([data.filters.strip, data.pictures].map(loaded));
    if (this.data !== data) return;
    this.strip = strip;
    this.paintPictures(pictures);
    this.moveTo(this.at);
  }

  layCaptions() {
    const { lines, filters, answers } = this.data;
    const curves = this.find(".curves figcaption");
    curves.replaceChildren(make("b", { text: "Accuracy" }));
    for (const { name, kind } of lines) {
      const key = make("span", { name: "key", text: name });
      key.style.setProperty("--colour", `var(--${kind})`);
      curves.append(key);
    }
    const caption = this.find(".filters figcaption");
    caption.replaceChildren(make("b", { text: "Filters" }), `the ${filters.count} of the first layer`);
    this.score = make("span");
    this.find(".answers figcaption").replaceChildren(make("b", { text: "Answers" }), this.score);
    const [rows, columns] = filters.shape;
    this.across = Math.min(ACROSS, filters.count);
    this.filters.width = this.across * (columns + 1) - 1;
    this.filters.height = Math.ceil(filters.count / this.across) * (rows + 1) - 1;
    if (!answers.length) this.find("ol").replaceChildren();
  }

  layPictures() {
    const { labels, classes } = this.data;
    this.cells = labels.map((label) => {
      const item = make("li");
      const [canvas, answer, bar, truth] = ["canvas", "b", "i", "span"].map((tag) => make(tag));
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `A picture of ${classes[label]}`);
      truth.textContent = `is ${classes[label]}`;
      item.append(canvas, answer, bar, truth);
      return { item, canvas, answer };
    });
    this.find("ol").replaceChildren(...this.cells.map((cell) => cell.item));
  }

  paintPictures(strip) {
    if (!strip) return;
    const side = strip.naturalHeight;
    this.cells.forEach(({ canvas }, index) => {
      canvas.width = canvas.height = side;
      canvas.getContext("2d").drawImage(strip, -index * side, 0);
    });
  }

  x(step) {
    return PAD.left + (step / this.data.total) * (this.svg.clientWidth - PAD.left - PAD.right);
  }

  y(share) {
    return PAD.top + (1 - share) * (HEIGHT - PAD.top - PAD.bottom);
  }

  drawCurves() {
    const { total, lines, chance } = this.data;
    const ends = { x1: this.x(0), x2: this.x(total) };
    const parts = [0, 0.5, 1].flatMap((share) => [
      shape("line", { ...ends, y1: this.y(share), y2: this.y(share), class: "grid" }),
      shape("text", { x: PAD.left - 6, y: this.y(share) + 4, "text-anchor": "end" }, percent(share)),
    ]);
    for (const [step, anchor] of [[0, "start"], [total / 2, "middle"], [total, "end"]]) {
      const words = step ? spoken(Math.round(step)) : "step 0";
      parts.push(shape("text", { x: this.x(step), y: HEIGHT - 4, "text-anchor": anchor }, words));
    }
    parts.push(shape("line", { ...ends, y1: this.y(chance), y2: this.y(chance), class: "chance" }));
    parts.push(shape("text", { x: this.x(total), y: this.y(chance) - 4, "text-anchor": "end" }, "guessing"));
    for (const { kind, x, y, marked } of lines) {
      const style = `--colour: var(--${kind})`;
      const points = x.map((step, index) => `${this.x(step)},${this.y(y[index])}`);
      parts.push(shape("polyline", { points: points.join(" "), class: "line", style }));
      if (marked) {
        parts.push(...x.map((step, index) => shape("circle", { cx: this.x(step), cy: this.y(y[index]), r: 3.5, style })));
      }
    }
    this.here = shape("line", { y1: this.y(1) - 4, y2: this.y(0), class: "here" });
    this.svg.replaceChildren(...parts, this.here);
    this.placeHere();
  }

  placeHere() {
    const moment = this.moments[Math.min(this.at, this.moments.length - 1)];
    for (const end of ["x1", "x2"]) this.here.setAttribute(end, this.x(moment));
  }

  moveTo(index) {
    this.at = Math.max(0, Math.min(index, this.moments.length - 1));
    const step = this.moments[this.at];
    this.scrubber.value = this.at;
    const words = `before step ${spoken(step)} of ${spoken(this.data.total)}`;
    this.scrubber.setAttribute("aria-valuetext", words);
    this.find("output").textContent = words;
    this.placeHere();
    this.drawFilters();
    this.answer();
  }

  drawFilters() {
    if (!this.strip) return;
    const { count, shape: [rows, columns] } = this.data.filters;
    const context = this.filters.getContext("2d");
    context.clearRect(0, 0, this.filters.width, this.filters.height);
    for (let index = 0; index < count; index++) {
      const [left, top] = [(index % this.across) * (columns + 1), Math.floor(index / this.across) * (rows + 1)];
      const from = [index * columns, this.at * rows, columns, rows];
      context.drawImage(this.strip, ...from, left, top, columns, rows);
    }
    this.filters.setAttribute("aria-label", `The first layer's filters before step ${this.moments[this.at]}`);
  }

  answer() {
    const { answers, labels, classes, held } = this.data;
    if (!answers.length) return;
    let right = 0;
    answers[this.at].forEach(([found, sure], index) => {
      const { item, answer } = this.cells[index];
      const isRight = found === labels[index];
      right += isRight ? 1 : 0;
      item.classList.toggle("right", isRight);
      item.style.setProperty("--sure", percent(sure).replace(" ", ""));
      answer.replaceChildren(`${isRight ? "✓" : "✗"} ${classes[found]} `, make("small", { text: percent(sure) }));
      answer.title = answer.textContent;
    });
    const asked = held ? "pictures that it doesn't learn from" : "of the training pictures";
    this.score.textContent = `to ${labels.length} ${asked}: ${right} right`;
  }

  play() {
    if (this.at === this.moments.length - 1) this.moveTo(0);
    this.playing = setInterval(() => {
      this.moveTo(this.at + 1);
      if (this.at === this.moments.length - 1) this.pause();
    }, FRAME);
    this.button.textContent = "Pause";
  }

  pause() {
    clearInterval(this.playing);
    this.playing = 0;
    this.button.textContent = "Play";
  }
}

function loaded(src) {
  if (!src) return null;
  const image = new Image();
  image.src = src;
  return image.decode().then(() => image);
}

export default (given) => mounted(Film, given);
