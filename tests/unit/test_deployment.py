"""What the image, the compose file and the commit hooks promise, as far as it can be told without running them."""

import re
import tomllib

from places import ROOT


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_image_holds_everything_that_the_lab_imports_or_reads():
    copied = set(re.findall(r"^COPY (\S+)", read("Dockerfile"), re.MULTILINE))
    assert {"app.py", "pages", "assets", "cnnlab_core", ".streamlit/config.toml", "requirements.txt"} <= copied
    assert all((ROOT / name).exists() for name in copied)
    ignored = read(".dockerignore").split()
    assert not copied & set(ignored)


def test_every_folder_that_the_lab_writes_lies_on_the_volume():
    text = read("Dockerfile")
    for name in ("WEIGHTS", "DATA", "RUNS", "CACHE"):
        assert re.search(rf"CNNLAB_{name}=/data/", text)
    assert "\nUSER lab\n" in text


def test_two_replicas_share_a_volume_behind_sticky_sessions():
    compose, door = read("compose.yaml"), read("Caddyfile")
    labs = re.findall(r"^  (lab-\d): \*lab$", compose, re.MULTILINE)
    assert len(labs) == 2
    assert "    - data:/data\n" in compose
    assert "lb_policy cookie" in door
    assert "reverse_proxy " + " ".join(f"{name}:8501" for name in labs) in door
    assert '"8080:8080"' in compose
    assert ":8080 {" in door


def test_the_server_takes_files_as_large_as_a_classroom_may_allow():
    from cnnlab_core.runtime.limits import UPLOAD_MB

    settings = tomllib.loads(read(".streamlit/config.toml"))
    assert settings["server"]["maxUploadSize"] == UPLOAD_MB.most


def test_a_commit_is_linted_as_make_test_does_it():
    assert re.search(r"^test: lint$", read("Makefile"), re.MULTILINE)
    assert re.findall(r"^ +entry: (.+)$", read(".pre-commit-config.yaml"), re.MULTILINE) == ["make lint"]
