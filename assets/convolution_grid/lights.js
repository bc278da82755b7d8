// What lights up for a cell, and what is said about it. A look is {terms, head, foot, keys, spoken}.

/** The look of any cell: of a result the terms of its sum, of a given number everything that it takes part in. */
function lookAt(scene, place) {
  if (place.array === "x") return inputLook(scene, place);
  if (place.array === "w") return weightLook(scene, place);
  if (place.array === "dy") return receivedLook(scene, place);
  if (place.array === "b") return biasLook(scene, place);
  return sumLook(scene, place);
}

function sumLook(scene, { array, index }) {
  const terms = termsOf(scene, array, index);
  const keys = new Set();
  for (const { cell, weight } of terms) {
    keys.add(keyOf(cell.place));
    if (weight.place) keys.add(keyOf(weight.place));
    if (cell.through) keys.add(keyOf(cell.through));
  }
  const words = sumWords(scene, array, index, terms);
  if (array === "y" && scene.arrays.b) keys.add(`b:${index[0]}`);
  const winner = scene.kind === "max" && array === "y" ? terms.find((term) => term.weight.value) : null;
  const spoken = terms.length <= 30 ? `${words.head}. ${terms.map((term) => termText(scene, term)).join(", ")}. ${words.foot}` : `${words.head}. ${words.foot}`;
  return { ...words, terms, keys, spoken, strong: winner ? keyOf(winner.cell.place) : null, window: array === "y" ? index.slice(1) : null };
}

function inputLook(scene, { padded: [channel, p, q] }) {
  const cell = [scene.axes[0].shown[p] ?? null, scene.axes[1].shown[q] ?? null];
  const shows = cell.includes(null) ? null : cell;
  const index = shows && [channel, ...shows];
  const outside = isPadding(scene, [p, q]);
  const met = meetings(scene, outside || !shows ? { padded: [p, q] } : { cell: shows });
  const readers = readersOf(scene, channel);
  const fed = scene.arrays.y ? "y" : "dy";
  const keys = new Set();
  const outputs = new Set();
  for (const o of readers)
    for (const meeting of met) {
      keys.add(`${fed}:${[o, ...meeting.output].join()}`);
      keys.add(`dy:${[o, ...meeting.output].join()}`);
      if (scene.kind === "conv") keys.add(`w:${[o, channelsOf(scene, o).indexOf(channel), ...meeting.tap].join()}`);
      keys.add(`x:${[channel, ...meeting.padded].join()}`);
      outputs.add(`${o},${meeting.output.join()}`);
    }
  const value = index ? at(scene.arrays.x, index) : scene.kind === "max" ? -Infinity : 0;
  const name = outside ? (shows ? `padding, a copy of ${nameOf(scene, "x", index)}` : "padding") : nameOf(scene, "x", index);
  const head = `${name} = ${number(value)}`;
  const foot = outputs.size ? `It feeds ${plural(outputs.size, "output")}: those that light up.` : "No window ever reaches it: the stride drops it.";
  if (index) keys.add(`dx:${index.join()}`);
  return { terms: [], head, foot, keys, spoken: `${head}. ${foot}` };
}

function weightLook(scene, { array, index: [o, c, ...tap] }) {
  const channel = channelsOf(scene, o)[c];
  const met = meetings(scene, { tap });
  const keys = new Set([`dw:${[o, c, ...tap].join()}`]);
  for (const meeting of met) {
    keys.add(`x:${[channel, ...meeting.padded].join()}`);
    keys.add(`y:${[o, ...meeting.output].join()}`);
    keys.add(`dy:${[o, ...meeting.output].join()}`);
  }
  const index = [o, c, ...tap];
  const head = `${nameOf(scene, array, index)} = ${number(at(scene.arrays.w, index))}`;
  const foot = `It multiplies ${plural(met.length, "cell")}, one for each output. Its gradient adds up exactly these: input times the dy of its output.`;
  return { terms: [], head, foot, keys, spoken: `${head}. ${foot}` };
}

function receivedLook(scene, { index: [o, ...output] }) {
  const keys = new Set([`db:${o}`, `y:${[o, ...output].join()}`]);
  const met = meetings(scene, { output });
  const winner = scene.kind === "max" ? at(scene.routes, [o, ...output]) : null;
  for (const channel of channelsOf(scene, o))
    for (const meeting of met) {
      const flat = meeting.cell && meeting.cell[0] * scene.axes[1].size + meeting.cell[1];
      if (winner !== null && flat !== winner) continue;
      keys.add(`x:${[channel, ...meeting.padded].join()}`);
      if (meeting.cell) keys.add(`dx:${[channel, ...meeting.cell].join()}`);
      if (scene.kind === "conv") for (const name of ["w", "dw"]) keys.add(`${name}:${[o, channelsOf(scene, o).indexOf(channel), ...meeting.tap].join()}`);
    }
  const value = at(scene.arrays.dy, [o, ...output]);
  const head = `${nameOf(scene, "dy", [o, ...output])} = ${number(value)}`;
  const foot = {
    conv: "It goes back through each weight of its window to the input, and through each input to the weight.",
    max: "It goes back to the cell that won its window, and to no other.",
    avg: "It goes back in equal shares to every cell of its window.",
  }[scene.kind];
  return { terms: [], head, foot, keys, spoken: `${head}. ${foot}`, window: output };
}

function biasLook(scene, { index: [o] }) {
  const keys = new Set([`db:${o}`]);
  for (const array of ["y", "dy"])
    for (const [i, row] of (scene.arrays[array]?.[o] ?? []).entries())
      for (const j of row.keys()) keys.add(`${array}:${[o, i, j].join()}`);
  const head = `${nameOf(scene, "b", [o])} = ${number(scene.arrays.b[o])}`;
  const foot = "It is added to every output of its channel.";
  return { terms: [], head, foot, keys, spoken: `${head}. ${foot}` };
}
