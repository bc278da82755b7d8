"""The jobs that attack again and again agree with the attacks one by one, and their tables with them."""

import csv
import io

import numpy as np
import pytest
import torch

from cnnlab_core.attacks import fgsm, minimal_epsilon, pgd
from cnnlab_core.attacks.studies.sweep import (
    Curve,
    accuracy,
    class_in_name,
    compare_methods,
    levels,
    map_steps,
    smallest_epsilons,
    sweep_picture,
    sweep_table,
)
from cnnlab_core.attacks.sweep import sweep, sweep_steps
from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.runtime.jobs import finish

EPS = (0.0, 1 / 255, 4 / 255)
LABELS = ("tabby", "crane", "tiger cat", "crane", "black-and-tan coonhound")


@pytest.fixture(scope="module")
def model():
    return load_model("efficientnet_lite0")


@pytest.fixture(scope="module")
def x(model):
    return model.prepare(open_image(sample_images()["chelsea"].content))


def small_network():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 20), torch.nn.Tanh(), torch.nn.Linear(20, 9))


def small_picture():
    return torch.randint(0, 256, (1, 3, 4, 4), generator=torch.Generator().manual_seed(1)) / 255


def all_of(job):
    """The steps of a job, and what it returns."""
    returned = []

    def told():
        returned.append((yield from job))

    return list(told()), returned[0]


def curve(predicted, y=0, target=None, eps=EPS):
    """A curve whose most probable classes are given."""
    return Curve("fgsm", eps, y, target, 3.0 * np.eye(5)[list(predicted)])


def pixels_of(result):
    return result.x_adv_uint8[0].permute(1, 2, 0).numpy()


