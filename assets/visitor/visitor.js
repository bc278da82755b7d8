// Tells the page this browser's number, by which its training runs are known again after a refresh.
//
// Nothing but chance is in it. It never leaves this lab, and the lab keeps only a digest of it.

export default function ({ data, setStateValue }) {
  setStateValue("number", visitorsNumber(data));
}
