"""Exercises in the browser: the page of sheets, the file to print, and one exercise done live."""

import pytest
from playwright.sync_api import expect

from cnnlab_core.exercises import make_exercise, make_sheets, sheets_html


def test_a_sheet_is_chosen_printed_and_done_live(lab, browser):
    lab.open("/exercises?exercises_tab=Sheets")
    expect(lab.page.locator(".katex").first).to_be_visible()
    lab.shot("exercises_light")
    seed = lab.page.get_by_label("Seed")
    seed.fill("12")
    lab.during(lambda: seed.press("Enter"))
    expect(lab.page.get_by_role("heading", name="Sheet 12")).to_be_visible()
    assert "exercises_seed=12" in lab.page.url
    with lab.page.expect_download() as found:
        lab.page.get_by_role("button", name="The sheet with solutions").click()
    html = found.value.path().read_text(encoding="utf-8")
    kinds = ["conv2d", "output_size", "field_growth", "fgsm_step", "smallest_epsilon", "true_or_false"]
    assert html == sheets_html(make_sheets(kinds, seed=12), solutions=True, lab=lab.server)
    check_printed(browser, found.value.path())
    live = lab.page.get_by_role("link", name="Do it live").nth(2)
    assert live.get_attribute("target") == "_blank"
    lab.open(f"/{live.get_attribute('href')}")
    answer_live(lab, make_exercise("field_growth", 12))


def check_printed(browser, path):
    """The file by itself, with the network off: nothing is fetched, no formula is cut off by the page's edge."""
    context = browser.new_context(viewport={"width": 794, "height": 1123}, offline=True)
    page = context.new_page()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_content(path.read_text(encoding="utf-8"))
    page.emulate_media(media="print")
    assert requests == []
    assert page.locator("math").count() > 20
    assert page.locator("math[display=block]").first.bounding_box()["height"] > 30  # a matrix of three rows
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.pdf().startswith(b"%PDF")
    context.close()


def answer_live(lab, exercise):
    """Wrongly, then rightly."""
    page = lab.page
    expect(page.get_by_role("tab", name="Practice")).to_have_attribute("aria-selected", "true")
    boxes = [page.get_by_label(part.question) for part in exercise.parts]

    def check(change):
        for box, part in zip(boxes, exercise.parts, strict=True):
            box.fill(f"{part.answer.item() + change:g}")
        lab.during(lambda: page.get_by_role("button", name="Check", exact=True).click())

    check(1)
    expect(page.get_by_text("Not yet.")).to_have_count(4)
    check(0)
    expect(page.get_by_text("Right.", exact=False)).to_have_count(4)
    expect(page.get_by_text("Not yet.")).to_have_count(0)
    lab.during(page.get_by_role("button", name="Whole solution").click)
    expect(page.get_by_text(exercise.solution[-1].split(" $")[0])).to_be_visible()
    expect(page.locator(".katex-error")).to_have_count(0)
    lab.shot("exercises_receptive_field_right")


@pytest.mark.wide
def test_statements_are_explained(lab):
    exercise = make_exercise("true_or_false", 7)
    lab.open("/adversarial?adversarial_tab=On+paper&adversarial_tab_paper=Questions")
    for number, part in enumerate(exercise.parts):
        said = part.answer if number else next(option for option in part.options if option != part.answer)
        lab.page.get_by_role("radio", name=said, exact=True).nth(number).click()
    lab.during(lab.page.get_by_role("button", name="Check", exact=True).click)
    expect(lab.page.get_by_text(f"No, the answer is {exercise.parts[0].answer}.")).to_be_visible()
    expect(lab.page.get_by_text("Right.")).to_have_count(len(exercise.parts) - 1)
    lab.shot("exercises_statements")


@pytest.mark.wide
def test_the_sheet_in_the_dark_and_in_the_pocket(dark_lab, phone_lab):
    for opened, place, query in [
        (dark_lab, "dark", "?exercises_solved=true&exercises_level=3"),
        (phone_lab, "phone", "?exercises_level=3"),
    ]:
        opened.open(f"/exercises{query}")
        expect(opened.page.locator(".katex").first).to_be_visible()
        expect(opened.page.locator(".katex-error")).to_have_count(0)
        width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width == 0, f"the page can be scrolled sideways ({place})"
        opened.shot(f"exercises_{place}")
