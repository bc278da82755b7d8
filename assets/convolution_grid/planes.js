// Channels as planes that add up: of each input channel its plane, its kernel and what they give; then the sum.

const PLANE_CELL = 9; // pixels

/** A plane of numbers as colours, with an outline around one of its cells. */
function plane(rows, marked, style) {
  const canvas = /** @type {HTMLCanvasElement} */ (make("canvas"));
  const ratio = Math.max(1, Math.ceil(devicePixelRatio));
  const [width, height] = [rows[0].length * PLANE_CELL, rows.length * PLANE_CELL];
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const largest = Math.max(...rows.flat().map(Math.abs), 1e-9);
  for (const [i, row] of rows.entries())
    for (const [j, value] of row.entries()) {
      pen.globalAlpha = Math.abs(value) / largest;
      pen.fillStyle = style.getPropertyValue(value < 0 ? "--negative" : "--positive");
      pen.fillRect(j * PLANE_CELL, i * PLANE_CELL, PLANE_CELL, PLANE_CELL);
    }
  pen.globalAlpha = 1;
  pen.strokeStyle = style.color;
  pen.lineWidth = 2;
  if (marked) pen.strokeRect(marked[1] * PLANE_CELL + 1, marked[0] * PLANE_CELL + 1, PLANE_CELL - 2, PLANE_CELL - 2);
  return canvas;
}

/** What channel number c (of those that it reads) adds to output channel o, without the bias. */
function shareOf(scene, o, c) {
  const channel = channelsOf(scene, o)[c];
  const [rows, columns] = scene.axes;
  return range(rows.out).map((t) =>
    range(columns.out).map((u) =>
      meetings(scene, { output: [t, u] }).reduce((sum, { tap, cell }) => sum + (cell ? at(scene.arrays.w, [o, c, ...tap]) * at(scene.arrays.x, [channel, ...cell]) : 0), 0),
    ),
  );
}

/** The planes of the output channel shown, for the output that is looked at; nothing where there is but one channel. */
function planesOf(scene, view, output, style, pick) {
  const channels = scene.kind === "conv" && scene.arrays.y ? channelsOf(scene, view.o) : [];
  if (channels.length < 2) return [];
  const parts = channels.flatMap((channel, c) => {
    const share = shareOf(scene, view.o, c);
    const button = make("button", "plane");
    button.type = "button";
    button.setAttribute("aria-pressed", String(channel === view.c));
    const said = `channel ${channel + scene.first}${output ? `: ${number(at(share, output))}` : ""}`;
    const row = make("span", "sums");
    row.append(plane(scene.arrays.x[channel], null, style), "∗", plane(scene.arrays.w[view.o][c], null, style), "=", plane(share, output, style));
    button.append(row, make("small", "", said));
    button.addEventListener("click", () => pick({ c: channel }));
    return c ? [make("span", "sign", "+"), button] : [button];
  });
  const bias = scene.arrays.b ? `+ ${factor(scene.arrays.b[view.o])} =` : "=";
  const sum = make("span", "plane");
  const row = make("span", "sums");
  row.append(plane(scene.arrays.y[view.o], output, style));
  sum.append(row, make("small", "", `y${output ? `: ${number(at(scene.arrays.y[view.o], output))}` : ""}`));
  return [...parts, make("span", "sign", bias), sum];
}
