// Lessons: a teacher ticks what students may touch and copies the link; students get back to what it opened with.
//
// The page's controls are found in the document by the class that Streamlit gives to everything with a key, so that
// a new control needs no entry anywhere. What is put away is hidden by the page itself (see ui/lesson.py).

const attached = new WeakMap();
const CONTROLS = [
  "stSlider", "stNumberInput", "stSelectbox", "stMultiSelect", "stButtonGroup", "stCheckbox", "stTextInput",
  "stTextArea", "stRadio", "stFileUploader", "stButton", "stPopover",
];
const NEVER = /^(lesson|visitor|stop-|download-)/; // this bar itself, the way to end a job, files to keep
const PART = "part_"; // a box of controls with a heading, which goes as a whole

export default function ({ data, parentElement }) {
  attached.get(parentElement)?.();
  const root = parentElement.querySelector(".lesson");
  const end = data.editing ? edit(root) : follow(root);
  attached.set(parentElement, end);
  return end;
}

// --- the student's side ---

function follow(root) {
  const here = new URL(location.href);
  const place = `cnnlab lesson ${here.pathname} ${here.searchParams.get("teach")}`;
  if (!sessionStorage.getItem(place)) sessionStorage.setItem(place, here.search);
  const back = element("button", "Back to the teacher's view");
  back.addEventListener("click", () => {
    // Streamlit takes over what the address says when the browser goes back in its history.
    history.pushState(null, "", here.pathname + sessionStorage.getItem(place));
    window.dispatchEvent(new PopStateEvent("popstate"));
  });
  root.replaceChildren(element("p", "This view was set up by your teacher."), back);
  return () => {};
}

// --- the teacher's side ---

function edit(root) {
  const away = new Set();
  const shade = document.head.appendChild(document.createElement("style"));
  const list = element("fieldset");
  const link = element("input");
  const copy = element("button", "Copy the link");
  const open = element("a", "Open it as a student");
  const warning = element("p", "");
  let known = "";

  const refresh = () => {
    const controls = findControls();
    const now = JSON.stringify(controls);
    if (now !== known) {
      known = now;
      fill(list, controls, away, refresh);
    }
    const address = new URL(location.href);
    const own = address.searchParams.get("picture")?.startsWith("own");
    address.searchParams.set("teach", [...away].join(",") || "nothing");
    if (link.value !== address.href) link.value = open.href = address.href;
    const words = own ? "A link can't carry your own picture. Choose one from the gallery for the lesson." : "";
    if (warning.textContent !== words) warning.textContent = words;
    const rules = [...away].map((key) => `${selector(key)} { outline: 2px dashed #7a8488; outline-offset: 4px; filter: grayscale(1); }`).join("\n");
    if (shade.textContent !== rules) shade.textContent = rules;
  };

  list.append(element("legend", "Students may touch"));
  link.readOnly = true;
  link.setAttribute("aria-label", "Link to the lesson");
  open.target = "_blank";
  warning.className = "warning";
  warning.setAttribute("role", "status");
  copy.addEventListener("click", async () => {
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
    } catch {
      document.execCommand("copy"); // without https there is no other way
    }
    copy.textContent = "Copied";
    setTimeout(() => {
      copy.textContent = "Copy the link";
    }, 1500);
  });
  const row = element("div");
  row.className = "row";
  row.append(link, copy, open);
  root.replaceChildren(list, warning, row);
  refresh();
  const clock = setInterval(refresh, 500); // the page's controls change with what is chosen on it
  return () => {
    clearInterval(clock);
    shade.remove();
  };
}

function findControls() {
  const found = new Map();
  for (const holder of document.querySelectorAll("[class*='st-key-']")) {
    const key = [...holder.classList].find((name) => name.startsWith("st-key-")).slice(7);
    const control = holder.querySelector(CONTROLS.map((name) => `[data-testid=${name}]`).join(","));
    if (NEVER.test(key) || found.has(key) || !control) continue;
    if (key.startsWith(PART)) found.set(key, holder.querySelector("h1, h2, h3, h4").textContent.trim());
    const inside = holder.parentElement.closest(`[class*='st-key-${PART}']`);
    const isBox = holder.querySelector("[class*='st-key-']");
    if (!inside && !isBox) found.set(key, nameOf(holder, control) || key);
  }
  if (document.querySelector("[data-testid=stMain] [role=tablist]")) found.set("tabs", "The other tabs");
  return [...found, ["pages", "The other pages"], ["sidebar", "The whole sidebar"]];
}

function nameOf(holder, control) {
  const label = holder.querySelector("[data-testid=stWidgetLabel]")?.textContent.trim();
  const spoken = holder.querySelector("[aria-label]")?.getAttribute("aria-label").trim();
  const pressed = holder.querySelector("button [data-testid=stMarkdownContainer]")?.textContent.trim();
  return (control.dataset.testid === "stButton" ? pressed : label || spoken || pressed) || "";
}

function fill(list, controls, away, changed) {
  const boxes = controls.map(([key, name]) => {
    const label = element("label");
    const box = element("input");
    box.type = "checkbox";
    box.checked = !away.has(key);
    box.addEventListener("change", () => {
      if (box.checked) away.delete(key);
      else away.add(key);
      changed();
    });
    label.append(box, ` ${name}`);
    return label;
  });
  const all = element("button", "All or none");
  all.className = "quiet";
  all.addEventListener("click", () => {
    const none = controls.every(([key]) => !away.has(key));
    for (const [key] of controls) {
      if (none) away.add(key);
      else away.delete(key);
    }
    if (none) away.delete("sidebar"); // the page's own controls are enough
    fill(list, controls, away, changed);
    changed();
  });
  list.replaceChildren(list.querySelector("legend"), ...boxes, all);
}

function selector(key) {
  if (key === "sidebar") return "[data-testid=stSidebar]";
  if (key === "tabs") return "[data-testid=stMain] [role=tablist]";
  return `.st-key-${CSS.escape(key)}`;
}

function element(name, text) {
  const made = document.createElement(name);
  if (name === "button") made.type = "button";
  if (text) made.textContent = text;
  return made;
}
