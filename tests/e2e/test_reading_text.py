"""Reading text in the browser: pointing and keys show where a number comes from; a run from its start to its names."""

import re

import pytest
from playwright.sync_api import expect
from steering import goes_on, press, stands, steps_done


def cell(lab, name):
    """A cell of the picture by its name, such as h[2, 1]."""
    return lab.page.locator(f'[role=gridcell][aria-label^="{name},"]')


def test_pointing_and_keys_show_the_terms(lab):
    lab.open("/reading_text")
    words, lit = lab.page.locator(".words"), lab.page.locator("[role=gridcell].lit")
    cell(lab, "h[2, 1]").hover()
    expect(words).to_contain_text("h[2, 1] = ")
    expect(words).to_contain_text("and tanh of it is")
    expect(words.locator(".chip")).to_have_count(8)  # four letters, three units, a bias
    expect(lit).to_have_count(4 + 4 + 3 + 3 + 1)  # x and a row of W, h before and a row of U, b
    cell(lab, "h[2, 1]").click()
    lab.page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("h[2, 2] = ")
    lab.during(lambda: lab.page.keyboard.press("Enter"))
    expect(lab.page.locator(".katex").first).to_be_visible()
    cell(lab, "U[1, 1]").hover()
    expect(words).to_contain_text("takes part in 4 numbers")

    cell(lab, "W[1, h]").dblclick()
    lab.page.locator(".cell input").fill("2")
    lab.during(lambda: lab.page.keyboard.press("Enter"))
    expect(cell(lab, "W[1, h]")).to_have_text("2")

    lab.during(lambda: lab.page.get_by_role("radio", name="Backward").click())
    cell(lab, "dU[1, 2]").hover()
    expect(words.locator(".group")).to_have_text(["step 1", "step 2", "step 3", "step 4"])
    expect(words).to_contain_text("It comes from the losses of step")
    assert lab.page.locator(".katex-error").count() == 0


TINY = "text_net=RNN&text_embedding=4&text_hidden=8&text_batch=64&text_window=32&text_epochs=400"


@pytest.mark.wide
def test_a_run_from_its_start_to_the_names_that_it_writes(lab):
    lab.open(f"/reading_text?reading_tab=Train&text_view=New run&{TINY}")
    press(lab, "Start")
    stands(lab, "training")
    sample = lab.page.get_by_test_id("stCode").first
    expect(sample).to_contain_text(re.compile("[a-z]"))
    first = steps_done(lab)
    lab.open(f"/reading_text?{lab.page.url.split('?')[1]}")  # the browser leaves and comes back
    stands(lab, "training")
    goes_on(lab, first)
    press(lab, "Pause")
    stands(lab, "paused")
    paused = steps_done(lab)
    assert paused > first
    press(lab, "Resume")
    stands(lab, "training")
    goes_on(lab, paused)
    expect(lab.page.get_by_text("counting pairs", exact=True).first).to_be_visible()
    press(lab, "Stop")
    press(lab, "Stop and test")
    stands(lab, "stopped")
    expect(lab.page.get_by_text("Test bits per character")).to_be_visible()
    lab.shot("reading_text_train")
    lab.during(lambda: press(lab, "Write with it"))
    expect(lab.page.get_by_role("tab", name="Write")).to_have_attribute("aria-selected", "true")
    expect(lab.page.get_by_test_id("stCode").first).to_contain_text(re.compile("[a-z]"))
    expect(lab.page.get_by_role("combobox", name="Network")).to_have_value("rnn on names")
    lab.shot("reading_text_write")
    lab.during(lambda: lab.page.get_by_role("tab", name="Look inside").click())
    expect(lab.page.get_by_text("over other text")).to_be_visible()
    lab.shot("reading_text_look_inside")
