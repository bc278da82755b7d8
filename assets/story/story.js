// A story by keys, wherever the keyboard isn't needed for something else: N goes on (first to what was guessed), B goes
// back, and 1, 2 ... guess.

const attached = new WeakMap();

const TYPED = "input:not([type=range], [type=radio], [type=checkbox]), textarea, select, [role=grid]";
const ROLES = {
  n: ".st-key-story_show a, .st-key-story_next a",
  b: ".st-key-story_back a",
};

export default function ({ parentElement }) {
  attached.get(parentElement)?.();
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [target] = event.composedPath(); // also what has the focus inside a component
    if (target instanceof Element && target.closest(TYPED)) return;
    const key = event.key.toLowerCase();
    const found = document.querySelectorAll(ROLES[key] ?? ".st-key-story [data-testid=stButtonGroup] button");
    /** @type {HTMLElement | undefined} */ (found[key in ROLES ? found.length - 1 : Number(key) - 1])?.click();
  };
  document.addEventListener("keydown", press);
  const end = () => document.removeEventListener("keydown", press);
  attached.set(parentElement, end);
  return end;
}
