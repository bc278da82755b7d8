// A sequential network in the browser: forward, backward, and what each weight would change.
// Python describes the network (cnnlab_core/network/browser.py). Sums are taken in float64 and kept as float32, as
// torch keeps them; a map (channels, rows, columns) is one Float32Array in that order.

/** @param {string} text base64 of little-endian float32 */
const floatsOf = (text) => new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

/**
 * The products of all rows of `a` (m × length) with all rows of `b` (n × length), as m × n: what convolutions and dense
 * layers are made of. Four rows of `a` go together, since each number of `b` is then read once for four.
 */
function products(a, b, m, n, length) {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i += 4) {
    const [i1, i2, i3] = [1, 2, 3].map((more) => Math.min(i + more, m - 1)); // the last row once more, where none is left
    const [r0, r1, r2, r3] = [i * length, i1 * length, i2 * length, i3 * length];
    for (let j = 0; j < n; j++) {
      const row = j * length;
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let k = 0; k < length; k++) {
        const value = b[row + k];
        s0 += a[r0 + k] * value;
        s1 += a[r1 + k] * value;
        s2 += a[r2 + k] * value;
        s3 += a[r3 + k] * value;
      }
      out[i * n + j] = s0;
      out[i1 * n + j] = s1;
      out[i2 * n + j] = s2;
      out[i3 * n + j] = s3;
    }
  }
  return out;
}

/** Rows × columns as columns × rows, in float64. */
function transposed(values, rows, columns) {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = values[i * columns + j];
  return out;
}

/** For each cell of a map, in order, the cells that its window covers in `channels` maps before it; -1 in the padding. */
function windowTable(layer, channels) {
  const { kernel, stride, padding, dilation } = layer;
  const [, rows, columns] = layer.before;
  const [, outRows, outColumns] = layer.after;
  const table = new Int32Array(outRows * outColumns * channels * kernel[0] * kernel[1]).fill(-1);
  let at = 0;
  for (let row = 0; row < outRows; row++) {
    for (let column = 0; column < outColumns; column++) {
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < kernel[0]; i++) {
          const r = row * stride[0] - padding[0] + i * dilation[0];
          for (let j = 0; j < kernel[1]; j++, at++) {
            const k = column * stride[1] - padding[1] + j * dilation[1];
            if (r >= 0 && r < rows && k >= 0 && k < columns) table[at] = (c * rows + r) * columns + k;
          }
        }
      }
    }
  }
  return table;
}

/** What every window of a convolution covers in its group's channels, a row for each cell, and 0 in the padding. */
function covered(layer, x, group) {
  const { table, before, channels } = layer;
  const first = group * channels * before[1] * before[2];
  const out = new Float64Array(table.length);
  for (let i = 0; i < out.length; i++) if (table[i] >= 0) out[i] = x[first + table[i]];
  return out;
}

/** The sizes of a convolution: cells of a map, weights of a filter, filters of a group. */
const filterSizes = ({ after, channels, kernel, filters, groups }) => ({
  cells: after[1] * after[2],
  each: channels * kernel[0] * kernel[1],
  own: filters / groups,
});

/** Calls work(cell, windows, from, to, first) for each cell of a pooled map: its window's part of the table, and where its map begins. */
function eachWindow({ table, before, after, kernel }, work) {
  const rest = before[1] * before[2], each = kernel[0] * kernel[1], many = after[1] * after[2];
  for (let c = 0; c < after[0]; c++) {
    for (let cell = 0; cell < many; cell++) work(c * many + cell, table, cell * each, (cell + 1) * each, c * rest);
  }
}

const windowed = (layer, [channels, rows, columns]) => [
  layer.filters ?? channels,
  ...[rows, columns].map((length, axis) => {
    const span = layer.dilation[axis] * (layer.kernel[axis] - 1) + 1;
    return Math.floor((length + 2 * layer.padding[axis] - span) / layer.stride[axis]) + 1;
  }),
];
const numbersIn = (shape) => shape.reduce((product, length) => product * length, 1);

/** Each channel times a number, plus a number: normalisation, and channels that are scaled. */
function affine(x, channels, times, plus) {
  const each = x.length / channels;
  const y = new Float64Array(x.length);
  for (let c = 0, i = 0; c < channels; c++) {
    const factor = times[c], shift = plus ? plus[c] : 0;
    for (const end = i + each; i < end; i++) y[i] = x[i] * factor + shift;
  }
  return y;
}

