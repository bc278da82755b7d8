"""Opens pages and prints what they say, in a process whose environment a test has chosen: no locale, say."""

import sys

from places import ROOT
from streamlit.testing.v1 import AppTest

sys.stdout.reconfigure(encoding="utf-8")
for page in sys.argv[1:]:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.switch_page(f"pages/{page}.py").run()
    for exception in app.exception:
        print(page, "raised", exception.value.replace("\n", " "), *exception.stack_trace[-3:])
    for element in (*app.error, *app.info):
        print(page, "says", element.value.replace("\\", "").replace("\n", " "))
    print(page, "opened", flush=True)
