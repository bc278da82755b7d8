"""The jobs that attack again and again agree with the attacks one by one, and their tables with them."""

import csv
import io

import numpy as np
import pytest
import torch
from places import IMAGENET_SAMPLES

from cnnlab_core.attacks import Threat, fgsm, l1_adam, minimal_epsilon, pgd
from cnnlab_core.attacks.methods import METHODS, Plan
from cnnlab_core.attacks.step_map import step_map_steps
from cnnlab_core.attacks.studies.step_size import map_table
from cnnlab_core.attacks.studies.sweep import (
    accuracy,
    class_in_name,
    compare_attacks_steps,
    for_pictures_steps,
    smallest_epsilons_steps,
    sweep_table,
)
from cnnlab_core.attacks.sweep import Curve, sweep, sweep_steps
from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.images.levels import distance, distance_code, levels
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.models.registry import categories
from cnnlab_core.models.synsets import synsets
from cnnlab_core.models.zoo import DEFAULT_MODEL
from cnnlab_core.runtime.jobs import finish

EPS = (0.0, 1 / 255, 4 / 255)
PLANS = (Plan("fgsm"), Plan("pgd", steps=2, step_size=None, keep_best=True))
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
    return Curve("FGSM", eps, y, target, 3.0 * np.eye(5)[list(predicted)])


def pixels_of(result):
    return result.x_adv_uint8[0].permute(1, 2, 0).numpy()


def test_the_usual_penalty_of_l1_by_adam_makes_the_change_small(model, x):
    free, usual, strict = (l1_adam(model, x, target=76, steps=8, **more) for more in ({"alpha": 0}, {}, {"alpha": 100}))
    assert free.success
    assert usual.success
    assert usual.rounded.l1 < 0.3 * free.rounded.l1
    assert not strict.success


def test_a_swept_picture_holds_the_attacks_own_pictures(model, x):
    found = sweep(model, x, eps=EPS, target=76)
    for index, eps in enumerate(EPS):
        alone = fgsm(model, x, eps=eps, target=76)
        assert np.array_equal(found.view(index).pixels, pixels_of(alone))
        assert np.allclose(found.view(index).logits, alone.rounded.logits[0], atol=1e-4)
    assert found.curve().y == int(model(x).argmax())
    assert np.array_equal(found.view(0).pixels, (x[0].permute(1, 2, 0) * 255).round().numpy())
    # What the browser does: whole levels along the direction.
    moved = found.view(0).pixels.astype(int) + 4 * found.direction[0].permute(1, 2, 0).numpy().astype(int)
    assert np.array_equal(moved.clip(0, 255), found.view(2).pixels)
    by_pgd = sweep(model, x, eps=EPS[1:], method="pgd", norm="l2", steps=2)
    assert by_pgd.direction is None
    assert np.array_equal(
        by_pgd.view(1).pixels, pixels_of(pgd(model, x, eps=EPS[2], norm="l2", steps=2, keep_best=True))
    )


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
    done = [step.share for step in sweep_steps(network, x, **settings, together=2)]
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


def test_accuracy_is_the_share_still_classified_correctly():
    assert accuracy([curve([0, 0, 1]), curve([4, 1, 1], y=4), curve([2, 2, 2], y=2)]).tolist() == [1, 2 / 3, 1 / 3]


def test_both_methods_grow_together(model, x):
    steps, curves = all_of(compare_attacks_steps(model, x, PLANS, eps=EPS, y=285, target=76))
    assert [found.title for found in curves] == ["FGSM", "PGD"]
    assert {(found.y, found.target) for found in curves} == {(285, 76)}
    assert [step.share for step in steps] == sorted(step.share for step in steps)
    lengths = [tuple(len(found.eps) for found in step.latest) for step in steps]
    assert lengths[0] in ((), (1,))
    assert lengths[-1] == (3, 3)
    rows = list(csv.DictReader(io.StringIO(sweep_table(curves, model.categories, ["=a"] * 2))))
    assert [row["attack"] for row in rows] == ["FGSM"] * 3 + ["PGD"] * 3
    assert rows[0]["picture"] == "'=a"
    assert float(rows[5]["p_target"]) == pytest.approx(curves[1].probability(76)[2], rel=1e-6)
    assert float(rows[2]["p_class_before"]) == pytest.approx(curves[0].probability(285)[2], rel=1e-6)
    assert rows[4]["class"] == model.categories[curves[1].best[1]]
    assert rows[4]["fooled"] == str(curves[1].success[1])


def test_the_smallest_epsilon_is_the_cores():
    network, x = small_network(), small_picture()
    for highest in (1.0, 1e-6):
        steps, found = all_of(smallest_epsilons_steps(network, x, PLANS, highest=highest))
        assert [step.share for step in steps] == sorted(step.share for step in steps)
        for entry, plan in zip(found, PLANS, strict=True):
            alone = minimal_epsilon(network, x, method=plan.method, steps=2, highest=highest, iterations=12)
            assert entry.plan == plan
            assert entry.smallest == ([alone.eps.item()] if highest == 1 else [None])
            assert torch.equal(entry.x_adv, alone.x_adv)
            inside = Threat.around(x, "linf", alone.tried).in_eight_bits(alone.x_adv)
            assert torch.equal(entry.rounded, network(inside).argmax(-1) != network(x).argmax(-1))