/** Maps with the zeros around them that a convolution's windows reach into, in float64; kept from one run to the next. */
function padded(layer, x) {
  const [channels, rows, columns] = layer.before;
  const [high, wide] = [rows + 2 * layer.padding[0], columns + 2 * layer.padding[1]];
  layer.room ??= new Float64Array(channels * high * wide);
  for (let line = 0; line < channels * rows; line++) {
    const at = (Math.floor(line / rows) * high + (line % rows) + layer.padding[0]) * wide + layer.padding[1];
    for (let i = 0; i < columns; i++) layer.room[at + i] = x[line * columns + i];
  }
  return { room: layer.room, high, wide };
}

/**
 * Adds to a map `y`, from `at` on, what nine weights (from `w` on) make of the room's map that begins at `from`. Each
 * number is read once for three columns. No arrays in here: this is where a stroke's time goes.
 */
function addNine(y, at, rows, columns, weights, w, room, from, wide) {
  const w0 = weights[w], w1 = weights[w + 1], w2 = weights[w + 2];
  const w3 = weights[w + 3], w4 = weights[w + 4], w5 = weights[w + 5];
  const w6 = weights[w + 6], w7 = weights[w + 7], w8 = weights[w + 8];
  for (let row = 0; row < rows; row++) {
    const a = from + row * wide, b = a + wide, c = b + wide, to = at + row * columns;
    let a0 = room[a], a1 = room[a + 1], b0 = room[b], b1 = room[b + 1], c0 = room[c], c1 = room[c + 1];
    for (let i = 0; i < columns; i++) {
      const a2 = room[a + i + 2], b2 = room[b + i + 2], c2 = room[c + i + 2];
      y[to + i] += w0 * a0 + w1 * a1 + w2 * a2 + w3 * b0 + w4 * b1 + w5 * b2 + w6 * c0 + w7 * c1 + w8 * c2;
      a0 = a1;
      a1 = a2;
      b0 = b1;
      b1 = b2;
      c0 = c1;
      c1 = c2;
    }
  }
}

/** Adds to four maps `maps` of `y` what their filters say, cell by cell; `offsets`: where a window's cells lie in the room. */
function addFour(y, maps, [rows, columns], weights, room, from, offsets, [down, right]) {
  const [count, cells] = [offsets.length, rows * columns];
  const k0 = maps[0] * count, k1 = maps[1] * count, k2 = maps[2] * count, k3 = maps[3] * count;
  for (let row = 0, to = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, to++) {
      const at = from + row * down + column * right;
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (let i = 0; i < count; i++) {
        const value = room[at + offsets[i]]; // read once for four filters
        s0 += weights[k0 + i] * value;
        s1 += weights[k1 + i] * value;
        s2 += weights[k2 + i] * value;
        s3 += weights[k3 + i] * value;
      }
      y[maps[0] * cells + to] += s0;
      if (maps[1] > maps[0]) y[maps[1] * cells + to] += s1;
      if (maps[2] > maps[1]) y[maps[2] * cells + to] += s2;
      if (maps[3] > maps[2]) y[maps[3] * cells + to] += s3;
    }
  }
}

/** A convolution's maps in float64. Nothing is copied but the maps that come in, once, into a frame of zeros. */
function convolved(layer, x) {
  const { channels, kernel, stride, dilation, exact, bias, filters } = layer;
  const { cells, each, own } = filterSizes(layer);
  const { room, high, wide } = padded(layer, x);
  const size = layer.after.slice(1);
  const y = new Float64Array(filters * cells);
  if (bias) for (let f = 0; f < filters; f++) y.fill(bias[f], f * cells, (f + 1) * cells);
  const plain = [...kernel, ...stride, ...dilation].join() === "3,3,1,1,1,1";
  layer.offsets ??= Int32Array.from({ length: each }, (_, i) => {
    const [c, row, column] = [Math.floor(i / kernel[0] / kernel[1]), Math.floor(i / kernel[1]) % kernel[0], i % kernel[1]];
    return (c * high + row * dilation[0]) * wide + column * dilation[1];
  });
  for (let f = 0; f < filters; f += plain ? 1 : 4) {
    const first = Math.floor(f / own) * channels * high * wide;
    if (plain) for (let c = 0; c < channels; c++) addNine(y, f * cells, ...size, exact, f * each + 9 * c, room, first + c * high * wide, wide);
    else {
      const last = Math.min(f + 3, (Math.floor(f / own) + 1) * own - 1); // of the same group; again, where fewer are left
      addFour(y, [f, f + 1, f + 2, f + 3].map((map) => Math.min(map, last)), size, exact, room, first, layer.offsets, [stride[0] * wide, stride[1]]);
      f -= 3 - (last - f);
    }
  }
  return y;
}

/** The largest cell under a window, the first where several are equal, as in torch. */
function largest(x, table, from, to, first) {
  let best = -1;
  for (let i = from; i < to; i++) if (table[i] >= 0 && (best < 0 || x[first + table[i]] > x[best])) best = first + table[i];
  return best;
}

