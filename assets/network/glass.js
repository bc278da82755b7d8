// A network of glass: every number of it, computed in the browser from a run of its BrowserNetwork. What it gives has the
// form that Python gives of other networks (see main.js), and is tested against that.

const LISTED_PARTS = 5; // maps that come in and are shown one by one, as in cnnlab_core/network/layer.py
const LISTED_TERMS = 8; // terms of a sum, as in cnnlab_core/ui/network/scene.py
const HIDDEN_SHARE = 0.005; // of the largest numbers, which may be drawn no stronger than full colour
const POINTWISE_KINDS = { norm: "batch norm", relu: "ReLU" };
const OPERATION_WORDS = { ...POINTWISE_KINDS, linear: "linear layer", average: "average pool", flatten: "passed on" };

/** Maps as levels from -127 to 127 for -scale to scale. */
function smallMaps(values, rows, cols) {
  const count = values.length; // plain loops: this is done for every map with every stroke
  let most = 0;
  for (let i = 0; i < count; i++) most = Math.max(most, Math.abs(values[i]));
  const bins = new Uint32Array(257);
  const finer = 256 / (most || 1);
  for (let i = 0; i < count; i++) bins[(finer * Math.abs(values[i])) | 0]++;
  bins[255] += bins[256];
  let [bin, above] = [255, 0];
  while (bin > 0 && above + bins[bin] <= HIDDEN_SHARE * count) above += bins[bin--];
  const scale = (most * (bin + 1)) / 256 || most || 1;
  const levels = new Int8Array(count);
  for (let i = 0; i < count; i++) levels[i] = Math.round(127 * Math.max(-1, Math.min(1, values[i] / scale)));
  return { levels, rows, cols, scale };
}

/** The largest in size first. */
const bySize = (count, size) => Array.from({ length: count }, (_, i) => i).sort((a, b) => size(b) - size(a));
const added = (values) => values.reduce((sum, value) => sum + value, 0);
/** Numbers row by row, as a table. */
const tableOf = (values, columns) => Array.from({ length: values.length / columns }, (_, row) => Array.from(values.slice(row * columns, (row + 1) * columns)));

class GlassNetwork {
  constructor(description) {
    this.network = new BrowserNetwork(description);
    this.side = this.network.shape[1];
    const { layers } = this.network;
    /** What is shown of each layer that mixes maps: where its norm and activation end. */
    this.columns = [...layers.keys()].filter((i) => i > 0 && numbersIn(layers[i].after.slice(1)) > 1 && !(layers[i + 1].kind in POINTWISE_KINDS));
    this.last = layers.findIndex(({ kind }) => kind === "linear");
    this.names = layers.slice(1, -1).map(({ name, place, after }) => [name, place, after[0]]);
    this.fields = Object.fromEntries(layers.map(({ name }, i) => [name, this.fieldOf(i)]));
  }

  /** The size, the step and the start of the window of pixels that a layer's cells see; null: all of them. */
  fieldOf(index) {
    const field = { size: [1, 1], jump: [1, 1], start: [0, 0] };
    for (const layer of this.network.layers.slice(0, index + 1)) {
      if (layer.kind === "average" || layer.kind === "linear") return null;
      for (const axis of layer.kernel ? [0, 1] : []) {
        field.size[axis] += (layer.kernel[axis] - 1) * layer.dilation[axis] * field.jump[axis];
        field.start[axis] -= layer.padding[axis] * field.jump[axis];
        field.jump[axis] *= layer.stride[axis];
      }
    }
    return field;
  }

  /** Answer to pixels, with the maps that `changes` names ([layer, channel, factor]) multiplied. */
  look(pixels, changes, asked) {
    const scales = {};
    for (const [name, channel, factor] of changes) {
      const index = this.network.find(name);
      if (index < 0) continue;
      scales[name] ??= new Array(this.network.layers[index].after[0]).fill(1);
      scales[name][channel] = factor;
    }
    this.run = this.network.forward(pixels, scales);
    this.before = changes.length ? this.network.forward(pixels) : this.run;
    const logits = this.run.maps[this.network.logits];
    this.asked = asked ?? logits.indexOf(Math.max(...logits));
    /** @type {{pixels: Float32Array, maps: Float32Array[]} | null} */
    this.backwards = null;
  }

