// One visit to a page is one entry in the browser's history, at the address that the page had when it was left. Streamlit
// makes an entry of everything that a script writes into the address, and forgets the page's own part before it leaves.

if (!Object.hasOwn(history, "pushState")) {
  const { pushState, replaceState } = History.prototype;
  let left = ""; // the address at the last click: links to other pages are clicked, by the keyboard too
  let path = location.pathname;

  addEventListener("click", () => { left = location.href; }, true);

  history.replaceState = (state, unused, url) => replaceState.call(history, { ...state, kept: true }, unused, url);
  history.pushState = (state, unused, url) => {
    path = new URL(url ?? "", location.href).pathname;
    if (path !== location.pathname && left) {
      history.replaceState(state, unused, left);
      pushState.call(history, { ...state, kept: true }, unused, url);
      left = "";
    } else history.replaceState(state, unused, url);
  };

  // Entries of this page from before this script was there: the way back leads past them.
  addEventListener("popstate", () => {
    left = "";
    if (history.state?.kept || location.hash || location.pathname !== path) path = location.pathname;
    else history.back();
  });
  history.replaceState(history.state, "");

  // Whoever closes a page's story finds the page as it was before, unless the story was opened by a link.
  addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const place = `cnnlab before the story ${location.pathname}`;
    if (event.target.closest(".st-key-story_open a")) sessionStorage.setItem(place, location.search);
    const before = event.target.closest(".st-key-story_close button") && sessionStorage.getItem(place);
    if (typeof before !== "string") return;
    event.stopImmediatePropagation();
    sessionStorage.removeItem(place);
    // Streamlit takes over what the address says when the browser goes back in its history.
    history.pushState(null, "", location.pathname + before);
    dispatchEvent(new PopStateEvent("popstate"));
  }, true);
}
