// The epsilon explorer: Python sends a sweep once; dragging epsilon happens here, and only where it came to rest is told.

const REST = 350; // ms without a move, after which Python hears of it
const ROW = 26; // px, the height of a class's row

const percent = (share) => (share > 0 && share < 0.0005 ? "<0.1%" : `${(100 * share).toFixed(1)}%`);

function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

class Explorer {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".explorer");
    this.picture = find(".picture");
    this.noise = find(".noise");
    this.head = find(".head");
    this.bars = find(".bars");
    this.legend = find(".legend");
    this.slider = find("input");
    this.marks = find(".marks");
    this.send = (_index) => {};
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.chart = new Chart(find(".chart"), (index) => this.moveTo(index), () => this.rest(), signal);
    this.slider.addEventListener("input", () => this.moveTo(Number(this.slider.value)), { signal });
    this.slider.addEventListener("change", () => this.rest(), { signal });
    this.sizes = new ResizeObserver(() => this.scene && this.fit());
    this.sizes.observe(this.root);
  }

  stop() {
    clearTimeout(this.resting);
    this.sizes.disconnect();
    this.listening.abort();
  }

  take({ data, setStateValue }) {
    this.send = (index) => setStateValue("at", index);
    if (this.scene?.id !== data.id) this.show(data); // else it stands where it was dragged to
  }

  /** A new sweep from Python. Whoever has just moved epsilon stays there, as near as there is one. */
  show(scene) {
    const { eps } = scene;
    const moved = this.resting ? this.scene.eps[this.index] : null;
    this.scene = scene;
    this.frames = scene.signs ? new AlongSigns(scene) : new Pictures(scene);
    for (const canvas of [this.picture, this.noise]) [canvas.width, canvas.height] = [scene.width, scene.height];
    this.slider.max = eps.length - 1;
    this.index = moved === null ? scene.at : eps.reduce((best, one, i) => (Math.abs(one - moved) < Math.abs(eps[best] - moved) ? i : best), 0);
    this.layRows();
    this.legend.replaceChildren(...[...scene.lines].reverse().map(({ kind, name }) => {
      const entry = make("span", "", name);
      entry.style.setProperty("--colour", `var(--${kind})`);
      return entry;
    }));
    this.marks.replaceChildren(...scene.marks.map(({ at, kind, text }) => {
      const button = make("button", "", text);
      button.type = "button";
      button.style.setProperty("--colour", `var(--${kind})`);
      button.addEventListener("click", () => {
        this.moveTo(at);
        this.rest();
      });
      return button;
    }));
    this.fit();
  }

  layRows() {
    const { rows, labels } = this.scene;
    this.rows = new Map();
    for (const [index] of rows.flat()) {
      if (this.rows.has(index)) continue;
      const row = make("li");
      const track = make("div", "track");
      const bar = make("div", "bar");
      const name = make("span", "name", labels[index]);
      name.title = labels[index];
      track.append(bar);
      row.append(name, track, make("span", "share"));
      this.rows.set(index, row);
    }
    this.bars.replaceChildren(...this.rows.values());
    this.bars.style.height = `${ROW * Math.max(...rows.map((row) => row.length))}px`;
  }

  fit() {
    this.chart.draw(this.scene);
    this.moveTo(this.index);
  }

  /** Show the attack at an epsilon. */
  moveTo(index) {
    clearTimeout(this.resting);
    this.index = index;
    const { eps, rows, labels, success, before, target } = this.scene;
    const [[first, share]] = rows[index];
    this.slider.value = index;
    this.slider.setAttribute("aria-valuetext", `${eps[index]}: ${labels[first]}, ${percent(share)}`);
    this.chart.moveTo(index);
    this.head.classList.toggle("fooled", success[index]);
    this.head.querySelector("b").textContent = `ε = ${eps[index]}`;
    const toTarget = first === target ? ", the target" : "";
    this.head.querySelector("span").textContent =
      first === before ? `still ${labels[first]}` : `now ${labels[first]}${toTarget}`;
    this.rank(rows[index]);
    this.paint(index);
  }

  rank(row) {
    const { before, target, others } = this.scene;
    const kinds = { [others[this.index]]: "other", [before]: "before", [target]: "target" };
    for (const [index, element] of this.rows) {
      const place = row.findIndex(([found]) => found === index);
      element.classList.toggle("out", place < 0);
      element.setAttribute("aria-hidden", place < 0);
      if (place < 0) continue;
      const share = row[place][1];
      element.style.transform = `translateY(${ROW * place}px)`;
      element.style.setProperty("--colour", `var(--${kinds[index] ?? "rest"})`);
      element.querySelector(".bar").style.width = `${100 * share}%`;
      element.querySelector(".share").textContent = percent(share);
    }
  }

  async paint(index) {
    const { width, height, gain, eps } = this.scene;
    const found = this.frames.at(index);
    const pixels = found instanceof Promise ? await found : found;
    if (index !== this.index) return; // dragged on while it was decoded
    const put = (canvas, rgba) => canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
    put(this.picture, pixels);
    put(this.noise, noiseOf(this.frames.original, pixels, gain));
    const words = [`Picture at ε = ${eps[index]}`, `What was added × ${gain}, around grey`];
    [this.picture, this.noise].forEach((canvas, number) => {
      canvas.setAttribute("aria-label", words[number]);
      canvas.nextElementSibling.textContent = words[number];
    });
  }

  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.resting = null;
      this.send(this.index);
    }, REST);
  }
}

export default (given) => mounted(Explorer, given);