/**
 * What each kind of layer does. shape(layer, before): the shape of its map. forward(layer, x): the map, a Float32Array
 * or Float64Array. backward(layer, gradient, x): the gradient with respect to x, from that with respect to the map.
 * learn(layer, gradient, x): the same with respect to the layer's weights.
 */
const LAYER_KINDS = {
  normalise: {
    shape: (_layer, before) => before,
    forward: (layer, x) => affine(x, layer.times.length, layer.times, layer.plus),
    backward: (layer, gradient) => affine(gradient, layer.times.length, layer.times),
  },
  convolution: {
    shape: windowed,
    forward: convolved,
    backward(layer, gradient) {
      const { cells, each, own } = filterSizes(layer);
      const { table, before, channels, groups } = layer;
      const dx = new Float64Array(numbersIn(before));
      for (let group = 0; group < groups; group++) {
        const weights = layer.exact.subarray(group * own * each, (group + 1) * own * each);
        const above = gradient.subarray(group * own * cells, (group + 1) * own * cells);
        const share = products(transposed(above, own, cells), transposed(weights, own, each), cells, each, own);
        const first = group * channels * before[1] * before[2];
        for (let i = 0; i < table.length; i++) if (table[i] >= 0) dx[first + table[i]] += share[i];
      }
      return dx;
    },
    learn(layer, gradient, x) {
      const { cells, each, own } = filterSizes(layer);
      const weights = new Float32Array(layer.weights.length);
      for (let group = 0; group < layer.groups; group++) {
        const above = gradient.subarray(group * own * cells, (group + 1) * own * cells);
        const seen = transposed(covered(layer, x, group), cells, each);
        weights.set(products(above, seen, own, each, cells), group * own * each);
      }
      const sum = (_, f) => gradient.subarray(f * cells, (f + 1) * cells).reduce((total, value) => total + value, 0);
      return { weights, bias: layer.bias?.map(sum) };
    },
  },
  relu: {
    shape: (_layer, before) => before,
    forward(_layer, x) {
      const y = x.slice();
      for (let i = 0; i < y.length; i++) if (y[i] < 0) y[i] = 0;
      return y;
    },
    backward: (_layer, gradient, x) => gradient.map((value, i) => (x[i] > 0 ? value : 0)),
  },
  "max pool": {
    shape: windowed,
    forward(layer, x) {
      const y = new Float32Array(numbersIn(layer.after));
      eachWindow(layer, (at, ...window) => {
        y[at] = x[largest(x, ...window)];
      });
      return y;
    },
    backward(layer, gradient, x) {
      const dx = new Float64Array(x.length);
      eachWindow(layer, (at, ...window) => {
        dx[largest(x, ...window)] += gradient[at];
      });
      return dx;
    },
  },
  "average pool": {
    shape: windowed,
    forward(layer, x) {
      const y = new Float64Array(numbersIn(layer.after));
      eachWindow(layer, (at, table, from, to, first) => {
        for (let i = from; i < to; i++) if (table[i] >= 0) y[at] += x[first + table[i]];
        y[at] /= to - from; // cells of the padding count, as in torch
      });
      return y;
    },
    backward(layer, gradient, x) {
      const dx = new Float64Array(x.length);
      eachWindow(layer, (at, table, from, to, first) => {
        for (let i = from; i < to; i++) if (table[i] >= 0) dx[first + table[i]] += gradient[at] / (to - from);
      });
      return dx;
    },
  },
  average: {
    shape: (_layer, [channels]) => [channels, 1, 1],
    forward(layer, x) {
      const y = new Float64Array(layer.before[0]);
      const each = x.length / y.length;
      for (let i = 0; i < x.length; i++) y[Math.floor(i / each)] += x[i] / each;
      return y;
    },
    backward(_layer, gradient, x) {
      const each = x.length / gradient.length;
      return x.map((_, i) => gradient[Math.floor(i / each)] / each);
    },
  },
  flatten: {
    shape: (_layer, before) => [numbersIn(before), 1, 1],
    forward: (_layer, x) => x.slice(),
    backward: (_layer, gradient) => gradient.slice(),
  },
  linear: {
    shape: (layer) => [layer.filters, 1, 1],
    forward(layer, x) {
      const y = products(layer.exact, x, layer.filters, 1, x.length);
      return layer.bias ? y.map((sum, f) => sum + layer.bias[f]) : y;
    },
    backward: (layer, gradient, x) =>
      products(transposed(layer.exact, layer.filters, x.length), gradient, x.length, 1, layer.filters),
    learn: (layer, gradient, x) => ({
      weights: Float32Array.from(products(gradient, x, layer.filters, x.length, 1)),
      bias: layer.bias && gradient.slice(),
    }),
  },
  softmax: {
    shape: (_layer, before) => before,
    forward(_layer, x) {
      const most = x.reduce((a, b) => Math.max(a, b));
      const y = Float64Array.from(x, (value) => Math.exp(value - most));
      const sum = y.reduce((a, b) => a + b);
      return y.map((value) => value / sum);
    },
    backward(layer, gradient, x) {
      const y = LAYER_KINDS.softmax.forward(layer, x);
      const mean = y.reduce((sum, share, i) => sum + share * gradient[i], 0);
      return gradient.map((value, i) => y[i] * (value - mean));
    },
  },
};
LAYER_KINDS.norm = LAYER_KINDS.normalise; // in a network that has learned, both are a factor and a shift for each channel

