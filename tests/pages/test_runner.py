"""The runner's paths: at once, on request, failed, stale, shared; what is kept is never computed again."""

import re
import threading
import time

from patience import patience
from streamlit import delta_generator
from streamlit.testing.v1 import AppTest

from cnnlab_core.runtime.gate import Gate
from cnnlab_core.ui.results import digest

LAB = """
import streamlit as st
from cnnlab_core.errors import InputError
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import kept, run

counts = st.session_state.setdefault("counts", [])
setting = st.number_input("setting", value=1, key="setting")
st.toggle("unrelated", key="unrelated")

def job():
    counts.append(setting)
    for i in range(3):
        yield i
    if setting == 13:
        raise InputError("Thirteen brings bad luck. Choose another.")
    return {"answer": setting * 2}

outcome = run("job", digest("job", setting), job, label="Working", share=lambda i: i / 3, asked=setting, START)
with kept(outcome, "shown"):
    st.text(f"{outcome.state} {outcome.result}")
    st.caption(f"asked {outcome.asked}")
"""


def lab(options):
    return AppTest.from_string(LAB.replace("START", options), default_timeout=patience(20)).run()


def lab_at(setting):
    """The lab for everybody, moved to a setting."""
    app = lab("for_everybody=True")
    app.session_state["counts"] = [1]
    return app.number_input(key="setting").set_value(setting).run()


def test_cheap_work_follows_and_is_kept():
    app = lab("")
    assert app.text[0].value == "done {'answer': 2}"
    app.toggle(key="unrelated").set_value(True).run()
    app.number_input(key="setting").set_value(5).run()
    app.number_input(key="setting").set_value(1).run()
    assert app.text[0].value == "done {'answer': 2}"
    assert app.session_state["counts"] == [1, 5]


def test_the_tabs_of_a_visitor_share_what_is_kept(monkeypatch):
    monkeypatch.setattr("cnnlab_core.ui.results.visitor", lambda: "me")
    monkeypatch.setenv("CNNLAB_RESULTS_MB", "7")
    first, second = lab(""), lab("")
    assert second.text[0].value == "done {'answer': 2}"
    assert (first.session_state["counts"], second.session_state["counts"]) == ([1], [])
    assert first.session_state["results"] is second.session_state["results"]
    assert first.session_state["results"]._limit == 7_000_000
    monkeypatch.setattr("cnnlab_core.ui.results.visitor", lambda: "you")
    assert lab("").session_state["counts"] == [1]


def test_a_job_that_is_not_held_is_over_where_it_is_stopped():
    app = lab("held=False, keep=False")
    app.session_state["job job"].stop(digest("job", 1))
    assert app.run().text[0].value == "stopped None"
    assert app.run().text[0].value == "done {'answer': 2}"


def test_dear_work_waits_and_says_when_it_is_out_of_date():
    app = lab('start="Run"')
    assert app.text[0].value == "idle None"
    app.button[0].click().run()
    assert app.text[0].value == "done {'answer': 2}"
    assert not app.button
    app.number_input(key="setting").set_value(5).run()
    assert (app.text[0].value, app.caption[0].value) == ("stale {'answer': 2}", "asked 1")
    assert "These results are from your previous settings." in app.markdown[0].value
    assert app.session_state["counts"] == [1]
    app.button[0].click().run()
    assert (app.text[0].value, app.caption[0].value) == ("done {'answer': 10}", "asked 5")
    assert not app.markdown


def test_a_problem_is_a_sentence_and_can_be_tried_again():
    app = lab('start="Run"')
    app.number_input(key="setting").set_value(13).run()
    app.button[0].click().run()
    assert app.text[0].value == "failed None"
    assert app.error[0].value.replace("\\", "") == "Thirteen brings bad luck. Choose another."
    assert app.button[0].label == "Try again"
    app.button[0].click().run()
    assert app.session_state["counts"] == [13, 13]
    app.number_input(key="setting").set_value(2).run()
    app.button[0].click().run()
    assert app.text[0].value == "done {'answer': 4}"


def test_results_for_everybody_are_computed_once():
    first = lab("for_everybody=True")
    second = lab("for_everybody=True")
    assert first.text[0].value == second.text[0].value == "done {'answer': 2}"
    assert first.session_state["counts"] == [1]
    assert second.session_state["counts"] == []


def slow_job(seconds, answer):
    """A job of everybody's that takes a while, as another session has begun it."""

    def job():
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            yield 0
            time.sleep(0.02)
        return answer

    return job


def begun_elsewhere(setting, job):
    from cnnlab_core.runtime.background import Background
    from cnnlab_core.ui.results import digest, everybodys_results

    key, shared = digest("job", setting), everybodys_results()
    work = shared.work(key, "the other", lambda: Background(Gate(1), job, done=lambda result: shared.put(key, result)))
    return key, shared, work


