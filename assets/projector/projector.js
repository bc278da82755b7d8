// Projector mode ends with Escape, unless that closes something that is open on the page.

const attached = new WeakMap();
const OPEN = "[role=listbox], [role=dialog], [data-testid=stPopoverBody], [data-testid=stFullScreenFrame] [title='Close fullscreen']";

export default function ({ parentElement }) {
  attached.get(parentElement)?.();
  const press = (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector(OPEN)) return;
    /** @type {HTMLElement | null} */ (document.querySelector(".st-key-projector_off button"))?.click();
  };
  // On the way down: what Escape closes is still open then.
  document.addEventListener("keydown", press, true);
  const end = () => document.removeEventListener("keydown", press, true);
  attached.set(parentElement, end);
  return end;
}
