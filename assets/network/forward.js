// A sequential network in the browser: forward, backward, and what each weight would change.
// Python describes the network (cnnlab_core/network/browser.py). Sums are taken in float64 and kept as float32, as
// torch keeps them; a map (channels, rows, columns) is one Float32Array in that order.

/** @param {string} text base64 of little-endian float32 */
const floatsOf = (text) => new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

const reach = (length, out, offset, stride) => {
  // The outputs whose input at `offset` lies within 0..length - 1: from `first` up to, but without, `end`.
  const first = Math.max(0, Math.ceil(-offset / stride));
  return [first, Math.max(first, Math.min(out, Math.floor((length - 1 - offset) / stride) + 1))];
};

/** Every (filter, channel, row, column) of a convolution with the run of cells that its weight joins, row by row. */
function eachRun(layer, before, after, work) {
  const [, rows, columns] = before;
  const [, outRows, outColumns] = after;
  const { filters, channels, kernel, stride, padding, dilation, groups } = layer;
  const perGroup = filters / groups;
  for (let f = 0, at = 0; f < filters; f++) {
    const group = Math.floor(f / perGroup);
    for (let c = 0; c < channels; c++) {
      const plane = (group * channels + c) * rows * columns;
      for (let i = 0; i < kernel[0]; i++) {
        const down = i * dilation[0] - padding[0];
        const [top, bottom] = reach(rows, outRows, down, stride[0]);
        for (let j = 0; j < kernel[1]; j++, at++) {
          const along = j * dilation[1] - padding[1];
          const [left, right] = reach(columns, outColumns, along, stride[1]);
          for (let row = top; row < bottom; row++) {
            const source = plane + (row * stride[0] + down) * columns + along;
            work(at, (f * outRows + row) * outColumns, source, left, right);
          }
        }
      }
    }
  }
}

/** Every window of a pooling: its cell, and the cells of the map before that lie in it. */
function eachWindow(layer, before, after, work) {
  const [, rows, columns] = before;
  const [channels, outRows, outColumns] = after;
  const { kernel, stride, padding, dilation } = layer;
  const cells = [];
  for (let c = 0, at = 0; c < channels; c++) {
    for (let row = 0; row < outRows; row++) {
      for (let column = 0; column < outColumns; column++, at++) {
        cells.length = 0;
        for (let i = 0; i < kernel[0]; i++) {
          const r = row * stride[0] - padding[0] + i * dilation[0];
          if (r < 0 || r >= rows) continue;
          for (let j = 0; j < kernel[1]; j++) {
            const k = column * stride[1] - padding[1] + j * dilation[1];
            if (k >= 0 && k < columns) cells.push((c * rows + r) * columns + k);
          }
        }
        work(at, cells);
      }
    }
  }
}

const windowed = (layer, [channels, rows, columns]) => [
  layer.filters ?? channels,
  ...[rows, columns].map((length, axis) => {
    const span = layer.dilation[axis] * (layer.kernel[axis] - 1) + 1;
    return Math.floor((length + 2 * layer.padding[axis] - span) / layer.stride[axis]) + 1;
  }),
];
const size = (shape) => shape.reduce((product, length) => product * length, 1);

/** A number for each channel, times and plus: normalisation of pixels, batch norm, and channels that are scaled. */
function affine(x, channels, times, plus) {
  const each = x.length / channels;
  return x.map((value, i) => {
    const channel = Math.floor(i / each);
    return value * times[channel] + (plus ? plus[channel] : 0);
  });
}

/** The largest cell of a window, the first where several are equal, as in torch. */
const largest = (x, cells) => cells.reduce((best, cell) => (x[cell] > x[best] ? cell : best), cells[0]);

/**
 * What each kind of layer does. shape(layer, before): the shape of its map. forward(layer, x): the map, a Float32Array
 * or Float64Array. backward(layer, gradient, x): the gradient with respect to x, from that with respect to the map.
 * learn(layer, gradient, x): the same with respect to the layer's weights.
 */
