"""Decoders in a process of their own: what they cost is bounded; whatever becomes of them, the next file is opened."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from hostile import jpeg_of_scans, plain_ppm
from patience import patience, until
from PIL import Image
from places import ROOT

from cnnlab_core.errors import ImageError
from cnnlab_core.images import open_apart, open_apart_steps, open_image, png, sample_images
from cnnlab_core.runtime.apart import EndedError, _start, apart
from cnnlab_core.runtime.jobs import finish

CAT = sample_images()["chelsea"].content
HERE = "cnnlab_core.images.opening:pixels"


def pid():
    return apart()._process.pid


def opens():
    return open_apart(CAT).size == (451, 300)


def work(do, content=b""):
    return finish(apart().steps(do, content))


def test_a_picture_is_the_same_as_in_this_process_and_a_sentence_too(monkeypatch):
    assert open_apart(CAT).tobytes() == open_image(CAT).tobytes()
    with pytest.raises(ImageError, match="holds text"):
        open_apart(b"Dear reader")
    monkeypatch.setenv("CNNLAB_DECODED_MEGAPIXELS", "1")  # its settings are those of now
    assert open_apart(png(Image.new("RGB", (2000, 1000)))).size == (1414, 707)
    with pytest.raises(Exception, match="the lab's own"):
        work("os:getcwd")


@pytest.mark.fault("A picture takes minutes to decode", "Its decoder is ended; a sentence; the next picture is opened")
def test_computing_time_is_bounded(monkeypatch):
    monkeypatch.setenv("CNNLAB_DECODE_SECONDS", "1")
    monkeypatch.setattr("cnnlab_core.runtime.apart._PATIENCE", 60)  # the system ends it, not the clock
    with pytest.raises(ImageError, match="more than the 1 seconds of computing"):
        open_apart(plain_ppm(1700))
    assert opens()


@pytest.mark.fault(
    "A picture takes gigabytes to decode", "Its decoder is refused them; a sentence; nobody else notices"
)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory")
def test_memory_is_bounded(monkeypatch):
    monkeypatch.setenv("CNNLAB_DECODE_MB", "300")
    with pytest.raises(ImageError, match="memory"):
        open_apart(png(Image.new("RGBA", (8000, 5000))))
    assert opens()


def test_it_is_not_told_the_teachers_key(monkeypatch):
    monkeypatch.setenv("CNNLAB_TEACHER_KEY", "correct horse battery")
    monkeypatch.setenv("CNNLAB_UPLOAD_MB", "7")
    given = []
    monkeypatch.setattr("cnnlab_core.runtime.apart.subprocess.Popen", lambda *_, env, **__: given.append(env))
    _start()
    assert given[0]["CNNLAB_UPLOAD_MB"] == "7"
    assert "CNNLAB_TEACHER_KEY" not in given[0]


@pytest.mark.fault("The process that decodes is killed", "That picture gets a sentence, the next one a new process")
def test_a_killed_helper_is_replaced():
    assert opens()
    os.kill(pid(), signal.SIGKILL)
    apart()._process.wait()
    assert opens()
    job = open_apart_steps(plain_ppm(1700))
    next(job)
    os.kill(pid(), signal.SIGKILL)
    with pytest.raises(ImageError, match="damaged, or takes more than"):
        finish(job)
    assert opens()


@pytest.mark.fault("A visitor stops or leaves while a picture is decoded", "The decoder is ended at once")
def test_closing_ends_it_and_others_come_in_their_turn():
    assert opens()
    slow, helper = open_apart_steps(plain_ppm(1700)), pid()
    next(slow)
    told, sizes = [], []

    def ask():
        job = open_apart_steps(CAT)
        told.append(next(job).ahead)
        sizes.append(finish(job).size)

    waits = threading.Thread(target=ask)
    waits.start()
    until(lambda: told)
    gives_up = open_apart_steps(CAT)
    next(gives_up)
    gives_up.close()
    slow.close()
    waits.join(patience(20))
    assert told == [1]
    assert sizes == [(451, 300)]
    assert pid() != helper


def test_the_clock_ends_it_where_the_system_does_not(monkeypatch):
    monkeypatch.setattr("cnnlab_core.runtime.apart._PATIENCE", 0.02)
    with pytest.raises(ImageError, match="seconds of computing"):
        open_apart(plain_ppm(1700))
    monkeypatch.undo()
    assert opens()


def test_an_answer_is_bounded(monkeypatch):
    monkeypatch.setattr("cnnlab_core.runtime.apart.MOST_ANSWER", 100_000)
    with pytest.raises(EndedError):
        work(HERE, CAT)
    monkeypatch.undo()
    assert opens()


LAB = """
import sys, time
from hostile import plain_ppm
from cnnlab_core.images import open_apart_steps
from cnnlab_core.runtime.apart import apart
job = open_apart_steps(plain_ppm(1700))
next(job)
print(apart()._process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.fault("The lab is killed (SIGKILL) while it decodes", "The decoder ends with it, and leaves no files")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_ends_with_the_lab(tmp_path):
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    lab = subprocess.Popen([sys.executable, "-c", LAB], stdout=subprocess.PIPE, env=environment, cwd=tmp_path)
    helper = int(lab.stdout.readline())
    assert os.path.exists(f"/proc/{helper}")
    lab.kill()
    lab.wait()
    until(lambda: not os.path.exists(f"/proc/{helper}"), 10)
    assert not list(tmp_path.iterdir())


def test_many_passes_are_counted_and_the_rest_is_ended():
    with pytest.raises(ImageError, match="more than 100 passes"):
        open_image(jpeg_of_scans(2000))
    assert open_image(jpeg_of_scans(3)).size == (64, 64)
