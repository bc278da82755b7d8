// A number for this browser, kept in a cookie, by which its training runs are known again after a refresh.
//
// Nothing but chance is in it. It never leaves this lab, and the lab keeps only a digest of it.

const NAME = "cnnlab_visitor=";
const YEAR = 365 * 24 * 60 * 60;

export default function ({ setStateValue }) {
  const held = document.cookie.split("; ").find((entry) => entry.startsWith(NAME));
  let number = held?.slice(NAME.length) ?? "";
  if (!/^[0-9a-f]{32}$/.test(number)) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    number = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    document.cookie = `${NAME}${number}; path=/; max-age=${YEAR}; SameSite=Lax`;
  }
  setStateValue("number", number);
}
