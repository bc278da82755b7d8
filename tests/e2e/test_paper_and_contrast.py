"""A page on paper, in colours that the system forces on it, at twice the size, and without motion."""

from playwright.sync_api import expect

READ = """() => {
  const seen = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).length;
  const main = document.querySelector("[data-testid=stMain]");
  return {
    beside: seen("[data-testid=stSidebar], .stButton, [data-testid=stPopover]"),
    ground: getComputedStyle(document.querySelector(".stApp")).backgroundColor,
    ink: [...main.querySelectorAll("p")].map((one) => getComputedStyle(one).color),
    cut: main.scrollHeight - main.clientHeight,
  };
}"""
CLIPPED = """() => [...document.querySelectorAll("[role=radio], [data-testid=stMain] [data-testid=stPopoverButton]")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)
  .map((one) => one.innerText)"""


def test_a_dark_page_is_printed_black_on_white_and_whole(dark_lab):
    page = dark_lab.open("/receptive_fields")
    dark_lab.settle()
    page.emulate_media(media="print")
    found = page.evaluate(READ)
    page.emulate_media(media="screen")
    assert found["ground"] == "rgb(255, 255, 255)"
    assert {*found["ink"]} == {"rgb(0, 0, 0)"}
    assert (found["beside"], found["cut"]) == (0, 0)


def test_forced_colours_keep_bars_and_outlines_and_calm_stays_calm(lab):
    page = lab.open("/convolution")
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    expect(page.locator(".cell.active")).to_have_css("outline-width", "3px")
    expect(page.locator(".frame").first).to_have_css("transition-duration", "0s")
    page.emulate_media(forced_colors="none", reduced_motion="no-preference")


def test_at_twice_the_size_every_choice_is_seen(lab):
    lab.page.set_viewport_size({"width": 683, "height": 384})
    for address in ("/deepdream", "/adversarial"):
        page = lab.open(address)
        lab.settle()
        assert not page.evaluate(CLIPPED)