  /** The gradients of the logit that is asked about. */
  get slopes() {
    this.backwards ??= this.network.backward(this.run, this.asked);
    return this.backwards;
  }

  bars(run = this.run) {
    const [logits, shares] = [run.maps[this.network.logits], run.maps.at(-1)];
    return this.network.classes.map((label, index) => ({ index, label, logit: logits[index], share: shares[index] }));
  }

  /** What changes with each stroke, and is there first: maps and bars. */
  quick() {
    return {
      asked: this.asked,
      askedName: this.network.classes[this.asked],
      classes: this.bars(this.before),
      changed: this.before === this.run ? undefined : { classes: this.bars() },
      columns: this.columns.map((index) => ({ maps: this.small(this.run.maps, index) })),
    };
  }

  /** The rest of it: gradients, scores and what feeds what. */
  rest() {
    const { slopes, run } = this;
    const [channels] = this.network.shape;
    const each = slopes.pixels.length / channels;
    const pixels = Float64Array.from({ length: each }, (_, i) => added(Array.from({ length: channels }, (_, c) => slopes.pixels[c * each + i])));
    return {
      pixels: smallMaps(pixels, this.side, this.side),
      columns: this.columns.map((index) => {
        const [maps, rows, cols] = this.network.layers[index].after;
        const parts = run.maps[index].map((value, i) => value * slopes.maps[index][i]);
        const of = (c) => parts.subarray(c * rows * cols, (c + 1) * rows * cols);
        const peak = (own) => own.reduce((best, value, i) => (Math.abs(value) > Math.abs(own[best]) ? i : best), 0);
        return {
          slopes: this.small(slopes.maps, index),
          scores: Array.from({ length: maps }, (_, c) => added(of(c))),
          peaks: Array.from({ length: maps }, (_, c) => peak(of(c))).map((cell) => [Math.floor(cell / cols), cell % cols]),
        };
      }),
      links: this.links(),
    };
  }

  /** Everything of the picture that Python else sends. */
  scene(alt) {
    const quick = this.quick();
    const { links, ...rest } = this.rest();
    const columns = this.columns.map((index, place) => {
      const { name, title, after: [maps, rows, cols] } = this.network.layers[index];
      return {
        node: name, title: this.titleOf(index), note: `${maps} maps · ${rows} × ${cols}`, label: title, rows, cols,
        skips: 0, unfolds: false, reads: [place - 1], channels: Array.from({ length: maps }, (_, c) => c),
        ...quick.columns[place], ...rest.columns[place],
      };
    });
    const answer = this.network.layers[this.last].name;
    const scene = { network: this.network.title, opened: [], side: this.side, alt, fixed: true, answer, classCount: this.network.classes.length, ...quick, pixels: rest.pixels, columns };
    return { scene, links, changed: quick.changed, fields: this.fields, layers: this.names };
  }

  titleOf(index) {
    return this.network.layers[this.chainOf(index)[0]].place.split(" of ")[0].replace("Convolution", "Conv").replace("Max pool", "Pool");
  }

  /** A channel that layer number `mixing` reads; the only one of the picture is its grey. */
  nameOf(channel, mixing) {
    return mixing === 1 && this.network.shape[0] === 1 ? "grey" : channel;
  }

  small(maps, index, channel = null) {
    const [, rows, cols] = this.network.layers[index].after;
    const own = channel === null ? maps[index] : maps[index].subarray(channel * rows * cols, (channel + 1) * rows * cols);
    return smallMaps(own, rows, cols);
  }

  // --- what feeds what ---

  links() {
    const feeds = this.columns.slice(1).map((index, place) => this.feeds(this.columns[place], index));
    const votes = this.votes();
    return {
      feeds: [...feeds, { weights: votes.map(({ products }) => Array.from(products)), whole: votes.map(({ products }) => added(products)) }],
      classes: votes.map(({ index }) => index),
      votes,
    };
  }