def test_whoever_asks_while_another_session_computes_it_waits_for_that():
    begun_elsewhere(77, slow_job(1.0, {"answer": "from elsewhere"}))
    app = lab_at(77)
    assert app.text[0].value == "done {'answer': 'from elsewhere'}"
    assert app.session_state["counts"] == [1]  # its own first setting only


def test_when_the_other_session_leaves_the_job_goes_on_for_this_one():
    key, shared, _ = begun_elsewhere(78, slow_job(1.5, {"answer": "still from elsewhere"}))
    threading.Timer(0.3, shared.leave, (key, "the other")).start()
    app = lab_at(78)
    assert app.text[0].value == "done {'answer': 'still from elsewhere'}"


def test_a_job_that_everybody_has_left_is_begun_anew():
    key, shared, work = begun_elsewhere(79, slow_job(60, "never"))
    shared.leave(key, "the other")
    while work.state != "given up":
        time.sleep(0.01)
    app = lab_at(79)
    assert app.text[0].value == "done {'answer': 158}"


def test_a_job_that_failed_can_be_asked_for_again():
    from cnnlab_core.ui.results import digest, everybodys_results

    app = lab_at(13)
    assert app.text[0].value == "failed None"
    assert everybodys_results().at_work(digest("job", 13)) is None


def test_nothing_is_kept_when_told_so():
    app = lab("keep=False")
    app.toggle(key="unrelated").set_value(True).run()
    assert app.session_state["counts"] == [1, 1]


def test_results_are_bounded_by_their_bytes():
    import numpy as np
    from PIL import Image

    from cnnlab_core.ui.results import Results

    kept = Results(limit=1_000_000)
    for i in range(10):
        kept.put(str(i), [{"maps": np.zeros(40_000)}, Image.new("RGB", (10, 10))])  # 320 kB each
    assert [i for i in range(10) if kept.get(str(i)) is not None] == [7, 8, 9]
    kept.get("7")
    kept.put("10", b"x" * 400_000)
    assert kept.get("7") is not None
    assert kept.get("8") is None
    kept.put("huge", np.zeros(10_000_000))
    assert kept.get("huge") is not None
    assert kept.get("10") is None


def test_where_too_many_wait_one_is_asked_to_try_again(monkeypatch):
    class Full(Gate):
        waiting = 2

    monkeypatch.setenv("CNNLAB_QUEUE", "2")
    with monkeypatch.context() as full:
        full.setattr("cnnlab_core.ui.runner.gate", lambda kind: Full(1))
        app = lab("")
        assert "2 jobs are already waiting" in app.info[0].value
        assert app.session_state["counts"] == []
    app.button[0].click().run()
    assert not app.info
    assert app.text[0].value == "done {'answer': 2}"


VISITOR = """
import streamlit as st
from cnnlab_core.ui.visitor import begin_cookie, visitor

st.session_state["first"] = visitor(), begin_cookie()
st.text(visitor())
"""


def test_a_browser_without_a_cookie_is_one_visitor_from_its_first_page_on(monkeypatch):
    """The number that it is known by is the one that it is told to keep."""
    app = AppTest.from_string(VISITOR, default_timeout=patience(20)).run()
    first, script = app.session_state["first"]
    (number,) = re.findall('visitorsNumber."([0-9a-f]{32})".', script)
    again = AppTest.from_string(VISITOR, default_timeout=patience(20))
    monkeypatch.setattr("cnnlab_core.ui.visitor._from_cookie", lambda: number)  # after a reload
    assert again.run().text[0].value == app.text[0].value == first
    assert again.session_state["first"][1] == ""


LATER = """
import streamlit as st
from cnnlab_core.ui.show import later

with st.columns(2)[0]:
    place = later()
st.caption("below")
place.markdown("first")
place.container().markdown("second")
"""


def test_a_place_for_later_is_never_told_to_be_empty(monkeypatch):
    """The browser may draw between any two messages, so one that clears the place shows a hole."""
    sent = []
    send = delta_generator._enqueue_message
    monkeypatch.setattr(delta_generator, "_enqueue_message", lambda message: sent.append(message) or send(message))
    app = AppTest.from_string(LATER).run()
    assert not app.exception
    assert [one.value for one in app.markdown] == ["second"], "painted over"
    drawn = [one for one in sent if one.delta.WhichOneof("type") == "new_element"]
    assert [one.delta.new_element.markdown.body for one in drawn] == ["below", "first", "second"], "and nothing else"
    first, second = (list(one.metadata.delta_path) for one in drawn[1:])
    assert second[:-1] == first, "in the same place"
