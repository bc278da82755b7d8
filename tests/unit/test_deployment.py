"""What the image, the compose file and the commit hooks promise, as far as it can be told without running them."""

import re
import tomllib

from places import ROOT

from cnnlab_core.runtime.limits import (
    DECODE_MB,
    LIMITS,
    MODEL_BUDGET,
    NETWORK_MB,
    NETWORKS_MB,
    QUEUE,
    RESULTS_MB,
    TRAINING_QUEUE,
    UPLOAD_MB,
    UPLOADS_MB,
)


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


def tree(text):
    """A file of nested keys and lists (the part of YAML that compose.yaml uses), with what its anchors stand for."""
    root, anchors = {}, {}
    open_blocks = [(-1, root)]
    for line in text.splitlines():
        if not (said := line.split(" #")[0].strip()) or said.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        while open_blocks[-1][0] >= indent:
            open_blocks.pop()
        block = open_blocks[-1][1]
        if said.startswith("- "):
            block.setdefault("-", []).append(said[2:].strip('"'))
            continue
        key, value = (part.strip() for part in said.split(":", 1))
        assert key not in block
        if not value or value.startswith("&"):
            block[key] = anchors[value[1:]] = {}
            open_blocks.append((indent, block[key]))
        else:
            block[key] = anchors[value[1:]] if value.startswith("*") else value
    return root


def default(value):
    """What a setting of compose.yaml is where the environment says nothing."""
    return re.fullmatch(r"\$\{CNNLAB_\w+:-(\w+)\}", value)[1]


def test_two_replicas_share_a_volume_behind_sticky_sessions():
    compose, door = tree(read("compose.yaml")), read("Caddyfile")
    services = compose["services"]
    labs = [name for name in services if name.startswith("lab-")]
    assert len(labs) == 2
    assert all(services[name] is compose["x-lab"] for name in labs)
    assert services["lab-1"]["volumes"]["-"] == ["data:/data"]
    assert compose["volumes"] == {"data": {}}
    assert "lb_policy cookie" in door
    assert "reverse_proxy " + " ".join(f"{name}:8501" for name in labs) in door
    assert services["door"]["ports"]["-"] == ["8080:8080"]
    assert set(services["door"]["depends_on"]) == set(labs)
    assert ":8080 {" in door


def test_the_server_takes_files_as_large_as_a_classroom_may_allow():
    settings = tomllib.loads(read(".streamlit/config.toml"))
    assert settings["server"]["maxUploadSize"] == UPLOAD_MB.most


def test_the_door_and_the_replicas_are_bounded_as_the_table_of_limits_says():
    services, door = tree(read("compose.yaml"))["services"], read("Caddyfile")
    lab = services["lab-1"]
    known = {limit.setting for limit in LIMITS} | {"CNNLAB_TRAINING"}
    for name, service in services.items():
        settings = {key for key in service["environment"] if key.startswith("CNNLAB_")}
        assert settings <= known, name
        for limit in (NETWORK_MB, *([UPLOAD_MB] if name != "door" else [])):
            assert service["environment"][limit.setting] == f"${{{limit.setting}:-{limit.usual}}}"
    (largest,) = re.findall(r"max_size \{\$CNNLAB_NETWORK_MB:(\d+)\}\.99MiB", door)
    assert int(largest) == NETWORK_MB.usual >= UPLOAD_MB.usual
    assert lab["mem_limit"] == lab["memswap_limit"]  # no swap
    gigabytes = int(default(lab["mem_limit"]).removesuffix("g"))
    # All that the table lets the lab hold at once, beside Python and torch, fits in.
    megabytes = UPLOADS_MB.usual + DECODE_MB.usual + RESULTS_MB.usual * 30 + NETWORKS_MB.usual
    held = megabytes * 10**6 + MODEL_BUDGET.usual + 0.8e9
    assert held < gigabytes * 2**30
    assert default(lab["cpus"]) == "0"  # all
    assert int(lab["pids_limit"]) > 2 * (QUEUE.usual + TRAINING_QUEUE.usual)  # a job is a thread, a trainer a process
    limits = read("docs/limits.md")
    for words in (f"`CNNLAB_MEMORY`, {gigabytes} GB", "`CNNLAB_CPUS`, all"):
        assert words in limits


def test_a_commit_is_linted_as_make_test_does_it():
    assert re.search(r"^test: .*\n\t\$\(MAKE\) --jobs 2 lint run-tests\b", read("Makefile"), re.MULTILINE)
    assert re.findall(r"^ +entry: (.+)$", read(".pre-commit-config.yaml"), re.MULTILINE) == ["make lint"]