  /**
   * How much each map of a column adds to the sum of each map of the next one, to first order: through the layers behind
   * the convolution every map goes by itself, and what a kernel adds is the kernel times its own gradient.
   */
  feeds(from, to) {
    const { network, run } = this;
    const { layers } = network;
    const [maps, ...shape] = layers[to].after;
    const first = layers.findIndex(({ kind }, i) => i > from && i <= to && kind === "convolution");
    let weights;
    if (first < 0) {
      const sums = Array.from({ length: maps }, (_, c) => added(run.maps[to].subarray(c * numbersIn(shape), (c + 1) * numbersIn(shape))));
      weights = sums.map((sum, c) => sums.map((_, other) => (other === c ? sum : 0)));
    } else {
      const layer = layers[first];
      const gradients = network.backward(run, new Float32Array(numbersIn(layers[to].after)).fill(1), to, first);
      const learned = network.learn(run, gradients, first).weights;
      const each = numbersIn(layer.kernel);
      const own = layer.filters / layer.groups;
      weights = Array.from({ length: maps }, (_, filter) => {
        const row = new Array(layer.before[0]).fill(0);
        for (let i = 0; i < layer.channels * each; i++) {
          const at = filter * layer.channels * each + i;
          row[Math.floor(filter / own) * layer.channels + Math.floor(i / each)] += layer.weights[at] * learned[at];
        }
        return row;
      });
    }
    return { weights, whole: weights.map(added) };
  }

  /** For each class the terms of its logit: one for each map of the last column. */
  votes() {
    const { network, run, last } = this;
    const layer = network.layers[last];
    const x = run.maps[last - 1];
    const logits = run.maps[network.logits];
    return network.classes.map((_, index) => {
      const w = layer.weights.subarray(index * x.length, (index + 1) * x.length);
      const products = Float64Array.from(x, (value, i) => value * w[i]);
      const order = bySize(products.length, (i) => Math.abs(products[i]));
      const listed = order.slice(0, LISTED_TERMS);
      return {
        index, products, others: order.length - listed.length,
        terms: listed.map((i) => ({ channel: i, x: x[i], w: w[i], product: products[i], tile: i })),
        rest: added(order.slice(LISTED_TERMS).map((i) => products[i])),
        bias: layer.bias?.[index] ?? 0, logit: logits[index],
      };
    });
  }

  // --- a map, and a number of it ---

  /** The layer that mixes maps, and the norms and activations behind it up to this one. */
  chainOf(index) {
    const chain = [index];
    while (this.network.layers[chain[0]].kind in POINTWISE_KINDS) chain.unshift(chain[0] - 1);
    return chain;
  }

  wordOf({ kind }) {
    return OPERATION_WORDS[kind] ?? kind;
  }

  detail({ layer: name, channel, row, col, way }) {
    const index = this.network.find(name);
    const { place, title, kind } = this.network.layers[index];
    const back = way === "backwards";
    const map = this.mapView(index, channel, back);
    const label = index === this.last ? this.network.classes[channel] : undefined;
    const detail = { layer: name, channel, way, place, title, map, field: this.fields[name], kind, label };
    return row === null ? detail : { ...detail, cell: this.cell(index, channel, row, col, back) };
  }

  /** The kernels (channels that are read, rows, columns) of a map, the first channel that is read, and its bias. */
  filterOf(layer, channel) {
    const kernel = layer.kernel ?? [1, 1];
    const count = layer.channels ?? layer.before[0];
    const first = layer.groups ? Math.floor(channel / (layer.filters / layer.groups)) * count : 0;
    const each = numbersIn(kernel);
    const of = (values) => Array.from({ length: count }, (_, i) => tableOf(values.subarray((channel * count + i) * each, (channel * count + i + 1) * each), kernel[1]));
    return { first, count, of, kernels: layer.weights && of(layer.weights), bias: layer.bias?.[channel] ?? null };
  }

