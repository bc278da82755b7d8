"""The server's resident memory: at the start, with the default model, and with thirty sessions."""

from benchmarks.measure import Row, lab_server, open_browser, resident_mb


def measure() -> list[Row]:
    with open_browser() as browser, lab_server() as (address, pid):

        def visit(path: str, shows: str) -> None:
            page = browser.new_page()
            page.goto(address + path)
            page.wait_for_selector(shows, timeout=60_000)
            page.wait_for_timeout(500)
            page.close()

        visit("/", "h1")
        home = resident_mb(pid)
        visit("/classifier", "h3")
        one = resident_mb(pid)
        for _ in range(29):
            visit("/classifier", "h3")
        thirty = resident_mb(pid)
    return [
        Row("resident with the default model and its random twin", one, "home page alone", home, "MB"),
        Row("resident after 30 sessions", thirty, "after one", one, "MB"),
    ]
