"""The wipe gets both pictures whole, and their labels as text."""

import base64
import io

import numpy as np
from patience import patience
from PIL import Image
from screen import components
from streamlit.testing.v1 import AppTest

PAGE = """
from PIL import Image
from screen import components
from cnnlab_core.images import png
from cnnlab_core.ui.wipe import wipe

wipe(png(Image.new("RGB", (9, 6), "red")), png(Image.new("RGB", (9, 6), "blue")), "<b>photo</b>", "dream", key="w")
"""


def test_both_pictures_arrive_with_their_labels():
    app = AppTest.from_string(PAGE, default_timeout=patience(20)).run()
    assert not app.exception
    data = components(app)[0]
    pixels = {
        side: np.asarray(Image.open(io.BytesIO(base64.b64decode(data[side]["src"].split(",")[1]))))
        for side in ("before", "after")
    }
    assert pixels["before"].shape == pixels["after"].shape == (6, 9, 3)
    assert (pixels["before"] == (255, 0, 0)).all()
    assert (pixels["after"] == (0, 0, 255)).all()
    assert data["before"]["label"] == "<b>photo</b>"
    assert data["after"]["label"] == "dream"
