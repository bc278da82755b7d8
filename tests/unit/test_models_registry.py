"""One load for everybody, a byte budget, and nothing in use is ever put away."""

import gc
import threading
import time

import pytest
import torch
from patience import patience
from torch import nn

from cnnlab_core.errors import DeviceError, WeightsError
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.models.registry import Key, Registry, registry

A, B, C = "resnet18", "googlenet", "squeezenet1_1"
SIZE = {name: 4 * find_spec(name).parameters for name in (A, B, C)}


def key(name):
    return Key(name, "random", "cpu", 0)


def stand_in(spec, wanted):
    """A network with as many bytes as the real one."""
    network = nn.Module()
    network.weight = nn.Parameter(torch.empty(spec.parameters), requires_grad=False)
    return network


def together(count, work):
    barrier, results = threading.Barrier(count), []

    def one():
        barrier.wait()
        try:
            results.append(work())
        except Exception as problem:
            results.append(problem)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience(30))
    return results


def test_thirty_askers_cause_one_load_and_share_one_network():
    loads = []

    def slow(spec, wanted):
        loads.append(wanted)
        time.sleep(0.05)
        return stand_in(spec, wanted)

    shared = Registry(10**9, slow)
    models = together(30, lambda: shared.get(key(A)))
    assert loads == [key(A)]
    assert len({id(model.network) for model in models}) == 1
    assert shared.loaded() == {key(A): (SIZE[A], 30)}
    del models
    gc.collect()
    assert shared.loaded() == {key(A): (SIZE[A], 0)}


def test_a_failed_load_fails_for_all_who_asked_and_can_be_tried_again():
    attempts = []

    def failing(spec, wanted):
        attempts.append(1)
        if len(attempts) <= 3:
            raise WeightsError("The file is damaged.")
        return stand_in(spec, wanted)

    shared = Registry(10**9, failing)
    assert all(isinstance(result, WeightsError) for result in together(3, lambda: shared.get(key(A))))
    assert shared.loaded() == {}
    assert shared.get(key(A))


def test_the_quick_copy_counts_and_is_left_out_where_there_is_no_room_for_it():
    def with_norm(spec, wanted):
        network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3)).eval()
        network.weight = stand_in(spec, wanted).weight
        return network

    shared = Registry(2 * SIZE[A], with_norm)
    model = shared.get(key(A))
    own = sum(t.numel() * t.element_size() for t in (*model.network.parameters(), *model.network.buffers()))
    ((size, _),) = shared.loaded().values()
    assert model.quick is not None
    assert size == own + 4 * (model.network[0].weight.numel() + 8)  # one convolution is folded, the other one shared
    tight = Registry(own, with_norm)
    assert tight.get(key(A)).quick is None
    assert [size for size, _ in tight.loaded().values()] == [own]


def test_the_least_recently_used_goes_first():
    shared = Registry(SIZE[A] + SIZE[B] + SIZE[C] - 1, stand_in)
    for name in (A, B, A):
        shared.get(key(name))
    shared.get(key(C))
    assert set(shared.loaded()) == {key(A), key(C)}


def test_what_is_in_use_is_never_put_away():
    shared = Registry(SIZE[A] + SIZE[C], stand_in)
    in_use = shared.get(key(A))
    shared.get(key(C))
    with pytest.raises(DeviceError, match="full with models in use"):
        shared.get(key(B))
    assert key(A) in shared.loaded()
    assert shared.get(key(A)).network is in_use.network
    shared.put_away_idle()
    assert set(shared.loaded()) == {key(A)}
    del in_use
    assert shared.get(key(B))
    assert set(shared.loaded()) == {key(B)}


def test_many_threads_stay_within_the_budget():
    shared = Registry(SIZE[A] + SIZE[B], stand_in)
    most = []

    def session():
        for name in (A, B, C, B, A, C) * 5:
            model = shared.get(key(name))
            most.append(sum(size for size, _ in shared.loaded().values()))
            assert model.network.weight.numel() * 4 == SIZE[name]
            del model

    results = together(6, session)
    assert max(most) <= shared.budget
    assert all(result is None or isinstance(result, DeviceError) for result in results)
    gc.collect()
    assert all(users == 0 for _, users in shared.loaded().values())


def test_models_are_shared_and_unchanged_by_use():
    first, second = load_model(device="cpu", name="efficientnet_lite0"), load_model("efficientnet_lite0", device="cpu")
    assert first.network is second.network
    assert first is not second
    before = {name: value.clone() for name, value in first.network.state_dict().items()}
    random_state = torch.get_rng_state()

    def use():
        x = torch.full((1, 3, 224, 224), 0.5).requires_grad_()
        first(x).logsumexp(1).sum().backward()
        return x.grad

    gradients = together(4, use)
    assert all(torch.equal(gradients[0], gradient) for gradient in gradients)
    after = first.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not any(module._forward_hooks or module._backward_hooks for module in first.network.modules())
    assert registry() is registry()


def test_a_model_first_loaded_in_inference_mode_gives_gradients_to_everybody(monkeypatch):
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    with torch.inference_mode():
        model = load_model("squeezenet1_1", "random", seed=5)
        model(torch.rand(1, 3, 64, 64))
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x).sum(), x)
    assert gradient.any()
