// A photo and a grey patch to drag over it. A place of the patch goes to Python (over ../live/wire.js) only when the one before
// is answered, and then the latest: nothing ever waits behind it. The answer says when the next one is welcome.

const LOST = 5000; // ms after which a place isn't waited for any more
const HINT = "Drag over the photo to cover a part of it. The mark shows how sure each network was of the whole photo.";

const percent = (share) => `${(100 * share).toFixed(1)} %`;

function piece(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

class Cover {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".cover");
    this.photo = find(".photo");
    this.image = find("img");
    this.mark = find(".patch");
    this.tool = find(".tool");
    this.size = find("input");
    this.rows = find(".rows");
    this.words = find(".words");
    this.patch = null; // {top, left, side}, as shares of the photo
    this.count = 0;
    this.free = 0; // when the next place is welcome
    this.listening = new AbortController();
    const { signal } = this.listening;
    const on = (element, name, work) => element.addEventListener(name, work, { signal });
    on(this.photo, "pointerdown", (event) => this.press(event));
    on(this.photo, "pointermove", (event) => this.photo.hasPointerCapture(event.pointerId) && this.drag(event));
    on(this.mark, "keydown", (event) => this.key(event));
    on(this.tool, "click", () => this.cover(this.patch ? null : [0.5, 0.5]));
    on(this.size, "input", () => (this.patch ? this.move(0, 0) : this.cover([0.5, 0.5])));
    on(document, "cnnlab-answer", (event) => this.hear(event.detail));
  }

  take({ data }) {
    const anew = data.scene !== this.data?.scene;
    this.data = data;
    if (this.image.getAttribute("src") !== data.photo) this.image.src = data.photo;
    this.image.alt = `${data.title}, as the network sees it`;
    this.mark.setAttribute("aria-label", "Grey patch on the photo. Arrow keys move it, plus and minus change its size, Escape takes it off.");
    if (!anew) return;
    this.draw(null);
    if (this.patch) this.follow();
  }

  stop() {
    this.listening.abort();
  }

  /** Lay the patch around a place, [down, right]; null takes it off. */
  cover(middle) {
    this.patch = middle && { top: middle[0] - this.size.value / 2, left: middle[1] - this.size.value / 2, side: Number(this.size.value) };
    this.mark.hidden = !middle;
    this.root.classList.toggle("covering", Boolean(middle));
    this.tool.textContent = middle ? "Take it off" : "Cover a part";
    if (middle) this.move(0, 0);
    else this.draw(null);
  }

  press(event) {
    if (event.button > 0 || (event.pointerType === "touch" && !this.patch)) return; // a finger scrolls until there is a patch
    event.preventDefault();
    this.photo.setPointerCapture(event.pointerId);
    this.drag(event);
    this.mark.focus({ preventScroll: true });
  }

  drag(event) {
    const box = this.photo.getBoundingClientRect();
    this.cover([(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width]);
  }

  key(event) {
    const step = { ArrowLeft: [0, -0.025], ArrowRight: [0, 0.025], ArrowUp: [-0.025, 0], ArrowDown: [0.025, 0] }[event.key];
    if (step) this.move(step[0], step[1]);
    else if (event.key === "+" || event.key === "-") {
      if (event.key === "+") this.size.stepUp(2);
      else this.size.stepDown(2);
      this.move(0, 0);
    } else if (event.key === "Escape") {
      this.cover(null);
      this.tool.focus();
    } else return;
    event.preventDefault();
  }

  /** Down and right by such shares of the photo, as far as it goes, in the size that is set. */
  move(down, right) {
    const side = Number(this.size.value);
    const within = (at) => Math.max(0, Math.min(1 - side, at + (this.patch.side - side) / 2));
    this.patch = { top: within(this.patch.top + down), left: within(this.patch.left + right), side };
    const [top, left, length] = [this.patch.top, this.patch.left, side].map((share) => `${100 * share}%`);
    Object.assign(this.mark.style, { top, left, width: length, height: length });
    this.follow();
  }

  /** Send the patch's latest place until it has been answered. */
  async follow() {
    if (this.following) return;
    this.following = true;
    let answered = null; // the place that the rows tell of
    while (this.patch && this.patch !== answered) {
      await new Promise((done) => setTimeout(done, this.free - performance.now()));
      const { patch, data } = this;
      if (!patch) break;
      const answer = await this.ask(data.scene, patch);
      this.free = performance.now() + (answer?.pause ?? 1000);
      if (!this.patch || data.scene !== this.data.scene || this.listening.signal.aborted) continue;
      if (answer?.said) this.words.textContent = answer.said;
      if (answer?.rows) this.draw(answer.rows);
      if (answer?.rows || answer?.said) answered = patch; // else it came too early, or was lost on the way
    }
    this.following = false;
  }

  /** @returns {Promise<any>} the answer to a place; null where none came. */
  ask(scene, { top, left, side }) {
    const n = ++this.count;
    return new Promise((done) => {
      this.waiting = { n, done };
      setTimeout(done, LOST, null);
      document.dispatchEvent(new CustomEvent("cnnlab-frame", { detail: { n, scene, patch: [top, left, side] } }));
    });
  }

  hear({ scene, answer }) {
    if (scene === this.data?.scene && answer.n === this.waiting?.n) this.waiting.done(answer);
  }

  /** What each network says under the patch; null: of the whole photo. */
  draw(answers) {
    this.rows.replaceChildren(
      ...this.data.rows.map(({ network, label, share }, place) => {
        const now = answers ? answers[place].share : share;
        const row = piece("div", "row");
        row.title = network;
        const says = piece("div", "says");
        says.append(piece("span", "", `${network}: ${label}`), piece("b", "", answers ? `${percent(share)} → ${percent(now)}` : percent(share)));
        const track = piece("div", "track");
        const [bar, before] = [piece("div", "now"), piece("div", "before")];
        bar.style.width = `${100 * now}%`;
        before.style.left = `calc(${100 * share}% - 1px)`;
        track.append(bar, before);
        row.append(says, track);
        return row;
      }),
    );
    const others = (answers ?? []).flatMap(({ best, bestShare }, place) => (best === this.data.rows[place].label ? [] : [`${this.data.rows[place].network} says ${best} now, ${percent(bestShare)}.`]));
    this.words.textContent = answers ? others.join(" ") || "The answer stays the same." : HINT;
    this.root.dataset.answered = answers ? String(this.count) : "";
  }
}

export default (given) => mounted(Cover, given);
