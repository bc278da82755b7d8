// A figure of plotly's, in the page's colours and as wide as its place. Plotly comes with the page's first figure: its own
// build for two dimensions, a third of what Streamlit's charts bring, so that the browser isn't busy for half a second.

const MISSING = "The connection broke while this figure was on its way. Reload the page to see it.";
const NARROWEST = 150; // px: a place that is not laid out yet is not drawn for

/** @type {Promise<any> | undefined} */
let library;

/** Plotly, from its address; asked for once, and again after it could not be had. */
function plotly(address) {
  library ??= import(new URL(address, document.baseURI).href).then(
    () => /** @type {any} */ (globalThis).Plotly,
    () => {
      library = undefined;
    },
  );
  return library;
}

/** The figures that are still to be drawn, each in a task of its own: the browser answers in between. */
const waiting = new Set();

function drawSoon(chart) {
  if (!waiting.size) setTimeout(drawNext);
  waiting.add(chart);
}

function drawNext() {
  const [chart] = waiting;
  waiting.delete(chart);
  if (waiting.size) setTimeout(drawNext);
  chart?.draw();
}

/** What every figure has unless it says otherwise, in the colours of the page around `root`. */
function look(root) {
  const style = getComputedStyle(root);
  const themed = (name) => style.getPropertyValue(`--st-${name}`);
  const font = { family: style.fontFamily, color: style.color };
  const [ground, edge] = [themed("background-color"), themed("border-color")];
  const axis = { gridcolor: edge, zerolinecolor: edge, tickcolor: edge, automargin: true, title: { font: { size: 14 } } };
  return {
    font: { ...font, size: 12 },
    title: { font: { color: themed("heading-color"), weight: "bold" }, pad: { l: 4 } },
    paper_bgcolor: ground,
    plot_bgcolor: ground,
    xaxis: { ...axis, title: { ...axis.title, standoff: 20 } },
    yaxis: { ...axis, title: { ...axis.title, standoff: 24 } },
    margin: { pad: 8 },
    legend: { valign: "top" },
    hoverlabel: { bgcolor: ground, bordercolor: edge, font: { ...font, size: 12 } },
  };
}

class Chart {
  constructor(parent) {
    this.root = parent.querySelector(".cnnlab-chart");
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.root);
  }

  stop() {
    this.sizes.disconnect();
    waiting.delete(this);
    this.plotly?.purge(this.root);
  }

  async take({ data, setStateValue }) {
    this.data = data;
    this.press = ({ points: [{ x, y }] }) => setStateValue("pressed", { x, y });
    this.root.setAttribute("aria-label", data.alt);
    this.plotly = await plotly(data.library);
    if (this.plotly) drawSoon(this);
    else this.root.textContent = MISSING;
  }

  fit() {
    if (this.plotly && this.root.clientWidth !== this.width) drawSoon(this);
  }

  draw() {
    const { figure, still, pressed } = this.data;
    this.width = this.root.clientWidth;
    if (!this.root.isConnected || this.width < NARROWEST) return;
    const layout = { ...figure.layout, template: { layout: look(this.root) }, width: this.width };
    if (this.root.textContent === MISSING) this.root.textContent = "";
    this.plotly.react(this.root, figure.data, layout, { displayModeBar: false, staticPlot: still });
    if (pressed && !this.listens) {
      this.root.on("plotly_click", (event) => this.press(event));
      this.listens = true;
    }
  }
}

export default (given) => mounted(Chart, given);
