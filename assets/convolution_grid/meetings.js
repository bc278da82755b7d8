// Which numbers meet: the walk of cnnlab_core/convolution/explain.py, in the browser, from one small table per axis.
//
// A scene is what Python sends: arrays of full shape (x by channel, row, column; w by output channel, channel of its
// group, row, column; y like x; b by output channel), and for each of two axes the padded cells under each window.
// A place is a cell of an array: {array, index}, for the input by its padded row and column: {array: "x", padded: [c, p, q]}.

/** The meetings along one axis that pass a filter: [output, tap, padded cell, input cell or null]. */
function meetingsAlong(axis, output, tap, cell, padded) {
  const found = [];
  for (let t = 0; t < axis.out; t++) {
    if (output !== undefined && t !== output) continue;
    for (let a = 0; a < axis.kernel; a++) {
      const p = axis.windows[t][a];
      const shown = axis.shown[p] ?? null;
      if (tap !== undefined && a !== tap) continue;
      if (cell !== undefined && shown !== cell) continue;
      if (padded !== undefined && p !== padded) continue;
      found.push([t, a, p, shown]);
    }
  }
  return found;
}

/** All meetings at an output, of a kernel cell, of an input cell, or of a padded cell. */
function meetings(scene, { output = [], tap = [], cell = [], padded = [] }) {
  const along = scene.axes.map((axis, n) => meetingsAlong(axis, output[n], tap[n], cell[n], padded[n]));
  return along[0].flatMap(([i, u, p, r]) =>
    along[1].map(([j, v, q, s]) => ({ output: [i, j], tap: [u, v], padded: [p, q], cell: r === null || s === null ? null : [r, s] })),
  );
}

const isPadding = (scene, [p, q]) =>
  [p, q].some((place, n) => place < scene.axes[n].before || place >= scene.axes[n].before + scene.axes[n].size);

/** The first input channel that output channel o reads, and how many there are. A pooled channel reads itself. */
function channelsOf(scene, o) {
  if (scene.kind !== "conv") return [o];
  const perGroup = scene.arrays.w[0].length;
  const first = Math.floor((o * scene.groups) / scene.arrays.w.length) * perGroup;
  return Array.from({ length: perGroup }, (_, c) => first + c);
}

const readersOf = (scene, channel) =>
  scene.outputs.flatMap((o) => (channelsOf(scene, o).includes(channel) ? [o] : []));

function inputPart(scene, channel, meeting) {
  const value = meeting.cell ? at(scene.arrays.x, [channel, ...meeting.cell]) : scene.kind === "max" ? -Infinity : 0;
  return {
    place: { array: "x", padded: [channel, ...meeting.padded] },
    index: meeting.cell && [channel, ...meeting.cell],
    value,
    isPadding: isPadding(scene, meeting.padded),
  };
}

function part(scene, array, index) {
  return { place: { array, index }, index, value: at(scene.arrays[array], index), isPadding: false };
}

/** What pooling multiplies by: 1 for the winner and 0 for the others, or one over the cells that count. */
function poolWeight(scene, channel, meeting) {
  if (scene.kind === "avg") return { value: 1 / at(scene.counts, meeting.output), share: at(scene.counts, meeting.output) };
  const winner = at(scene.routes, [channel, ...meeting.output]);
  const flat = meeting.cell && meeting.cell[0] * scene.axes[1].size + meeting.cell[1];
  return { value: Number(flat === winner), route: true };
}

/** The terms whose sum is the cell: [{cell, weight, product, running, group}]; group is the channel it comes from. */
function termsOf(scene, array, index) {
  const terms = [];
  let running = 0;
  const add = (cell, weight, group) => {
    const product = weight.value ? weight.value * cell.value : 0;
    running += product;
    terms.push({ cell, weight, product, running, group });
  };
  const pools = scene.kind !== "conv";
  if (array === "y") {
    const [o, ...output] = index;
    channelsOf(scene, o).forEach((channel, c) => {
      for (const meeting of meetings(scene, { output }))
        add(inputPart(scene, channel, meeting), pools ? poolWeight(scene, o, meeting) : part(scene, "w", [o, c, ...meeting.tap]), channel);
    });
  } else if (array === "dw") {
    const [o, c, ...tap] = index;
    const channel = channelsOf(scene, o)[c];
    for (const meeting of meetings(scene, { tap }))
      add(inputPart(scene, channel, meeting), part(scene, "dy", [o, ...meeting.output]), channel);
  } else if (array === "dx") {
    const [channel, ...cell] = index;
    for (const o of readersOf(scene, channel)) {
      const c = channelsOf(scene, o).indexOf(channel);
      for (const meeting of meetings(scene, { cell })) {
        const weight = pools ? poolWeight(scene, o, meeting) : part(scene, "w", [o, c, ...meeting.tap]);
        const through = { array: "x", padded: [channel, ...meeting.padded] };
        const known = { isPadding: isPadding(scene, meeting.padded), through };
        const sent = { ...part(scene, "dy", [o, ...meeting.output]), ...known };
        add(sent, weight, o);
      }
    }
  } else if (array === "db") {
    const [o] = index;
    for (const [i, row] of scene.arrays.dy[o].entries())
      for (const j of row.keys()) add(part(scene, "dy", [o, i, j]), { value: 1, one: true }, o);
  }
  return terms;
}
