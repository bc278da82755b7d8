"""The server's resident memory: at the start, with the default model, and with thirty sessions."""

from benchmarks.measure import Row, count, lab_server, open_browser, resident_mb, visit

SESSIONS = count(30, 2)


def measure() -> list[Row]:
    with open_browser() as browser, lab_server() as (address, pid):

        def resident_after(path: str, sessions: int = 1) -> float:
            for _ in range(sessions):
                page = browser.new_page()
                visit(page, address + path)
                page.close()
            return resident_mb(pid)

        home = resident_after("/")
        one = resident_after("/classifier")
        all_of_them = resident_after("/classifier", SESSIONS - 1)
    return [
        Row("resident with the default model and its random twin", one, "home page alone", home, "MB"),
        Row(f"resident after {SESSIONS} sessions", all_of_them, "after one", one, "MB"),
    ]
