"""Reading text in the browser: pointing and keys show where a number comes from, forwards and backwards."""

from playwright.sync_api import expect


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
