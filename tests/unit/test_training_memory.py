"""What memory a training takes: told before, refused where it is too much, bounded while it runs."""

import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path

import pytest
import torch
from patience import until
from torch.profiler import ProfilerActivity, profile
from training_runs import lab_folders, tiny  # noqa: F401  a fixture

from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training import Config, check, create_run, estimate, launch, trial
from cnnlab_core.training import memory as memory_module
from cnnlab_core.training.estimate import measure_speed_steps, tried
from cnnlab_core.training.memory import step_bytes
from cnnlab_core.training.nets import build_net

WIDE = "c1024k1,norm,relu,c1024k1,norm,relu"


def test_a_step_takes_what_its_layers_keep():
    """By hand: what each layer needs on its way back, for 2 pictures of 3 × 16 × 16."""
    with torch.device("meta"):
        network = build_net("stack", 10, 16, "c8k1,relu")
        taken = step_bytes(network, torch.empty(2, 3, 16, 16))
    picture, maps = 4 * 2 * 3 * 16 * 16, 4 * 2 * 8 * 16 * 16
    weights = 8 * 3 + 8 + 8 * 10 + 10
    # the picture (for the convolution, and as input), the maps once and twice more, their average
    assert taken == 2 * picture + 3 * maps + 4 * 2 * 8 + 16 * weights


@pytest.mark.parametrize(
    ("stack", "batch"), [("c32k3p1,norm,relu,c32k3p1,norm,relu,m2s2", 16), ("c64k1,relu,c64k1", 8)]
)
def test_it_is_what_torch_allocates(stack, batch):
    network, x = build_net("stack", 10, 32, stack), torch.rand(batch, 3, 32, 32)
    optimizer = torch.optim.AdamW(network.parameters())
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        for _ in range(2):  # the optimiser's own numbers are made in the first
            optimizer.zero_grad()
            network(x).sum().backward()
            optimizer.step()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    most = max(accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())))
    with torch.device("meta"):
        told = step_bytes(build_net("stack", 10, 32, stack), torch.empty(batch, 3, 32, 32))
    assert 0.9 < told / most < 1.6


@pytest.mark.fault(
    "A training wants more memory than the server can spare",
    "It is refused before it starts, in the form as in a terminal",
)
def test_a_training_that_needs_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(memory_module, "available_memory", lambda device: 1_000_000_000)
    with pytest.raises(InputError, match=r"needs about 8\.1 GB of memory, more than the 0\.5 GB .*smaller batch"):
        check(tiny(stack=WIDE, batch=320))
    monkeypatch.setenv("CNNLAB_RUN_MEMORY", "1")
    check(tiny())
    monkeypatch.setattr(memory_module, "available_memory", lambda device: 100_000_000)
    with pytest.raises(InputError, match=r"more than the 0\.0 GB"):
        check(tiny())
    with pytest.raises(InputError, match="smaller batch"):
        check(Config(data="names", net="lstm", hidden=512, batch=256))


def test_of_a_large_batch_few_pictures_are_tried(monkeypatch):
    monkeypatch.setattr(memory_module, "available_memory", lambda device: 10**11)
    config = tiny(stack=WIDE, batch=320)
    facts = check(config)
    small = tried(config, facts)
    assert 2 <= small.batch < 16
    assert check(small).step_bytes < estimate.MOST_TRIED_BYTES
    assert tried(tiny(), check(tiny())).batch == 32


def test_the_speed_is_measured_in_a_process_of_its_own(monkeypatch):
    config, started = tiny(), []
    facts, begin = check(config), launch.begin_process

    def noted(*command, **options):
        started.append(begin(*command, **options))
        return started[-1]

    monkeypatch.setattr(trial, "begin_process", noted)
    assert finish(measure_speed_steps(config, facts)) > 0
    job = measure_speed_steps(config, facts)
    next(job)
    job.close()  # Stop
    assert [process.poll() is not None for process in started] == [True, True]


@pytest.mark.skipif(sys.platform == "win32", reason="there only the time on the clock is bounded")
def test_a_trial_gives_what_it_found_in_its_own_time_however_long_it_had_to_wait(monkeypatch):
    """Its time is that of the cores: beside other programs it is given longer on the clock."""
    monkeypatch.setattr(trial, "_BESIDE_OTHERS", 10_000.0)
    started, begin = [], launch.begin_process

    def noted(*command, **options):
        started.append(begin(*command, **options))
        return started[-1]

    monkeypatch.setattr(trial, "begin_process", noted)
    config = tiny(stack="c32k3p1,relu,c32k3p1,relu")
    question = {"config": asdict(config), "low": 1e-5, "high": 1e-4, "steps": 1000}
    found = finish(trial.trial_steps("rates", json.dumps(question), 4.0))
    assert 0 < len(found) < 1000
    assert started[0].returncode == -signal.SIGXCPU


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux")
@pytest.mark.fault(
    "A trainer takes more memory than the server can spare", "It fails with a sentence, and is the first to be ended"
)
def test_a_trainer_that_takes_too_much_fails_alone(monkeypatch):
    monkeypatch.setenv("CNNLAB_RUN_MEMORY", "1")
    run = create_run(tiny(stack=WIDE, batch=320))  # unchecked
    launch.launch(run)
    until(lambda: run.metrics().states)
    pid, worst = run.metrics().states[0]["pid"], []

    def ended():
        with suppress(OSError):  # gone
            worst.append(int(Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="utf-8")))
        return run.state().name == "failed"

    until(ended)
    assert "isn't enough memory" in run.state().sentence
    assert max(worst) > int(Path(f"/proc/{os.getpid()}/oom_score_adj").read_text(encoding="utf-8"))


@pytest.mark.fault("A trainer takes more of a GPU than it may", "It is refused at the start, or fails with a sentence")
def test_on_a_gpu_it_is_its_memory_that_is_bounded(monkeypatch):
    monkeypatch.setattr(memory_module, "pick_device", lambda: torch.device("cuda", 1))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (6 * 10**9, 16 * 10**9))  # free, and in all
    monkeypatch.setattr("resource.setrlimit", lambda *_: pytest.fail("the driver needs addresses"))
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: 0)  # not of the process that tests
    bounds = []
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *bound: bounds.append(bound))
    memory_module.bound_this_process()  # half of what is free, and what convolutions take
    monkeypatch.setenv("CNNLAB_RUN_MEMORY", "100")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (16 * 10**9, 16 * 10**9))
    memory_module.bound_this_process()
    assert bounds == [(pytest.approx(4 / 16), torch.device("cuda:1")), (1.0, torch.device("cuda:1"))]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (6 * 10**9, 16 * 10**9))
    monkeypatch.setenv("CNNLAB_RUN_MEMORY", "50")
    with pytest.raises(InputError, match=r"more than the 3\.0 GB"):
        check(tiny(stack=WIDE, batch=320))