  mapView(index, channel, back) {
    const { network, run } = this;
    const chain = this.chainOf(index);
    const mixing = chain[0];
    const layer = network.layers[mixing];
    const source = network.layers[mixing - 1];
    const [, rows, cols] = layer.after;
    const slope = (at, which) => (back ? this.small(this.slopes.maps, at, which) : null);
    const part = (which) => ({
      node: source.name, channel: this.nameOf(which, mixing), place: mixing > 1 ? source.place : "the picture, normalised", inside: mixing > 1,
      kernel: null, added: null, result: null, kernelSlope: null,
      map: this.small(run.maps, mixing - 1, which), slope: slope(mixing - 1, which),
    });
    let [parts, hidden, others, othersAdded, bias] = [[part(channel)], 0, null, 0, null];
    if (layer.weights) {
      const filter = this.filterOf(layer, channel);
      const learned = back ? filter.of(network.learn(run, this.slopes, mixing).weights) : null;
      const results = filter.kernels.map((kernel, i) => this.result(layer, kernel, filter.first + i, run.maps[mixing - 1]));
      const sizes = results.map((result) => added(result.map(Math.abs)));
      const order = bySize(filter.count, (i) => sizes[i]);
      const mean = (values) => added(values) / values.length;
      parts = order.slice(0, LISTED_PARTS).map((i) => ({
        ...part(filter.first + i), kernel: filter.kernels[i], added: mean(results[i]),
        result: smallMaps(results[i], rows, cols), kernelSlope: learned?.[i] ?? null,
      }));
      hidden = order.length - parts.length;
      if (hidden) {
        const together = results[0].map((_, cell) => added(order.slice(LISTED_PARTS).map((i) => results[i][cell])));
        [others, othersAdded] = [smallMaps(together, rows, cols), mean(together)];
      }
      bias = filter.bias;
    }
    const steps = chain.map((at) => ({ node: network.layers[at].name, operation: this.wordOf(network.layers[at]), map: this.small(run.maps, at, channel), slope: slope(at, channel), factor: this.factor(network.layers[at], channel) }));
    const { kernel, stride, padding, dilation } = layer;
    const window = kernel
      ? [...kernel.map((length, axis) => dilation[axis] * (length - 1) + 1), ...stride, -padding[0], -padding[1]]
      : [1, 1, 1, 1, 0, 0];
    return {
      operation: this.wordOf(layer), mixing: layer.name, parts, hidden, others, othersAdded, bias, steps,
      shape: [rows, cols], shapeIn: layer.before.slice(1), window,
    };
  }

  /** What one kernel adds to a map. */
  result(layer, kernel, source, x) {
    if (!layer.kernel) return [x[source] * kernel[0][0]];
    const [, rows, cols] = layer.before;
    const [, outRows, outCols] = layer.after;
    const out = new Array(outRows * outCols).fill(0);
    const flat = kernel.flat();
    const each = flat.length;
    const first = source % layer.channels; // in its group
    for (let cell = 0; cell < out.length; cell++) {
      for (let k = 0; k < each; k++) {
        const at = layer.table[(cell * layer.channels + first) * each + k];
        if (at >= 0) out[cell] += flat[k] * x[(source - first) * rows * cols + at];
      }
    }
    return out;
  }

