"""Small pictures and zips of them, as the tests of imports need them."""

import io
import zipfile

import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "npm_config_registry", "NPM_CONFIG_REGISTRY", "NPM_CONFIG_USERCONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def picture(colour, side=(40, 30), form="PNG"):
    buffer = io.BytesIO()
    Image.new("RGB", side, colour).save(buffer, form)
    return buffer.getvalue()


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def class_folders(prefix="", count=8):
    colours = {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200)}
    return {f"{prefix}{name}/{n}.png": picture(colour) for name, colour in colours.items() for n in range(count)}