def test_a_swept_picture_holds_the_attacks_own_pictures(model, x):
    found = finish(sweep_picture(model, x, eps=EPS, method="fgsm", norm="linf", steps=3, target=76))
    for index, eps in enumerate(EPS):
        alone = fgsm(model, x, eps=eps, target=76)
        assert np.array_equal(found.pixels[index], pixels_of(alone))
        assert np.allclose(found.view(index).logits, alone.rounded.logits[0], atol=1e-4)
    assert found.curve.y == int(model(x).argmax())
    assert np.array_equal(found.pixels[0], (x[0].permute(1, 2, 0) * 255).round().numpy())
    # What the browser does: whole levels along the direction.
    moved = found.pixels[0].astype(int) + 4 * found.direction.astype(int)
    assert np.array_equal(moved.clip(0, 255), found.pixels[2])
    by_pgd = finish(sweep_picture(model, x, eps=EPS[1:], method="pgd", norm="l2", steps=2))
    assert by_pgd.direction is None
    assert np.array_equal(by_pgd.pixels[1], pixels_of(pgd(model, x, eps=EPS[2], norm="l2", steps=2, keep_best=True)))


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_epsilons_together_are_the_same_attack(method, norm):
    """On a network in float64, a batch of several epsilons changes nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 20), torch.nn.Tanh()).double()
    x = torch.rand(2, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    settings = {"eps": (0.0, 0.1, 0.5, 0.2, 0.3), "method": method, "norm": norm, "steps": 3}
    alone, together = sweep(network, x, **settings), sweep(network, x, **settings, together=2)
    assert torch.equal(alone.pictures, together.pictures)
    assert torch.allclose(alone.logits, together.logits)
    done = [step.done for step in sweep_steps(network, x, **settings, together=2)]
    assert done == sorted(done)
    assert done[-1] == 1
    with pytest.raises(InputError, match="at least one"):
        sweep(network, x, eps=(0.1,), together=0)


def test_a_curve_reads_its_logits():
    untargeted = curve([0, 1, 2])
    assert (untargeted.changes, untargeted.smallest) == (1 / 255, 1 / 255)
    assert untargeted.others.tolist() == [1, 1, 2]
    targeted = curve([0, 1, 2], target=2)
    assert (targeted.changes, targeted.smallest) == (1 / 255, 4 / 255)
    assert targeted.others.tolist() == [1, 1, 1]
    assert curve([0, 0, 0]).smallest is None
    top = np.exp(3) / (np.exp(3) + 4)
    assert np.allclose(targeted.probability(2), [1 / (np.exp(3) + 4)] * 2 + [top])
    assert np.allclose(targeted.probability(targeted.best), top)


def test_accuracy_is_the_share_still_named_right():
    assert accuracy([curve([0, 0, 1]), curve([4, 1, 1], y=4), curve([2, 2, 2], y=2)]).tolist() == [1, 2 / 3, 1 / 3]


def test_both_methods_grow_together(model, x):
    steps, curves = all_of(compare_methods(model, x, eps=EPS, norm="linf", steps=2, y=285, target=76))
    assert [found.method for found in curves] == ["fgsm", "pgd"]
    assert {(found.y, found.target) for found in curves} == {(285, 76)}
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    lengths = [tuple(len(found.eps) for found in step.curves) for step in steps]
    assert lengths[0] in ((), (1,))
    assert lengths[-1] == (3, 3)
    rows = list(csv.DictReader(io.StringIO(sweep_table(curves, model.categories, ["=a"] * 2))))
    assert [row["attack"] for row in rows] == ["FGSM"] * 3 + ["PGD"] * 3
    assert rows[0]["picture"] == "'=a"
    assert float(rows[5]["p_target"]) == pytest.approx(curves[1].probability(76)[2], rel=1e-6)
    assert float(rows[2]["p_class_before"]) == pytest.approx(curves[0].probability(285)[2], rel=1e-6)
    assert rows[4]["class"] == model.categories[curves[1].best[1]]
    assert rows[4]["fooled"] == str(curves[1].success[1])


def test_the_smallest_epsilon_is_the_cores_and_tells_of_rounding():
    network, x = small_network(), small_picture()
    y = int(network(x).argmax())
    for highest in (1.0, 1e-6):
        found = finish(smallest_epsilons(network, x, norm="linf", steps=2, highest=highest))
        for entry in found:
            alone = minimal_epsilon(network, x, method=entry.method, steps=2, highest=highest, iterations=12)
            assert entry.eps == (alone.eps.item() if highest == 1 else None)
            assert entry.precision == (alone.precision.item() if highest == 1 else 0)
            rounded = network((alone.x_adv * 255).round() / 255).argmax(-1)
            assert entry.rounded == (highest == 1 and bool((rounded != y).item()))


def test_the_map_holds_the_attacks_and_fills_in(model, x):
    told, cells = all_of(
        map_steps(model, x, eps=2 / 255, step_sizes=(1 / 255, 2 / 255), steps=(1, 2), norm="linf", target=76)
    )
    assert [(cell.step_size, cell.steps) for cell in cells] == [
        (1 / 255, 1), (1 / 255, 2), (2 / 255, 1), (2 / 255, 2)
    ]  # fmt: skip
    assert sorted({len(known) for _, known in told}) == [0, 1, 2, 3, 4]
    result = pgd(model, x, eps=2 / 255, step_size=1 / 255, steps=2, target=76)
    assert np.array_equal(cells[1].view.pixels, pixels_of(result))
    assert np.isclose(cells[1].loss, np.log(cells[1].view.probability(76)), atol=1e-4)
    assert cells[1].success == bool(result.success.item())


def test_file_names_can_tell_the_class():
    assert class_in_name("n02123045_tabby.JPEG", LABELS) == 0
    assert class_in_name("n02123159_tiger_cat.JPEG", LABELS) == 2
    assert class_in_name("Tabby.png", LABELS) == 0
    assert class_in_name("n02089078_black-and-tan_coonhound.jpg", LABELS) == 4
    assert class_in_name("n02012849_crane.JPEG", LABELS) is None  # a bird, or a machine?
    assert class_in_name("holiday.jpg", LABELS) is None


def test_epsilons_for_people():
    assert levels(4 / 255, "linf") == "4/255"
    assert levels(0.5 / 255, "linf") == "0.5/255"
    assert levels(1.5, "l2") == "1.5"