def test_pictures_are_studied_one_after_the_other(model):
    pictures = [(sample_images()[name].content, y) for name, y in (("chelsea", None), ("coffee", 967))]
    steps, curves = all_of(
        for_pictures_steps(model, pictures, lambda x, y: compare_attacks_steps(model, x, PLANS[:1], eps=EPS[:2], y=y))
    )
    assert [found[0].y for found in curves] == [282, 967]
    assert [step.share for step in steps] == sorted(step.share for step in steps)
    assert max(len(step.latest or ()) for step in steps) == 2, "none while the first is being opened"
    assert steps[-1].latest[0] is curves[0]


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.takes("eps")])
def test_any_attack_with_an_epsilon_can_be_swept_and_bisected(method):
    network, x = small_network(), small_picture()
    settings = {"step_size": 5.0} if METHODS[method].step_unit == "gradient" else {}
    target = (int(network(x).argmax()) + 1) % 9
    found = sweep(network, x, eps=(0.0, 0.2), method=method, target=target, steps=3, **settings)
    plan = METHODS[method].plan(**settings, steps=3, eps=0.2).over_epsilon()
    alone = finish(plan.start(network, x, target=target))
    assert torch.equal(found.pictures[1], alone.x_adv_uint8)
    eps = minimal_epsilon(network, x, target=target, method=plan, iterations=9, highest=0.5)
    assert eps.smallest[0] is None or 0 < eps.smallest[0] <= 0.5


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if not method.takes("eps")])
def test_an_attack_without_an_epsilon_has_no_sweep(method):
    for job in (sweep, minimal_epsilon):
        with pytest.raises(InputError, match=r"has no epsilon\. Choose one of FGSM, PGD"):
            job(small_network(), small_picture(), method=method, **({"eps": (0.1,)} if job is sweep else {}))


def test_an_unknown_setting_or_attack_is_a_sentence():
    with pytest.raises(InputError, match="no setting “momentun”"):
        sweep(small_network(), small_picture(), eps=(0.1,), method="pgd", momentun=0.5)
    with pytest.raises(InputError, match="no attack “houdini”"):
        minimal_epsilon(small_network(), small_picture(), method="houdini")


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.takes("step_size", "steps")])
def test_the_map_holds_the_attacks_and_fills_in(method):
    network, x = small_network(), small_picture()
    target = (int(network(x).argmax()) + 1) % 9
    plan = METHODS[method].plan(eps=0.1)
    told, cells = all_of(step_map_steps(network, x, step_sizes=(0.05, 0.1), steps=(1, 2), method=plan, target=target))
    assert [(cell.step_size, cell.steps) for cell in cells] == [(0.05, 1), (0.05, 2), (0.1, 1), (0.1, 2)]
    assert sorted({len(step.latest) for step in told}) == [0, 1, 2, 3, 4]
    result = finish(METHODS[method].plan(eps=0.1, step_size=0.05, steps=2).start(network, x, target=target))
    assert np.array_equal(cells[1].view().pixels, pixels_of(result))
    logits = network(cells[1].pictures / 255)
    assert cells[1].success == (logits.argmax().item() == target)
    assert len(map_table(cells, [str(index) for index in range(9)]).splitlines()) == 5


def test_file_names_can_tell_the_class():
    assert class_in_name("n02123045_tabby.JPEG", LABELS) == 0
    assert class_in_name("n02123159_tiger_cat.JPEG", LABELS) == 2
    assert class_in_name("Tabby.png", LABELS) == 0
    assert class_in_name("n02089078_black-and-tan_coonhound.jpg", LABELS) == 4
    assert class_in_name("n02012849_crane.JPEG", LABELS) is None  # a bird, or a machine?
    assert class_in_name("holiday.jpg", LABELS) is None


@pytest.mark.parametrize(
    ("file", "index"),
    [
        ("n02012849_crane.JPEG", 134), ("n03126707_crane.JPEG", 517), ("n03710721_maillot.JPEG", 639),
        ("n03710637_maillot.JPEG", 638), ("n02113186_Cardigan.JPEG", 264), ("n02963159_cardigan.JPEG", 474),
        ("n04355933_sunglass.jpg", 836), ("n04356056_sunglasses.jpg", 837), ("n04008634_missile.png", 744),
        ("n03773504_missile.png", 657), ("n02012849_10010.JPEG", 134), ("N02012849_CRANE.JPEG", 134),
        ("ILSVRC2012_val_00000293_n02012849.JPEG", 134), ("n02012849/x_517.png", 134), ("n02012849_tabby.JPEG", 134),
        ("n00000001_tabby.JPEG", None), ("n02012849_n03126707.JPEG", None), ("tabby.JPEG", 281), ("crane.jpg", 517),
    ],
)  # fmt: skip
def test_the_synset_decides_which_of_imagenets_classes_a_name_tells(file, index):
    assert class_in_name(file, categories(find_spec(DEFAULT_MODEL))) == index


def test_every_sample_of_imagenet_has_the_class_that_its_words_tell():
    labels = categories(find_spec(DEFAULT_MODEL))
    assert len(synsets()) == len(labels) == 1000
    for path in IMAGENET_SAMPLES.glob("*.JPEG"):
        words = path.stem.split("_", 1)[1].replace("_", " ").lower()
        assert labels[class_in_name(path.name, labels)].lower().startswith(words)


def test_epsilons_for_people():
    assert levels(4 / 255) == "4/255"
    assert distance(0.5 / 255, "linf") == "0.5/255"
    assert distance(1.5, "l2") == "1.5"
    assert distance_code(4 / 255, "linf") == "4 / 255"
    assert distance_code(0.25, "l2") == "0.25"
