// This browser's number: 128 bits of chance in a cookie, made when the lab is first opened. Both scripts here use it.

const NAME = "cnnlab_visitor=";
const YEAR = 365 * 24 * 60 * 60;

function visitorsNumber() {
  const held = document.cookie.split("; ").find((entry) => entry.startsWith(NAME));
  let number = held?.slice(NAME.length) ?? "";
  if (!/^[0-9a-f]{32}$/.test(number)) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    number = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    document.cookie = `${NAME}${number}; path=/; max-age=${YEAR}; SameSite=Lax`;
  }
  return number;
}
