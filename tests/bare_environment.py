"""Opens pages and prints what they say, in a process whose environment a test has chosen: no locale, say."""

import sys
from urllib.parse import parse_qsl

from places import ROOT
from streamlit.testing.v1 import AppTest

sys.stdout.reconfigure(encoding="utf-8")
for asked in sys.argv[1:]:
    page, _, query = asked.partition("?")
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.switch_page(f"pages/{page}.py")
    app.query_params.update(parse_qsl(query))
    app.run()
    for exception in app.exception:
        print(page, "raised", exception.value.replace("\n", " "), *exception.stack_trace[-3:])
    for element in (*app.error, *app.info):
        print(page, "says", element.value.replace("\\", "").replace("\n", " "))
    print(page, "opened", flush=True)
