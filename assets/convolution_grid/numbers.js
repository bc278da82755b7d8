// Numbers as text. Nothing here touches the page.

const MINUS = "−";

/** Six significant digits at most, as the formulas of the lab show them. */
function number(value) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  return digits(value, 6);
}

function digits(value, most) {
  const [mantissa, exponent] = value.toPrecision(most).split("e");
  const text = String(Number(mantissa)) + (exponent ? `e${Number(exponent)}` : "");
  return (text === "-0" ? "0" : text).replaceAll("-", MINUS);
}

/** As much of a number as fits into a small cell. */
function short(value) {
  const full = number(value);
  if (full.length <= 5) return full;
  const shorter = [Math.abs(value) < 1 ? 2 : 3, 1].map((most) => digits(value, most)).find((text) => text.length <= 6);
  return shorter ?? value.toExponential(0).replace("+", "").replaceAll("-", MINUS);
}

const factor = (value) => (value < 0 ? `(${number(value)})` : number(value));
const plural = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;
