"""Figures in the browser: as wide as their place, in the page's colours, without Streamlit's own charts."""

from playwright.sync_api import expect

FIGURE = ".cnnlab-chart .main-svg"
FILES = "**/media/**"
LOADED = "() => performance.getEntriesByType('resource').map((one) => one.name).filter((name) => /Plotly/.test(name))"


def test_a_figure_follows_the_page(lab):
    """A narrower window, then the dark: nothing is asked of the person, and no other library is loaded for it."""
    page = lab.open("/adversarial?adversarial_tab=On+paper")
    figure = page.locator(FIGURE).first
    expect(figure).to_be_visible()
    wide = figure.bounding_box()["width"]
    try:
        page.set_viewport_size({"width": 900, "height": 768})
        lab.settle()
        assert figure.bounding_box()["width"] < 0.8 * wide
        page.emulate_media(color_scheme="dark")
        expect(figure).to_have_css("background-color", "rgb(20, 25, 28)")
        expect(page.locator(".cnnlab-chart .xtick text").first).to_have_css("fill", "rgb(180, 190, 195)")
    finally:
        page.emulate_media(color_scheme="light")
    assert page.evaluate(LOADED) == []


def test_a_figure_whose_library_does_not_come_says_so(lab):
    """A sentence in its place; the page is reloaded, and there it is."""
    page = lab.page

    def without_library(route):
        answer = route.fetch()
        route.abort() if b"plotly.js" in answer.body()[:200] else route.fulfill(response=answer)

    page.route(FILES, without_library)
    try:
        lab.open("/adversarial?adversarial_tab=On+paper")
        expect(page.locator(".cnnlab-chart").first).to_contain_text("Reload the page")
    finally:
        page.unroute(FILES)
    assert lab.complaints
    assert all("ERR_FAILED" in complaint for complaint in lab.complaints)
    lab.complaints.clear()
    lab.during(page.reload)
    expect(page.locator(FIGURE).first).to_be_visible()
    assert "Reload the page" not in page.locator(".cnnlab-chart").first.inner_text()