  /** One number: the window, the weights, and what follows the sum. Products are those of the float32 numbers, in float64. */
  cell(index, channel, row, col, back) {
    const { network, run } = this;
    const chain = this.chainOf(index);
    const mixing = chain[0];
    const layer = network.layers[mixing];
    const source = network.layers[mixing - 1];
    const [, rowsIn, colsIn] = layer.before;
    const x = run.maps[mixing - 1];
    const places = (axis, at) => {
      if (layer.kernel) return Array.from({ length: layer.kernel[axis] }, (_, i) => at * layer.stride[axis] - layer.padding[axis] + i * layer.dilation[axis]);
      return Array.from({ length: layer.kind === "average" ? layer.before[1 + axis] : 1 }, (_, i) => i);
    };
    const flat = layer.kind === "flatten"; // one cell of maps side by side
    const plane = flat ? Math.floor(channel / (rowsIn * colsIn)) : channel;
    const rows = flat ? [Math.floor((channel % (rowsIn * colsIn)) / colsIn)] : places(0, row);
    const cols = flat ? [channel % colsIn] : places(1, col);
    const inside = rows.map((r) => cols.map((c) => r >= 0 && r < rowsIn && c >= 0 && c < colsIn));
    const seen = (values, from) => rows.map((r, i) => cols.map((c, j) => (inside[i][j] ? values[(from * rowsIn + r) * colsIn + c] : 0)));
    const filter = layer.weights ? this.filterOf(layer, channel) : null;
    let weights = filter?.kernels;
    if (!weights) {
      const window = seen(x, plane);
      const most = Math.max(...window.flat().filter((_, i) => inside.flat()[i]));
      const best = window.flat().findIndex((value, i) => inside.flat()[i] && value === most);
      const factor = (i) => (layer.kind === "max pool" ? Number(i === best) : 1 / (rows.length * cols.length));
      weights = [window.map((line, r) => line.map((_, c) => factor(r * cols.length + c)))];
    }
    const first = filter?.first ?? plane;
    const upstream = back ? this.slopes.maps[mixing][(channel * layer.after[1] + row) * layer.after[2] + col] * this.factor(layer, channel) : null;
    const learned = back && filter ? filter.of(network.learn(run, this.slopes, mixing).weights) : null;
    const times = (table, by) => table.map((line) => line.map((value) => value * by));
    const all = weights.map((w, i) => {
      const own = seen(x, first + i);
      const products = own.map((line, r) => line.map((value, c) => value * w[r][c]));
      return {
        node: source.name, channel: this.nameOf(first + i, mixing), inside: mixing > 1, x: own, w, products, sum: added(products.flat()),
        ...(back ? {
          dx: times(w, upstream), dxAll: seen(this.slopes.maps[mixing - 1], first + i),
          dw: filter ? times(own, upstream) : null, dwAll: learned?.[i] ?? null,
        } : {}),
      };
    });
    const order = bySize(all.length, (i) => Math.abs(all[i].sum));
    const bias = filter?.bias ?? 0;
    const total = added(all.map(({ sum }) => sum)) + bias;
    return {
      row, col, operation: this.wordOf(layer), planes: order.slice(0, LISTED_TERMS).map((i) => all[i]),
      others: Math.max(0, all.length - LISTED_TERMS), rest: added(order.slice(LISTED_TERMS).map((i) => all[i].sum)),
      rows, cols, inside, bias, total, weights: Boolean(filter), upstream,
      steps: this.stepsOf(chain, channel, row, col, total), box: this.boxOf(index, row, col),
    };
  }

  factor(layer, channel) {
    return this.run.scales[layer.name]?.[channel] ?? 1;
  }

  /** From the sum to the layer's number: each step from the number that the network has before it. */
  stepsOf(chain, channel, row, col, total) {
    const steps = [];
    let x = total;
    for (const at of chain) {
      const layer = this.network.layers[at];
      const [, rows, cols] = layer.after;
      const said = this.run.maps[at][(channel * rows + row) * cols + col];
      const scale = this.factor(layer, channel);
      const [w, bias] = layer.kind === "norm" ? [layer.times[channel], layer.plus[channel]] : [1, 0];
      const relu = layer.kind === "relu";
      const value = relu ? Math.max(x, 0) : x * w + bias;
      const step = { node: layer.name, operation: this.wordOf(layer), x, w, bias, value, said: scale === 1 ? said : value, function: relu ? "ReLU" : "", slope: relu ? Number(x > 0) : 1 };
      steps.push(step);
      if (scale !== 1) steps.push({ ...step, operation: "your factor", x: value, w: scale, bias: 0, value: value * scale, said, function: "", slope: scale });
      x = said;
    }
    return steps;
  }

  boxOf(index, row, col) {
    const field = this.fieldOf(index);
    if (!field) return null;
    const end = (at, axis) => field.start[axis] + at * field.jump[axis];
    const ends = [row, col].map((at, axis) => [Math.max(0, end(at, axis)), Math.min(this.side, end(at, axis) + field.size[axis]) - 1]);
    return [ends[0][0], ends[1][0], ends[0][1], ends[1][1]];
  }
}
