"""Finding and fetching weights, against a server of our own on this machine."""

import hashlib
import socket
import struct
import threading
import time
from dataclasses import replace

import pytest
import torch
from patience import patience
from serving import CONTENT, SHA256, serving, whole_file

from cnnlab_core.errors import WeightsError
from cnnlab_core.models import find_spec
from cnnlab_core.models.build import build_pretrained, build_random
from cnnlab_core.models.weights import (
    download_weights,
    download_weights_steps,
    find_weights,
    hub_folder,
    local_weights,
    weights_folder,
)
from cnnlab_core.runtime import downloads


def spec_at(address, sha256=SHA256[:8], file="net-12345678.pth"):
    spec = find_spec("resnet18")
    return replace(spec, weights=replace(spec.weights, file=file, url=f"{address}/{file}", sha256=sha256))


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for proxy in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return tmp_path


def nothing_left_behind(folder):
    return not [file for file in folder.rglob("*") if file.is_file()]


def test_a_download_lands_whole_and_verified(folders):
    with serving(whole_file) as (address, asked):
        spec = spec_at(address)
        job = download_weights_steps(spec, poll_seconds=0.01)
        steps = list(job)
        path = download_weights(spec)
    assert path == folders / "weights" / spec.weights.file
    assert path.read_bytes() == CONTENT
    assert all(0 <= step.received <= len(CONTENT) for step in steps)
    assert asked == [f"/{spec.weights.file}"]  # the second call found it
    assert find_weights(spec) == path
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.fault(
    "A download brings other bytes, an error, or nothing",
    "A sentence says so, and nothing stays behind",
)
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda h: whole_file(h, CONTENT[:-1] + b"!"), "isn't the file that was published"),
        (lambda h: whole_file(h, CONTENT[:5000], claimed=len(CONTENT)), ""),
        (lambda h: h.send_error(404), "answered 404"),
        (lambda h: h.send_error(503), "answered 503"),
        (lambda h: h.close_connection, "couldn't be reached"),
    ],
    ids=["other bytes", "cut short", "404", "503", "hung up"],
)
def test_a_failed_download_is_a_sentence_and_leaves_nothing(folders, answer, says):
    with serving(answer) as (address, _), pytest.raises(WeightsError) as problem:
        download_weights(spec_at(address), poll_seconds=0.01)
    assert says in str(problem.value)
    assert nothing_left_behind(folders)


