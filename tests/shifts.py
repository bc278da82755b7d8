"""How far a page jumps, as its browser sees it."""

LAYOUT_SHIFT = 0.05
"""The most that shifts with less than a second between them may come to (as in CLS, but after a key or a click too)."""

SHIFTS = """(list) => list.getEntries().map(({ startTime, value, sources }) =>
  [startTime, value, sources.map(({ node }) => (node?.parentElement ?? node)?.className)])"""
"""The entries of a ``PerformanceObserver``: when, how far, and what."""

OPENED = """() => new Promise((told) => {
  const moved = [];
  const inside = "[data-testid=stMainBlockContainer] > [data-testid=stVerticalBlock]";
  const beside = "[data-testid=stSidebar]";
  const ours = ({ sources }) => sources.some(({ node }) => node?.parentElement?.closest(inside))
    && !sources.some(({ node }) => node instanceof Element && (node.matches(inside) || node.closest(beside)));
  const watch = new PerformanceObserver((list) =>
    moved.push(...(SHIFTS)({ getEntries: () => list.getEntries().filter(ours) })));
  watch.observe({ type: "layout-shift", buffered: true });
  setTimeout(() => told(moved), 100);
})""".replace("SHIFTS", SHIFTS)
"""What has shifted inside the page since it was opened. Streamlit's frame is left out: it moves all of it when the
sidebar opens, and when the code has come that brings the page's style, in the sidebar too."""


def worst(shifts: list) -> float:
    """The largest sum of shifts that follow one another within a second."""
    largest = burst = last = 0.0
    for when, value, _ in shifts:
        burst = value + (burst if when - last < 1000 else 0)
        largest, last = max(largest, burst), when
    return largest
