// The wire of live frames, a component that draws nothing: from the picture (live.js) to Python, and each answer back. It is
// in a fragment of its own, so that a frame runs nothing else of the page.

const wires = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  wires.get(parentElement)?.abort();
  const listening = new AbortController();
  wires.set(parentElement, listening);
  const send = (event) => setTriggerValue("frame", /** @type {CustomEvent} */ (event).detail);
  document.addEventListener("cnnlab-frame", send, { signal: listening.signal });
  if (data.answer) document.dispatchEvent(new CustomEvent("cnnlab-answer", { detail: data }));
  return () => listening.abort();
}
