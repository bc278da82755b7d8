// The sentences. Nothing here touches the page.

/** The cell's name as the reader counts: without the channel where there is one only, without the row in 1-D. */
function nameOf(scene, array, index) {
  if (index === null) return "padding";
  const space = array === "b" || array === "db" ? [] : index.slice(-2).slice(2 - scene.dims);
  const lead = scene.channels ? index.slice(0, index.length - (array === "b" || array === "db" ? 0 : 2)) : [];
  const shown = [...lead, ...space].map((i) => i + scene.first);
  return shown.length ? `${array}[${shown.join(", ")}]` : array;
}

/** A term as text: "−1 · 3 = −3". */
function termText(scene, term) {
  const cell = number(term.cell.value);
  if (term.weight.one) return cell;
  if (term.weight.share) return `${cell} / ${term.weight.share}`;
  if (term.weight.route) return scene.kind === "max" && term.cell.place.array === "x" ? cell : `${number(term.weight.value)} · ${factor(term.cell.value)}`;
  return `${number(term.weight.value)} · ${factor(term.cell.value)}`;
}

/** What is said about a cell that is a sum: a headline, a last line, and one sentence for a screen reader. */
function sumWords(scene, array, index, terms) {
  const name = nameOf(scene, array, index);
  const total = at(scene.arrays[array], index);
  const head = `${name} = ${number(total)}`;
  if (scene.kind === "max" && array === "y") return { head, foot: maximumWords(scene, terms, total) };
  const sum = terms.length ? terms[terms.length - 1].running : 0;
  if (array === "y" && scene.arrays.b) {
    const bias = scene.arrays.b[index[0]];
    const parts = channelSums(terms);
    const sums = parts.length > 1 ? `${parts.map((p) => `channel ${p.group + scene.first}: ${number(p.sum)}`).join(", ")}. Together ${number(sum)}` : `Sum of products ${number(sum)}`;
    return { head, foot: `${sums}, plus bias ${number(bias)} makes ${number(total)}.` };
  }
  const meaning = {
    dx: `${plural(terms.length, "path")} from this input to the loss, each dy times the weight on the way.`,
    dw: `This weight met ${plural(terms.length, "input")}, each passed on to one output: input times its dy, added up.`,
    db: "The bias is added to every output, so its gradient is the sum of all dy.",
  }[array];
  if (!terms.length) return { head, foot: "No window reaches this cell: nothing flows back to it." };
  if (scene.kind === "avg" && array === "y") return { head, foot: `The mean of ${plural(terms[0].weight.share, "cell")}: ${number(total)}.` };
  if (scene.kind === "max") {
    const won = terms.filter((term) => term.weight.value).length;
    return { head, foot: won ? `It won ${plural(won, "window")} of the ${terms.length} that see it, and gets their dy.` : `It won none of the ${plural(terms.length, "window")} that see it, so nothing comes back.` };
  }
  if (scene.kind === "avg") return { head, foot: `Each of ${plural(terms.length, "window")} that see it hands back its share of dy.` };
  return { head, foot: `${meaning} Total ${number(total)}.` };
}

function maximumWords(scene, terms, total) {
  const equal = terms.filter((term) => term.cell.value === total);
  const winner = terms.find((term) => term.weight.value);
  const name = nameOf(scene, "x", winner.cell.index);
  const tie = equal.length > 1 ? ` ${number(total)} is there ${equal.length} times; the first in reading order wins, as in PyTorch.` : "";
  return `The largest of ${plural(terms.length, "cell")} is ${number(total)}, at ${name}.${tie}`;
}

/** The sum over each channel on its own. */
function channelSums(terms) {
  const sums = new Map();
  for (const term of terms) sums.set(term.group, (sums.get(term.group) ?? 0) + term.product);
  return [...sums].map(([group, sum]) => ({ group, sum }));
}
