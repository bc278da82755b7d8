// Two pictures on one place and a line between them, moved by pointer, finger or arrow keys; the server isn't asked.
//
// Streamlit calls the default export again whenever the data changes, with the same parent element: the line stays
// where it was, and what was attached the last time is taken off first.

const attached = new WeakMap();
const places = new WeakMap();
const KEYS = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };

export default function ({ data, parentElement }) {
  attached.get(parentElement)?.abort();
  const listening = new AbortController();
  attached.set(parentElement, listening);
  const board = parentElement.querySelector(".board");

  const moveTo = (percent) => {
    const at = Math.min(100, Math.max(0, percent));
    places.set(parentElement, at);
    board.style.setProperty("--at", `${at}%`);
    board.setAttribute("aria-valuenow", Math.round(at));
    board.setAttribute("aria-valuetext", `${Math.round(at)} % ${data.before.label}, the rest ${data.after.label}`);
  };
  const follow = (event) => {
    const box = board.getBoundingClientRect();
    moveTo((100 * (event.clientX - box.left)) / box.width);
  };

  for (const side of ["before", "after"]) {
    const layer = parentElement.querySelector(`.${side}`);
    const { src, label } = data[side];
    const image = layer.querySelector("img");
    if (image.src !== src) image.src = src;
    image.alt = label;
    layer.querySelector("span").textContent = label;
  }
  board.setAttribute("aria-label", `${data.before.label} and ${data.after.label}. Arrow keys move the line.`);

  const on = (event, does) => board.addEventListener(event, does, { signal: listening.signal });
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    board.setPointerCapture(event.pointerId);
    follow(event);
  });
  on("pointermove", (event) => board.hasPointerCapture(event.pointerId) && follow(event));
  on("keydown", (event) => {
    const step = KEYS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    moveTo((places.get(parentElement) ?? 50) + step);
  });

  moveTo(places.get(parentElement) ?? 50);
  return () => listening.abort();
}
