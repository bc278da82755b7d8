// Signed numbers as colours, as in every figure of the lab (cnnlab_core/plots/theme.py): orange below zero, teal above.

const NEGATIVE = "#e07a1f";
const POSITIVE = "#14a08f";
const MAP_STOPS = [[107, 44, 0], [224, 122, 31], [247, 248, 248], [20, 160, 143], [0, 63, 56]];
const CELL_STOPS = [[240, 162, 92], [233, 238, 240], [79, 196, 180]]; // light enough for dark figures on them

/** The colour between stops that lie evenly from -1 to 1. */
function betweenStops(stops, share) {
  const place = ((Math.max(-1, Math.min(1, share)) + 1) / 2) * (stops.length - 1);
  const first = Math.min(stops.length - 2, Math.floor(place));
  return stops[first].map((channel, i) => Math.round(channel + (place - first) * (stops[first + 1][i] - channel)));
}

const MAP_COLOURS = new Uint8ClampedArray(256 * 4);
for (let level = -128; level < 128; level++) {
  MAP_COLOURS.set([...betweenStops(MAP_STOPS, level / 127), 255], (level + 128) * 4);
}

const MAP_WORDS = new Uint32Array(MAP_COLOURS.buffer); // a pixel at once

const cellColour = (share) => `rgb(${betweenStops(CELL_STOPS, share).join(" ")})`;
const signColour = (value) => (value < 0 ? NEGATIVE : POSITIVE);

const decodedLevels = new WeakMap();

/** The levels of maps, from -127 to 127: as Python sends them in base64, or the Int8Array that a browser computed. */
function levelsOf(maps) {
  if (typeof maps.levels !== "string") return maps.levels;
  if (!decodedLevels.has(maps)) {
    decodedLevels.set(maps, Int8Array.from(atob(maps.levels), (character) => character.charCodeAt(0)));
  }
  return decodedLevels.get(maps);
}

/** Paint the map with this index, or its first `cells` cells only. */
function paintMap(canvas, maps, index = 0, cells = Infinity) {
  const { rows, cols } = maps;
  if (canvas.width !== cols || canvas.height !== rows) [canvas.width, canvas.height] = [cols, rows];
  const levels = levelsOf(maps);
  const image = new ImageData(cols, rows);
  const start = index * rows * cols;
  const words = new Uint32Array(image.data.buffer);
  for (let i = 0; i < Math.min(rows * cols, cells); i++) words[i] = MAP_WORDS[levels[start + i] + 128];
  canvas.getContext("2d").putImageData(image, 0, 0);
}
