// A story by keys: N goes to the next step, B goes back, wherever the keyboard isn't needed for something else.

const attached = new WeakMap();

export default function ({ parentElement }) {
  attached.get(parentElement)?.();
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [role=grid]")) return;
    const role = { n: "next", b: "back" }[event.key.toLowerCase()];
    /** @type {HTMLElement | null} */ (document.querySelector(`.st-key-story_${role} a`))?.click();
  };
  document.addEventListener("keydown", press);
  const end = () => document.removeEventListener("keydown", press);
  attached.set(parentElement, end);
  return end;
}
