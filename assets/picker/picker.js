// A picture that is a grid of cells, one of which is chosen: with the pointer, or with the arrow keys and Enter.
//
// Streamlit calls the default export again whenever the data changes, with the same parent element; what was attached
// the last time is taken off first.

const attached = new WeakMap();
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export default function ({ data, parentElement, setStateValue }) {
  attached.get(parentElement)?.abort();
  const listening = new AbortController();
  attached.set(parentElement, listening);
  const find = (selector) => parentElement.querySelector(selector);
  const [board, image, chosen, cursor, says] = [".board", "img", ".chosen", ".cursor", ".says"].map(find);
  const { rows, cols, count, gap, size, labels, first, from_below: fromBelow } = data;
  let at = data.chosen ?? 0;

  image.src = data.src;
  image.style.imageRendering = data.smooth ? "auto" : "";
  image.style.aspectRatio = `auto ${cols * (size + gap) - gap} / ${rows * (size + gap) - gap}`; // until it is there
  image.alt = data.alt;
  board.setAttribute("aria-label", `${data.alt}. Arrow keys move, Enter chooses.`);

  // Cells are `size` pixels of the picture, with `gap` pixels between them.
  const place = (mark, index) => {
    mark.hidden = index === null || index >= count;
    if (mark.hidden) return;
    const [row, col] = [Math.floor(index / cols), index % cols];
    const part = (i, n) => [(i * (size + gap)) / (n * (size + gap) - gap), size / (n * (size + gap) - gap)];
    const [[top, height], [left, width]] = [part(row, rows), part(col, cols)];
    Object.assign(mark.style, {
      top: `${100 * top}%`, left: `${100 * left}%`, height: `${100 * height}%`, width: `${100 * width}%`,
    });
  };
  const tell = (index) => {
    const [row, col] = [Math.floor(index / cols), index % cols];
    const shown = fromBelow ? rows - 1 - row : row;
    says.textContent = labels.length ? labels[index] : `row ${shown + first}, column ${col + first}`;
  };
  const point = (index) => {
    at = index;
    place(cursor, index);
    tell(index);
  };
  const rest = () => {
    place(cursor, null);
    if (data.chosen !== null) tell(data.chosen);
    else says.textContent = data.hint;
  };
  const choose = (index) => {
    if (index >= count) return;
    place(chosen, index);
    setStateValue("cell", index);
  };
  const under = (event) => {
    const box = board.getBoundingClientRect();
    const share = (position, length, n) => Math.min(n - 1, Math.max(0, Math.floor((position / length) * n)));
    return share(event.clientY - box.top, box.height, rows) * cols + share(event.clientX - box.left, box.width, cols);
  };

  const on = (event, does) => board.addEventListener(event, does, { signal: listening.signal });
  on("pointermove", (event) => under(event) < count && point(under(event)));
  on("pointerleave", rest);
  on("blur", rest);
  on("click", (event) => choose(under(event)));
  on("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(at);
    }
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const [row, col] = [Math.floor(at / cols) + step[0], (at % cols) + step[1]];
    if (row >= 0 && row < rows && col >= 0 && col < cols && row * cols + col < count) point(row * cols + col);
  });

  place(chosen, data.chosen);
  rest();
  return () => listening.abort();
}