const KINDS = {
  normalise: {
    shape: (_layer, before) => before,
    forward: (layer, x) => affine(Float64Array.from(x), layer.times.length, layer.times, layer.plus),
    backward: (layer, gradient) => affine(gradient, layer.times.length, layer.times),
  },
  convolution: {
    shape: windowed,
    forward(layer, x) {
      const { weights, bias, stride, before, after } = layer;
      const y = new Float64Array(size(after));
      const each = after[1] * after[2];
      if (bias) for (let i = 0; i < y.length; i++) y[i] = bias[Math.floor(i / each)];
      const step = stride[1];
      eachRun(layer, before, after, (at, out, source, left, right) => {
        const weight = weights[at];
        for (let k = left; k < right; k++) y[out + k] += weight * x[source + k * step];
      });
      return y;
    },
    backward(layer, gradient) {
      const { weights, stride, before, after } = layer;
      const dx = new Float64Array(size(before));
      const step = stride[1];
      eachRun(layer, before, after, (at, out, source, left, right) => {
        const weight = weights[at];
        for (let k = left; k < right; k++) dx[source + k * step] += weight * gradient[out + k];
      });
      return dx;
    },
    learn(layer, gradient, x) {
      const { weights, bias, stride, before, after } = layer;
      const dw = new Float64Array(weights.length);
      const step = stride[1];
      eachRun(layer, before, after, (at, out, source, left, right) => {
        let sum = 0;
        for (let k = left; k < right; k++) sum += gradient[out + k] * x[source + k * step];
        dw[at] += sum;
      });
      const each = after[1] * after[2];
      const db = bias?.map((_, f) => gradient.subarray(f * each, (f + 1) * each).reduce((sum, value) => sum + value, 0));
      return { weights: Float32Array.from(dw), bias: db };
    },
  },
  relu: {
    shape: (_layer, before) => before,
    forward: (_layer, x) => x.map((value) => Math.max(value, 0)),
    backward: (_layer, gradient, x) => gradient.map((value, i) => (x[i] > 0 ? value : 0)),
  },
  "max pool": {
    shape: windowed,
    forward(layer, x) {
      const y = new Float32Array(size(layer.after));
      eachWindow(layer, layer.before, layer.after, (at, cells) => {
        y[at] = x[largest(x, cells)];
      });
      return y;
    },
    backward(layer, gradient, x) {
      const dx = new Float64Array(x.length);
      eachWindow(layer, layer.before, layer.after, (at, cells) => {
        dx[largest(x, cells)] += gradient[at];
      });
      return dx;
    },
  },
  "average pool": {
    shape: windowed,
    forward(layer, x) {
      const y = new Float64Array(size(layer.after));
      const all = size(layer.kernel); // cells of the padding count, as in torch
      eachWindow(layer, layer.before, layer.after, (at, cells) => {
        for (const cell of cells) y[at] += x[cell] / all;
      });
      return y;
    },
    backward(layer, gradient, x) {
      const dx = new Float64Array(x.length);
      const all = size(layer.kernel);
      eachWindow(layer, layer.before, layer.after, (at, cells) => {
        for (const cell of cells) dx[cell] += gradient[at] / all;
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
    shape: (_layer, before) => [size(before), 1, 1],
    forward: (_layer, x) => x.slice(),
    backward: (_layer, gradient) => gradient.slice(),
  },
  linear: {
    shape: (layer) => [layer.filters, 1, 1],
    forward(layer, x) {
      const y = new Float64Array(layer.filters);
      for (let o = 0, at = 0; o < y.length; o++) {
        y[o] = layer.bias ? layer.bias[o] : 0;
        for (let i = 0; i < x.length; i++, at++) y[o] += layer.weights[at] * x[i];
      }
      return y;
    },
    backward(layer, gradient, x) {
      const dx = new Float64Array(x.length);
      for (let o = 0, at = 0; o < gradient.length; o++) {
        for (let i = 0; i < x.length; i++, at++) dx[i] += layer.weights[at] * gradient[o];
      }
      return dx;
    },
    learn: (layer, gradient, x) => ({
      weights: layer.weights.map((_, at) => gradient[Math.floor(at / x.length)] * x[at % x.length]),
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
      const y = KINDS.softmax.forward(layer, x);
      const mean = y.reduce((sum, share, i) => sum + share * gradient[i], 0);
      return gradient.map((value, i) => y[i] * (value - mean));
    },
  },
};
KINDS.norm = KINDS.normalise; // in a network that has learned, both are a factor and a shift for each channel

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
      before = KINDS[layer.kind].shape(layer, before);
      layer.after = before;
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
    if (pixels.length !== size(this.shape)) throw new RangeError(`${size(this.shape)} pixels, not ${pixels.length}`);
    const maps = [];
    let x = pixels;
    for (const layer of this.layers) {
      x = Float32Array.from(KINDS[layer.kind].forward(layer, x));
      if (scales[layer.name]) x = affine(x, layer.after[0], scales[layer.name]);
      maps.push(x);
    }
    return { pixels, maps, scales };
  }

  /**
   * The gradient of one number with respect to every layer's map and to the pixels, for what `forward` gave. The number
   * is a logit (a class's index), or the dot product of the map behind layer `from` with `seed`. Maps behind it have none.
   */
  backward(run, seed, from = this.logits) {
    const last = this.layers[from];
    let gradient = seed;
    if (typeof seed === "number") {
      gradient = new Float32Array(size(last.after));
      gradient[seed] = 1;
    }
    /** @type {(Float32Array | undefined)[]} */
    const maps = new Array(this.layers.length);
    for (let i = from; i >= 0; i--) {
      const layer = this.layers[i];
      maps[i] = gradient;
      // What the layer itself gave is what came out, before a scale; a scale of 0 lets no gradient through.
      const scale = run.scales[layer.name];
      if (scale) gradient = affine(gradient, layer.after[0], scale);
      const x = i ? run.maps[i - 1] : run.pixels;
      gradient = Float32Array.from(KINDS[layer.kind].backward(layer, gradient, x));
    }
    return { pixels: gradient, maps };
  }

  /** The gradient with respect to the weights and the bias of layer number `index`, from what both ways gave. */
  learn(run, gradients, index) {
    const layer = this.layers[index];
    const scale = run.scales[layer.name];
    const gradient = scale ? affine(gradients.maps[index], layer.after[0], scale) : gradients.maps[index];
    return KINDS[layer.kind].learn(layer, gradient, index ? run.maps[index - 1] : run.pixels);
  }
}
