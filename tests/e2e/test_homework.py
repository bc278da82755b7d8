"""“I have this exercise” in the browser: two clicks to each question, and what is handed in can be opened."""

import csv
import io
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import expect

from cnnlab_core.ui.homework import QUESTIONS

FIRST = "Pooling a signal"


def goes(lab, question):
    """From the home page to the question, by its link."""
    lab.open("/")
    lab.during(lambda: lab.page.get_by_role("link", name=question.title, exact=True).click())
    expect(lab.page).to_have_url(re.compile(f"/{question.page}"))
    asked = parse_qs(urlsplit(lab.page.url).query)
    for key, value in question.view.items():
        wanted = [value] if isinstance(value, str) else value
        assert asked.get(key, wanted) == wanted  # a default leaves the address
    if question.button:
        button = lab.page.get_by_role("button", name=re.compile(f"^{question.button}"))
        lab.during(button.click)


def opened(path):
    """What a file holds, by its kind."""
    content = path.read_bytes()
    if content.startswith(b"\x89PNG"):
        return Image.open(io.BytesIO(content)).size
    if content.startswith(b"%PDF"):
        return content.count(b"/Page")
    text = content.decode()
    return json.loads(text) if text.startswith(("{", "[")) else list(csv.reader(io.StringIO(text)))


def test_a_question_is_searched_and_opened_in_two_clicks(lab):
    lab.open("/")
    lab.page.get_by_label("Search the questions").fill("pooling")
    lab.during(lambda: lab.page.keyboard.press("Enter"))
    expect(lab.page.get_by_role("link", name="Batch", exact=False)).to_have_count(0)
    lab.shot("homework")
    lab.during(lambda: lab.page.get_by_role("link", name=FIRST, exact=True).click())
    cells = lab.page.locator('[role=gridcell][aria-label^="y["]')
    expect(cells).to_have_count(4)
    assert [cell.get_attribute("data-value") for cell in cells.all()] == ["5", "5", "4", "4"]


@pytest.mark.wide
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.title)
def test_what_is_handed_in_can_be_opened(lab, question):
    goes(lab, question)
    button = lab.page.get_by_role("button", name=question.file, exact=True)
    if not question.file:  # the code, which other tests run
        return
    if question.file == "PNG":
        lab.page.get_by_role("button", name="Figure").first.click()
    else:
        lab.page.get_by_text("Take it away").first.click()
    with lab.page.expect_download() as download:
        button.first.click()
    assert opened(download.value.path())
    lab.keep(f"homework_{question.page}_{QUESTIONS.index(question)}")
