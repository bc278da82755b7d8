// Probabilities against epsilon, with a line where the slider stands.

const PAD = { left: 38, right: 6, top: 10, bottom: 20 }; // explorer.css places the slider by left and right
const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

class Chart {
  constructor(svg, onMove, onRest, signal) {
    this.svg = svg;
    this.width = 0;
    this.height = 0;
    const follow = (event) => {
      const box = svg.getBoundingClientRect(); // larger than what is drawn, where the page is shown larger
      onMove(this.indexAt(((event.clientX - box.left) * this.width) / box.width));
    };
    const on = (event, does) => svg.addEventListener(event, does, { signal });
    on("pointerdown", (event) => {
      if (event.button !== 0) return;
      svg.setPointerCapture(event.pointerId);
      follow(event);
    });
    on("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && follow(event));
    on("lostpointercapture", onRest);
  }

  x(index) {
    return PAD.left + (index / Math.max(1, this.last)) * (this.width - PAD.left - PAD.right);
  }

  y(share) {
    return PAD.top + (1 - share) * (this.height - PAD.top - PAD.bottom);
  }

  indexAt(x) {
    const share = (x - PAD.left) / (this.width - PAD.left - PAD.right);
    return Math.round(Math.min(1, Math.max(0, share)) * this.last);
  }

  draw({ ticks, lines, marks }) {
    [this.width, this.height] = [this.svg.clientWidth, this.svg.clientHeight];
    this.last = ticks.length - 1;
    this.lines = lines;
    const ends = { x1: PAD.left, x2: this.width - PAD.right };
    const parts = [0, 0.5, 1].flatMap((share) => [
      shape("line", { ...ends, y1: this.y(share), y2: this.y(share), class: "grid" }),
      shape("text", { x: PAD.left - 6, y: this.y(share) + 4, "text-anchor": "end" }, `${100 * share}%`),
    ]);
    const room = Math.max(2, (this.width - PAD.left) / 42);
    const every = 2 ** Math.ceil(Math.log2(Math.max(1, this.last / room)));
    ticks.forEach((tick, index) => {
      if (index % every) return;
      const anchor = index === this.last ? "end" : "middle";
      parts.push(shape("text", { x: this.x(index), y: this.height - 4, "text-anchor": anchor }, tick));
    });
    for (const { at, kind } of marks) {
      const place = { x1: this.x(at), x2: this.x(at), y1: this.y(1), y2: this.y(0) };
      parts.push(shape("line", { ...place, class: "mark", style: `--colour: var(--${kind})` }));
    }
    for (const { kind, shares } of lines) {
      const points = shares.map((share, index) => `${this.x(index)},${this.y(share)}`).join(" ");
      parts.push(shape("polyline", { points, class: "line", style: `--colour: var(--${kind})` }));
    }
    this.here = shape("line", { y1: this.y(1) - 4, y2: this.y(0), class: "here" });
    this.dots = lines.map(({ kind }) => shape("circle", { r: 5.5, style: `--colour: var(--${kind})` }));
    this.svg.replaceChildren(...parts, this.here, ...this.dots);
  }

  moveTo(index) {
    for (const end of ["x1", "x2"]) this.here.setAttribute(end, this.x(index));
    this.dots.forEach((dot, line) => {
      dot.setAttribute("cx", this.x(index));
      dot.setAttribute("cy", this.y(this.lines[line].shares[index]));
    });
  }
}
