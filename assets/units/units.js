// A photo, one feature map of it, and the map laid over the photo: the cell under the pointer is one unit in all three,
// and the photo shows what that unit sees. A click or Enter chooses it.
//
// The map comes as a grey picture whose levels stand for values from `low` to `high`; it is coloured here, by `palette`,
// a picture with the 256 colours in a row.
// Streamlit calls the default export again whenever the data changes, with the same parent element; what was attached
// the last time is taken off first.

const attached = new WeakMap();
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const EDGE = "rgb(20 200 180)";
const DARK = 0.25; // of the photo's light where the map isn't positive

const loaded = (src) =>
  new Promise((done) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => done(null);
    image.src = src;
  });

const pixelsOf = (image) => {
  const pen = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height }).getContext("2d");
  pen.drawImage(image, 0, 0);
  return pen.getImageData(0, 0, image.width, image.height).data;
};

export default function ({ data, parentElement, setStateValue }) {
  attached.get(parentElement)?.abort();
  const listening = new AbortController();
  attached.set(parentElement, listening);
  const find = (selector) => parentElement.querySelector(selector);
  const [photo, map, over] = ["photo", "map", "over"].map((name) => find(`.${name} canvas`));
  const [board, chosen, cursor, says] = [".board", ".chosen", ".cursor", ".says"].map(find);
  const { rows, cols, height, width, margin, reach, field } = data;
  const seen = margin + height + margin;
  let [at, picture] = [data.chosen, null];

  const captions = [data.photo.title, data.map.title, data.over];
  parentElement.querySelectorAll("figcaption").forEach((caption, index) => {
    caption.textContent = caption.title = captions[index];
  });
  find(".over").hidden = !data.over;
  board.setAttribute("aria-label", `${data.map.title}: ${rows} × ${cols} units. Arrow keys move, Enter chooses.`);
  photo.setAttribute("aria-label", data.photo.title);
  over.setAttribute("aria-label", data.over);
  const shape = (canvas, across, down, ratio) => {
    if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
    canvas.style.aspectRatio = `${ratio}`;
  };
  // Of a small photo, too, a line is thin: as thin as on one of 224 pixels.
  const thin = Math.min(2, width / 112);
  const fine = Math.max(2, Math.min(Math.ceil(4 / thin), Math.floor(2000 / (width + 2 * margin))));
  shape(photo, fine * (width + 2 * margin), fine * seen, (width + 2 * margin) / seen);
  shape(map, cols, rows, (width + 2 * margin) / seen);
  shape(over, width, height, width / height);

  const place = (mark, index) => {
    mark.hidden = index === null;
    if (mark.hidden) return;
    const [row, col] = [Math.floor(index / cols), index % cols];
    Object.assign(mark.style, {
      top: `${(100 * (row + 0.5)) / rows}%`, left: `${(100 * (col + 0.5)) / cols}%`,
      height: `${100 / rows}%`, width: `${100 / cols}%`,
    });
  };
  // As size, jump and start have it, with the padding.
  const byForm = (index) => {
    const place = [Math.floor(index / cols), index % cols];
    const [top, left] = [0, 1].map((axis) => Math.ceil(reach.start[axis] + place[axis] * reach.jump[axis]));
    const [bottom, right] = [0, 1].map((axis) =>
      Math.floor(reach.start[axis] + place[axis] * reach.jump[axis] + reach.size[axis] - 1));
    return [top, left, bottom, right];
  };
  // On the photo: as the `field` has it for each row and column, or, without one, the form cut at the photo's edges.
  const boxOf = (index) => {
    if (field) {
      const [down, across] = [field.rows[Math.floor(index / cols)], field.cols[index % cols]];
      return down && across ? [down[0], across[0], down[1], across[1]] : null;
    }
    if (!reach) return null;
    const [top, left, bottom, right] = byForm(index);
    const cut = [Math.max(0, top), Math.max(0, left), Math.min(height - 1, bottom), Math.min(width - 1, right)];
    return cut[0] <= cut[2] && cut[1] <= cut[3] ? cut : null;
  };
  const wholeOf = (index) => (reach ? byForm(index) : boxOf(index));

  const lookThrough = (index) => {
    const pen = photo.getContext("2d");
    pen.setTransform(fine, 0, 0, fine, fine * margin, fine * margin);
    pen.clearRect(-margin, -margin, width + 2 * margin, seen);
    if (picture) pen.drawImage(picture, 0, 0, width, height);
    const [box, whole] = [boxOf(index), wholeOf(index)];
    photo.dataset.box = box ? box.join() : "";
    if (!whole) return;
    const inside = [whole[1], whole[0], whole[3] - whole[1] + 1, whole[2] - whole[0] + 1];
    pen.save(); // all but the field is dimmed
    pen.beginPath();
    pen.rect(-margin, -margin, width + 2 * margin, seen);
    pen.rect(...inside);
    pen.clip("evenodd");
    pen.fillStyle = "rgb(0 0 0 / 66%)";
    pen.fillRect(0, 0, width, height);
    pen.restore();
    pen.save(); // the padding in it is hatched
    pen.beginPath();
    pen.rect(...inside);
    pen.clip();
    pen.beginPath();
    pen.rect(-margin, -margin, width + 2 * margin, seen);
    pen.rect(0, 0, width, height);
    pen.clip("evenodd");
    pen.strokeStyle = "rgb(128 140 140 / 80%)";
    pen.lineWidth = thin;
    pen.beginPath();
    for (let from = -margin - seen; from < width + 2 * margin; from += 4 * thin) {
      pen.moveTo(from, -margin);
      pen.lineTo(from + seen, -margin + seen);
    }
    pen.stroke();
    pen.restore();
    pen.strokeStyle = EDGE;
    pen.lineWidth = thin;
    pen.strokeRect(inside[0] - thin / 2, inside[1] - thin / 2, inside[2] + thin, inside[3] + thin);
  };

  let values = null;
  const spoken = (number) => Number(number.toPrecision(3)).toString();
  const tell = (index) => {
    const [row, col] = [Math.floor(index / cols), index % cols];
    const { first, pixels, below } = data.counted;
    const parts = [`row ${(below ? rows - 1 - row : row) + first}, column ${col + first}`];
    if (values) parts[0] += `: about ${spoken(data.low + (values[index] * (data.high - data.low)) / 255)}`;
    const box = boxOf(index);
    if (box) {
      const [low, high] = below ? [height - 1 - box[2], height - 1 - box[0]] : [box[0], box[2]];
      parts.push(`sees rows ${low + pixels} to ${high + pixels}, columns ${box[1] + pixels} to ${box[3] + pixels}`);
    } else if (field || reach) parts.push("sees nothing but padding");
    says.textContent = parts.join(" · ");
  };
  const point = (index) => {
    at = index;
    place(cursor, index);
    lookThrough(index);
    tell(index);
  };
  const rest = () => {
    place(cursor, null);
    lookThrough(data.chosen);
    tell(data.chosen);
  };
  const choose = (index) => {
    place(chosen, index);
    setStateValue("cell", index);
  };
  const share = (position, length, n) => Math.min(n - 1, Math.max(0, Math.floor((position / length) * n)));
  const under = (event, canvas, edge = 0) => {
    const box = canvas.getBoundingClientRect();
    const cut = [edge / (width + 2 * edge), edge / (height + 2 * edge)];
    const inner = [box.width * (1 - 2 * cut[0]), box.height * (1 - 2 * cut[1])];
    const row = share(event.clientY - box.top - box.height * cut[1], inner[1], rows);
    return row * cols + share(event.clientX - box.left - box.width * cut[0], inner[0], cols);
  };

  const on = (target, event, does) => target.addEventListener(event, does, { signal: listening.signal });
  for (const [target, edge] of /** @type {[HTMLElement, number][]} */ ([[board, 0], [photo, margin], [over, 0]])) {
    on(target, "pointermove", (event) => point(under(event, target, edge)));
    on(target, "pointerleave", rest);
    on(target, "click", (event) => choose(under(event, target, edge)));
  }
  on(board, "blur", rest);
  on(board, "keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(at);
    }
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const [row, col] = [Math.floor(at / cols) + step[0], (at % cols) + step[1]];
    if (row >= 0 && row < rows && col >= 0 && col < cols) point(row * cols + col);
  });

  place(chosen, data.chosen);
  rest();
  Promise.all([data.photo.src, data.map.src, data.palette].map(loaded)).then(([image, levels, palette]) => {
    if (listening.signal.aborted) return;
    picture = image;
    if (levels && palette) values = draw(levels, image, pixelsOf(palette));
    rest();
  });

  // The map in its colours, and over the photo, which is bright where the map is strong. Gives the levels.
  function draw(levels, image, palette) {
    const pen = map.getContext("2d", { willReadFrequently: true });
    pen.drawImage(levels, 0, 0);
    const colours = pen.getImageData(0, 0, cols, rows);
    const light = new ImageData(cols, rows);
    const found = new Uint8Array(rows * cols);
    for (let index = 0; index < found.length; index++) {
      const level = colours.data[4 * index];
      found[index] = level;
      const value = data.low + (level * (data.high - data.low)) / 255;
      const strong = data.strong > 0 ? Math.min(1, Math.max(0, value / data.strong)) : 0;
      for (let part = 0; part < 3; part++) {
        colours.data[4 * index + part] = palette[4 * level + part];
        light.data[4 * index + part] = 255 * (DARK + (1 - DARK) * strong);
      }
      light.data[4 * index + 3] = 255;
    }
    pen.putImageData(colours, 0, 0);
    const small = Object.assign(document.createElement("canvas"), { width: cols, height: rows });
    small.getContext("2d").putImageData(light, 0, 0);
    const wide = over.getContext("2d");
    wide.globalCompositeOperation = "source-over";
    if (image) wide.drawImage(image, 0, 0, width, height);
    wide.globalCompositeOperation = "multiply";
    wide.imageSmoothingQuality = "high";
    wide.drawImage(small, 0, 0, width, height);
    return found;
  }
  return () => listening.abort();
}
