// A patch on the photo, and a camera, for networks that Python computes. A frame goes (over ../live/wire.js) only when the one before
// is answered, and then the latest: nothing ever waits behind it. The answer says when the next one is welcome.

const LOST = 15000; // ms after which a frame isn't waited for any more
const PATCH_SIDES = [0.08, 0.6]; // of the photo

class LiveInput {
  constructor(inside) {
    this.inside = inside;
    this.count = 0;
    this.free = 0; // when the next frame is welcome
    this.patch = null; // {row, col, side} in the network's pixels
    /** @type {any} what stood in the tiles before, while a live frame is shown */
    this.still = null;
    this.bar = piece("div", "livebar");
    const tool = (words, title, work) => {
      const made = piece("button", "tool", words, { title, "aria-pressed": "false" });
      made.addEventListener("click", work);
      return made;
    };
    this.coverTool = tool("Cover", "A grey patch to drag over the photo: what does the network say without what lies under it?", () => this.cover(!this.patch));
    this.cameraTool = tool("Camera", "The network looks at what the camera sees. Its pictures go to this lab's server, which keeps none of them.", () => this.film());
    this.size = /** @type {HTMLInputElement} */ (piece("input", "", "", { type: "range", min: PATCH_SIDES[0], max: PATCH_SIDES[1], step: "0.02", value: "0.24", "aria-label": "Size of the patch", hidden: "" }));
    this.size.addEventListener("input", () => this.move(0, 0));
    this.words = piece("p", "livewords", "", { role: "status" });
    this.bar.append(this.coverTool, this.cameraTool, this.size, this.words);
    inside.photo.after(this.bar);
    this.mark = piece("button", "patch", "", { "aria-label": "Grey patch on the photo. Arrow keys move it, plus and minus change its size, Escape takes it off." });
    this.mark.hidden = true;
    inside.photo.append(this.mark);
    this.camera = new CameraSource({
      onFrame: (video) => this.look({ photo: this.frameOf(video) }),
      onWords: (words) => this.say(words),
    });
    this.listening = new AbortController();
    const { signal } = this.listening;
    const on = (name, work) => inside.photo.addEventListener(name, work, { signal });
    on("pointerdown", (event) => this.press(event));
    on("pointermove", (event) => inside.photo.hasPointerCapture(event.pointerId) && this.drag(event));
    this.mark.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("cnnlab-answer", (event) => this.hear(/** @type {CustomEvent} */ (event).detail), { signal });
  }

  stop() {
    this.camera.dispose();
    this.listening.abort();
    this.bar.remove();
    this.mark.remove();
  }

  say(words) {
    this.words.textContent = words;
  }

  get on() {
    return this.patch ? "patch" : this.camera.running ? "camera" : "";
  }

  /** Back to the photo as it is. */
  end() {
    this.camera.stop();
    if (this.patch) this.cover(false);
  }

  /** Another picture comes, or this one anew: what stood in the tiles is no more. */
  forget() {
    this.still = null;
    this.end();
  }

  // --- the patch ---

  cover(is) {
    if (is) this.camera.stop();
    const { side } = this.inside.data.scene;
    const own = Math.round(Number(this.size.value) * side);
    this.patch = is ? { row: Math.round((side - own) / 2), col: Math.round((side - own) / 2), side: own } : null;
    this.coverTool.setAttribute("aria-pressed", String(is));
    this.size.hidden = this.mark.hidden = !is;
    this.inside.root.classList.toggle("covering", is);
    this.inside.photo.setAttribute("role", is ? "group" : "img"); // a picture may hold nothing to press
    if (!is) {
      this.show(null);
      return;
    }
    this.say("");
    this.move(0, 0);
    this.mark.focus({ preventScroll: true });
  }

  press(event) {
    if (!this.patch || event.button > 0) return;
    event.preventDefault();
    this.inside.photo.setPointerCapture(event.pointerId);
    this.mark.focus({ preventScroll: true });
    this.drag(event);
  }

  drag(event) {
    const box = this.inside.photo.getBoundingClientRect();
    const [row, col] = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    const { side } = this.inside.data.scene;
    this.move(row * side - this.patch.side / 2 - this.patch.row, col * side - this.patch.side / 2 - this.patch.col);
  }