/**
 * A network as Python describes it. `layers` are in forward order, the first normalises the pixels and the last is the
 * softmax; each has its `name`, `kind` and `before` and `after`, the shapes [channels, rows, columns] around it.
 */
class BrowserNetwork {
  constructor(description) {
    this.title = description.title;
    this.classes = description.classes;
    this.shape = description.shape;
    let before = this.shape;
    this.layers = description.layers.map((about) => {
      const layer = { ...about, before };
      if (layer.weights) layer.weights = floatsOf(layer.weights);
      if (typeof layer.bias === "string") layer.bias = floatsOf(layer.bias);
      if (layer.mean) {
        // (x - mean) / deviation, then times gamma, plus beta
        layer.times = layer.deviation.map((deviation, i) => (layer.gamma?.[i] ?? 1) / deviation);
        layer.plus = layer.times.map((times, i) => (layer.beta?.[i] ?? 0) - layer.mean[i] * times);
      }
      before = LAYER_KINDS[layer.kind].shape(layer, before);
      layer.after = before;
      if (layer.weights) layer.exact = Float64Array.from(layer.weights);
      if (layer.kernel) layer.table = windowTable(layer, layer.channels ?? 1);
      return layer;
    });
    this.logits = this.layers.length - 2;
  }

  /** The place of the layer called `name`; -1 if there is none. */
  find(name) {
    return this.layers.findIndex((layer) => layer.name === name);
  }

  /**
   * Every layer's map for pixels in [0, 1], a Float32Array of `shape`. `scales` multiplies channels behind a layer:
   * { relu1: [1, 0, 1, ...] } switches its second channel off.
   */
  forward(pixels, scales = {}) {
    if (pixels.length !== numbersIn(this.shape)) throw new RangeError(`${numbersIn(this.shape)} pixels, not ${pixels.length}`);
    const maps = [];
    let x = pixels;
    for (const layer of this.layers) {
      const y = LAYER_KINDS[layer.kind].forward(layer, x);
      x = y instanceof Float32Array ? y : new Float32Array(y);
      if (scales[layer.name]) x = new Float32Array(affine(x, layer.after[0], scales[layer.name]));
      maps.push(x);
    }
    return { pixels, maps, scales };
  }

  /**
   * The gradient of one number with respect to every layer's map and to the pixels, for what `forward` gave. The number
   * is a logit (a class's index), or the dot product of the map behind layer `from` with `seed`. Maps behind it have none,
   * nor have those before the layer `until`, if there is one.
   */
  backward(run, seed, from = this.logits, until = -1) {
    const last = this.layers[from];
    let gradient = seed;
    if (typeof seed === "number") {
      gradient = new Float32Array(numbersIn(last.after));
      gradient[seed] = 1;
    }
    /** @type {(Float32Array | undefined)[]} */
    const maps = new Array(this.layers.length);
    for (let i = from; i > until; i--) {
      const layer = this.layers[i];
      maps[i] = gradient;
      // What the layer itself gave is what came out, before a scale; a scale of 0 lets no gradient through.
      const scale = run.scales[layer.name];
      if (scale) gradient = affine(gradient, layer.after[0], scale);
      const x = i ? run.maps[i - 1] : run.pixels;
      gradient = new Float32Array(LAYER_KINDS[layer.kind].backward(layer, gradient, x));
    }
    if (until >= 0) maps[until] = gradient;
    return { pixels: until < 0 ? gradient : null, maps };
  }

  /** The gradient with respect to the weights and the bias of layer number `index`, from what both ways gave. */
  learn(run, gradients, index) {
    const layer = this.layers[index];
    const scale = run.scales[layer.name];
    const gradient = scale ? affine(gradients.maps[index], layer.after[0], scale) : gradients.maps[index];
    return LAYER_KINDS[layer.kind].learn(layer, gradient, index ? run.maps[index - 1] : run.pixels);
  }
}
