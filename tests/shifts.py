"""How far a page jumps, as its browser sees it."""

LAYOUT_SHIFT = 0.05
"""The most that shifts with less than a second between them may come to (as in CLS, but after a key or a click too)."""

SHIFTS = """(list) => list.getEntries().map(({ startTime, value, sources }) =>
  [startTime, value, sources.map(({ node }) => (node?.parentElement ?? node)?.className)])"""
"""The entries of a ``PerformanceObserver``: when, how far, and what."""


def worst(shifts: list) -> float:
    """The largest sum of shifts that follow one another within a second."""
    largest = burst = last = 0.0
    for when, value, _ in shifts:
        burst = value + (burst if when - last < 1000 else 0)
        largest, last = max(largest, burst), when
    return largest
