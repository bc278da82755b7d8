"""What lives in a component's parent element, however Streamlit begins and ends its calls."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node import Node
from places import ROOT

ANSWER = """
let made = [];
class Kind {
  constructor(parent) {
    this.root = parent.root;
    this.stopped = false;
    this.taken = [];
    made.push(this);
  }
  take({ data }) { this.taken.push(data); }
  stop() { this.stopped = true; }
}
const answer = (acts) => {
  made = [];
  const parentElement = { root: { isConnected: true } };
  const ends = [];
  for (const act of acts) {
    if (act === "call") ends.push(mounted(Kind, { parentElement, data: ends.length }));
    else if (act === "page again") { // Streamlit lays the component's page anew
      parentElement.root.isConnected = false;
      parentElement.root = { isConnected: true };
    } else if (act === "gone") parentElement.root.isConnected = false;
    else ends[act]();
  }
  return made.map(({ stopped, taken }) => ({ stopped, taken }));
};
"""


@pytest.fixture(scope="module")
def life():
    with Node(("component", "mounted.js"), answer=ANSWER) as node:
        yield node.ask


@given(st.data())
def test_it_lives_while_it_is_on_the_page_whichever_call_ends_when(life, data):
    calls, acts = 0, []
    for _ in range(data.draw(st.integers(1, 12))):
        act = data.draw(st.sampled_from(["call", *range(calls)]))
        acts.append(act)
        calls += act == "call"
    found = life(acts)
    assert len(found) == (calls > 0)
    if found:
        assert not found[0]["stopped"]
        assert found[0]["taken"] == list(range(calls))
    if not calls:
        return
    assert life([*acts, "gone", calls - 1])[0]["stopped"], "nothing listens on a page that has gone"
    first, second = life([*acts, "page again", "call", *range(calls)])
    assert first["stopped"]
    assert not second["stopped"]


@pytest.mark.parametrize(("kind", "moves"), [("css", r"\b(?:transition|animation):"), ("js", r"\.animate\(")])
def test_what_moves_asks_whether_motion_is_wanted(kind, moves):
    files = [file for file in ROOT.glob(f"assets/*/*.{kind}") if re.search(moves, file.read_text(encoding="utf-8"))]
    assert len(files) > 1
    for file in files:
        assert re.search(r"prefers-reduced-motion|\bcalm\(\)", file.read_text(encoding="utf-8")), file
