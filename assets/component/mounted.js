// Streamlit calls a component's default export again whenever the data changes, with the same parent element. What a
// person is doing there (hovering, dragging, typing) lives in one object for each parent element, and goes on.

const living = new WeakMap();

/**
 * Gives what has come (`given`) to the one `Kind` of the parent element, made when there is none. A Kind has its `root`, an
 * element of the component's page; `take`, for what has come; and `stop`. Gives what ends it.
 */
function mounted(Kind, given) {
  const { parentElement } = given;
  let one = living.get(parentElement);
  if (!one?.root.isConnected) {
    one?.stop();
    one = new Kind(parentElement);
    living.set(parentElement, one);
  }
  one.take(given);
  return () => {
    // Streamlit also ends each call that was overtaken while its module was loading, at times before the next one is here.
    if (one.root.isConnected) return;
    one.stop();
    if (living.get(parentElement) === one) living.delete(parentElement);
  };
}