  key(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const far = Math.max(1, Math.round(this.inside.data.scene.side / 40));
    if (step) this.move(far * step[0], far * step[1]);
    else if (event.key === "+" || event.key === "-") {
      if (event.key === "+") this.size.stepUp();
      else this.size.stepDown();
      this.move(0, 0);
    } else if (event.key === "Escape") {
      this.cover(false);
      this.coverTool.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** By so many rows and columns, as far as the photo goes, in the size that is set. */
  move(rows, cols) {
    const { side } = this.inside.data.scene;
    const own = Math.round(Number(this.size.value) * side);
    const within = (at) => Math.max(0, Math.min(side - own, Math.round(at + (this.patch.side - own) / 2)));
    this.patch = { row: within(this.patch.row + rows), col: within(this.patch.col + cols), side: own };
    const [top, left, length] = [this.patch.row, this.patch.col, own].map((pixels) => `${(100 * pixels) / side}%`);
    Object.assign(this.mark.style, { top, left, width: length, height: length });
    this.follow();
  }

  /** Send the patch's latest place until it has been answered. */
  async follow() {
    if (this.following) return;
    this.following = true;
    let sent = null;
    while (this.patch && this.patch !== sent) {
      sent = this.patch;
      const answered = await this.look(() => {
        sent = this.patch;
        return sent && { patch: [sent.row, sent.col, sent.side] };
      });
      if (!answered) break;
    }
    this.following = false;
  }

  // --- the camera ---

  film() {
    if (this.camera.running) {
      this.camera.stop();
      return;
    }
    this.cover(false);
    this.say("");
    this.cameraTool.setAttribute("aria-pressed", "true");
    this.inside.root.classList.add("filming");
    this.camera.start().finally(() => {
      this.cameraTool.setAttribute("aria-pressed", "false");
      this.inside.root.classList.remove("filming");
      if (!this.patch) this.show(null);
    });
  }

  /** The middle square of a video as the network sees it: shown, and as a JPEG in base64. */
  frameOf(video) {
    const { side } = this.inside.data.scene;
    const seen = /** @type {HTMLCanvasElement} */ (this.inside.photo.querySelector(".seen"));
    [seen.width, seen.height] = [side, side];
    const { videoWidth: width, videoHeight: height } = video;
    const square = Math.min(width, height);
    const pen = seen.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(video, (width - square) / 2, (height - square) / 2, square, square, 0, 0, side, side);
    return seen.toDataURL("image/jpeg", 0.85).split(",")[1];
  }

  // --- the wire ---

  /**
   * Sends a frame, or what gives one, when it is welcome; resolves to its answer, or to null where none came.
   * @returns {Promise<any>}
   */
  async look(frame) {
    for (;;) {
      const { id } = this.inside.data;
      await new Promise((done) => setTimeout(done, this.free - performance.now()));
      const now = typeof frame === "function" ? frame() : frame;
      if (!now || !this.on || id !== this.inside.data.id) return null;
      const n = ++this.count;
      const answer = await new Promise((done) => {
        this.waiting = { n, done };
        setTimeout(done, LOST, null);
        document.dispatchEvent(new CustomEvent("cnnlab-frame", { detail: { n, scene: id, ...now } }));
      });
      this.free = performance.now() + (answer?.pause ?? 0);
      if (!this.on || id !== this.inside.data.id) return null;
      if (answer?.said) this.say(answer.said);
      if (answer?.maps) this.show(answer);
      if (answer?.maps || answer?.said || this.camera.running) return answer;
      // It came too early, or was lost on the way: again, with what is the latest then.
    }
  }

  hear({ scene, answer }) {
    if (scene === this.inside.data?.id && answer.n === this.waiting?.n) this.waiting.done(answer);
  }

  /** The tiles and the bars of a live frame; null: of the photo again. */
  show(answer) {
    const { data } = this.inside;
    if (!answer) {
      if (!this.still) return;
      const { columns, changed } = this.still;
      this.still = null;
      this.inside.update({ columns: columns.map((maps) => ({ maps })), changed });
      this.inside.rest();
      return;
    }
    const fresh = !this.still;
    this.still ??= { columns: data.scene.columns.map(({ maps }) => maps), changed: data.changed };
    this.inside.update({ columns: answer.maps.map((maps) => ({ maps })), changed: { classes: answer.classes } });
    this.inside.root.dataset.live = String(this.count); // what is on the page is of this frame
    if (fresh) this.inside.rest();
  }
}
