// This browser's number: 128 bits of chance in a cookie, which the lab gives when it is first opened; one that is there
// by then stays. Both scripts here use it.

const NAME = "cnnlab_visitor=";
const YEAR = 365 * 24 * 60 * 60;

/** @param {string} given */
function visitorsNumber(given) {
  const held = document.cookie.split("; ").find((entry) => entry.startsWith(NAME));
  const number = held?.slice(NAME.length) ?? "";
  if (/^[0-9a-f]{32}$/.test(number)) return number;
  document.cookie = `${NAME}${given}; path=/; max-age=${YEAR}; SameSite=Lax`;
  return given;
}