def cut(handler):
    """Half of the file, and then the connection is reset."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[: len(CONTENT) // 2])
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


@pytest.mark.fault(
    "The network is cut in the middle of a download",
    "A sentence says how far it came or what couldn't be reached, and what to do; nothing stays behind, and the next "
    "try fetches the whole file",
)
@pytest.mark.parametrize("end", [cut, lambda h: whole_file(h, CONTENT[: len(CONTENT) // 2], claimed=len(CONTENT))])
def test_a_connection_cut_half_way_can_be_tried_again(folders, end):
    answers = [end, whole_file]
    with serving(lambda handler: answers.pop(0)(handler)) as (address, asked):
        spec = spec_at(address)
        with pytest.raises(WeightsError, match=r"Try again|To add this one by hand"):
            download_weights(spec, poll_seconds=0.01)
        assert nothing_left_behind(folders)
        assert download_weights(spec, poll_seconds=0.01).read_bytes() == CONTENT
    assert len(asked) == 2


def test_an_unreachable_network_names_the_address_and_the_folder(folders):
    spec = spec_at("http://127.0.0.1:9")
    with pytest.raises(WeightsError) as problem:
        download_weights(spec, poll_seconds=0.01)
    assert spec.weights.url in str(problem.value)
    assert str(folders / "weights") in str(problem.value)
    with pytest.raises(WeightsError, match="aren't on this machine"):
        find_weights(spec)


@pytest.mark.fault(
    "The folder for weights can't be written",
    "A sentence names it",
)
def test_a_folder_that_cannot_be_written_is_a_sentence(folders):
    (folders / "weights").write_text("a file where the folder should be")
    with serving(whole_file) as (address, _), pytest.raises(WeightsError, match="couldn't be saved"):
        download_weights(spec_at(address), poll_seconds=0.01)


def test_thirty_askers_cause_one_download(folders):
    with serving(lambda h: whole_file(h, pause=0.01)) as (address, asked):
        spec, paths = spec_at(address), []
        threads = [
            threading.Thread(target=lambda: paths.append(download_weights(spec, poll_seconds=0.01))) for _ in range(30)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(patience(20))
    assert len(paths) == 30
    assert len(asked) == 1


def test_cancelling_stops_the_fetch_and_leaves_nothing(folders, monkeypatch):
    monkeypatch.setattr(downloads, "_UNWATCHED_SECONDS", 0.05)
    with serving(lambda h: whole_file(h, CONTENT * 8, pause=0.02)) as (address, _):
        job = download_weights_steps(spec_at(address), poll_seconds=0.01)
        while not next(job).received:  # on a busy machine the first step comes before the first byte
            pass
        assert list(folders.rglob("*.part"))
        job.close()
        for _ in range(3000):
            if nothing_left_behind(folders) and not downloads._transfers:
                break
            time.sleep(0.01)
    assert nothing_left_behind(folders)
    assert not downloads._transfers


def test_a_rerun_in_the_middle_goes_on_with_the_same_download(folders):
    with serving(lambda h: whole_file(h, pause=0.02)) as (address, asked):
        spec = spec_at(address)
        first = download_weights_steps(spec, poll_seconds=0.01)
        next(first)
        first.close()  # the page ran again
        assert download_weights(spec, poll_seconds=0.01).exists()
    assert len(asked) == 1


def test_a_hub_that_sends_its_digest_with_the_redirect_is_believed(folders):
    def hub(handler, digest):
        if handler.path.startswith("/moved"):
            return whole_file(handler)
        handler.send_response(302)
        handler.send_header("Location", f"/moved{handler.path}")
        handler.send_header("X-Linked-Etag", f'"{digest}"')
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return None

    with serving(lambda h: hub(h, SHA256)) as (address, _):
        assert download_weights(spec_at(address, sha256=None)).read_bytes() == CONTENT
    with serving(lambda h: hub(h, "0" * 64)) as (address, _), pytest.raises(WeightsError, match="sha256 differs"):
        download_weights(spec_at(address, sha256=None, file="other.pth"))
    with serving(whole_file) as (address, _), pytest.raises(WeightsError, match="couldn't be verified"):
        download_weights(spec_at(address, sha256=None, file="third.pth"))


def test_where_weights_are_looked_for(folders, monkeypatch):
    spec = find_spec("resnet18")
    assert local_weights(spec) is None
    hub_folder().mkdir(parents=True)
    (hub_folder() / spec.weights.file).write_bytes(b"from the hub")
    assert local_weights(spec) == hub_folder() / spec.weights.file
    weights_folder().mkdir()
    (weights_folder() / spec.weights.file).write_bytes(b"from the teacher")
    assert local_weights(spec) == folders / "weights" / spec.weights.file
    with pytest.raises(WeightsError, match="sha256 begins"):
        find_weights(spec)
    monkeypatch.delenv("CNNLAB_WEIGHTS")
    assert weights_folder() == hub_folder() == folders / "torch" / "hub" / "checkpoints"
    assert str(hub_folder()) == torch.hub.get_dir() + "/checkpoints"
    embedded = local_weights(find_spec("efficientnet_lite0"))
    assert embedded is not None
    assert find_weights(find_spec("efficientnet_lite0")) == embedded


def test_from_download_to_network(folders):
    """The whole way of a model that isn't there, with a checkpoint of our own behind its address."""
    source = build_random(find_spec("squeezenet1_1"), seed=5)
    torch.save(source.state_dict(), folders / "made.pth")
    content = (folders / "made.pth").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    with serving(lambda h: whole_file(h, content)) as (address, _):
        spec = find_spec("squeezenet1_1")
        spec = replace(spec, weights=replace(spec.weights, file="sq.pth", url=f"{address}/sq.pth", sha256=digest))
        download_weights(spec)
    network = build_pretrained(spec, find_weights(spec))
    x = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(network(x), source.eval()(x))
