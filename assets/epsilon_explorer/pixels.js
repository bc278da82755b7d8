// From what Python sends to the pixels of the picture at each epsilon.

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** RGB bytes as the RGBA that a canvas holds. */
function opaque(rgb) {
  const rgba = new Uint8ClampedArray((rgb.length / 3) * 4);
  for (let i = 0, o = 0; i < rgb.length; i += 3, o += 4) {
    rgba[o] = rgb[i];
    rgba[o + 1] = rgb[i + 1];
    rgba[o + 2] = rgb[i + 2];
    rgba[o + 3] = 255;
  }
  return rgba;
}

/** FGSM in linf: the original, moved by whole levels along a sign for each channel; four signs + 1 come in a byte. */
class AlongSigns {
  constructor({ original, signs, levels }) {
    this.original = opaque(bytes(original));
    const packed = bytes(signs);
    this.signs = new Int8Array(this.original.length);
    for (let i = 0; i < (this.original.length / 4) * 3; i++) {
      this.signs[Math.floor(i / 3) * 4 + (i % 3)] = ((packed[i >> 2] >> (2 * (i & 3))) & 3) - 1;
    }
    this.levels = levels;
  }

  at(index) {
    const moved = new Uint8ClampedArray(this.original.length); // clamps to 0..255, as the box does
    for (let i = 0; i < moved.length; i++) moved[i] = this.original[i] + this.levels[index] * this.signs[i];
    return moved;
  }
}

/** Everything else: a PNG for each epsilon, decoded when it is first looked at. */
class Pictures {
  constructor({ original, pictures, width, height }) {
    this.original = opaque(bytes(original));
    this.pictures = pictures;
    this.width = width;
    this.height = height;
    this.decoded = new Map();
  }

  /** The pixels, or a promise of them. */
  at(index) {
    if (!this.decoded.has(index)) this.decoded.set(index, this.decode(index));
    return this.decoded.get(index);
  }

  async decode(index) {
    const image = new Image();
    image.src = this.pictures[index];
    await image.decode();
    const context = new OffscreenCanvas(this.width, this.height).getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, this.width, this.height);
    this.decoded.set(index, data);
    return data;
  }
}

/** What was added, `gain` times, around grey. */
function noiseOf(before, after, gain) {
  const noise = new Uint8ClampedArray(before.length);
  for (let i = 0; i < noise.length; i++) noise[i] = i % 4 === 3 ? 255 : 128 + gain * (after[i] - before[i]);
  return noise;
}
