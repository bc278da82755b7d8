"""Figures in the browser: as wide as their place, in the page's colours, without Streamlit's own charts."""

from playwright.sync_api import expect

FIGURE = ".cnnlab-chart .main-svg"
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
