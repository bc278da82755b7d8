"""The cards of the shipped networks, figure by figure by other means: loops, scipy, PIL and torchattacks."""

import io

import numpy as np
import pytest
import torch
import torchattacks
from PIL import Image, ImageOps
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest
from torch import nn

from cnnlab_core.data import open_data_steps
from cnnlab_core.errors import DataError
from cnnlab_core.evaluation import corruptions, draw_pictures, figures, read_card, wilson
from cnnlab_core.evaluation.card import ACCURACY, CORRUPTED, ECE, ECE_AFTER, ROBUST, TEMPERATURE
from cnnlab_core.evaluation.card_files import shipped_path
from cnnlab_core.evaluation.document import PLACE, document, shipped_cards, shipped_networks
from cnnlab_core.evaluation.robustness import FOOLED_IN_FLOATS, NEAREST, STEPS
from cnnlab_core.images import to_tensor
from cnnlab_core.models import load_model
from cnnlab_core.runtime.jobs import finish

SOME = [("glass_digits", 20), *(pytest.param((name, 200), marks=pytest.mark.wide) for name in shipped_networks())]
SEEDS = range(3)


def test_the_document_says_what_the_cards_say():
    cards = shipped_cards()
    assert [card.network for card in cards] == list(shipped_networks())
    assert all(card.finished for card in cards)
    assert PLACE.read_text(encoding="utf-8") == document(cards), "write it by python -m cnnlab_core.evaluation"
    for card in cards:
        assert card.weights == load_model(card.network, device="cpu").identity


@pytest.mark.parametrize("name", shipped_networks())
def test_the_figures_follow_from_the_answers(name):
    card = read_card(shipped_path(name))
    z, labels = torch.from_numpy(card.logits.copy()).double(), torch.from_numpy(card.labels)
    right, half = (z.argmax(1) == labels), len(labels) // 2
    found = {figure.called: figure for figure in figures(card)}

    def nll(log_t):
        return nn.functional.cross_entropy(z[:half] / np.exp(log_t), labels[:half]).item()

    def ece(temperature):
        p = (z[half:] / temperature).softmax(1).amax(1)
        gaps = [
            (p[rows] - right[half:][rows].double()).sum().abs()
            for k in range(15)
            if (rows := (p > k / 15) & (p <= (k + 1) / 15)).any()
        ]
        return (sum(gaps) / (len(z) - half)).item()

    best = float(np.exp(minimize_scalar(nll, (-1, 1)).x))
    between = binomtest(int(right.sum()), len(labels)).proportion_ci(0.95, "wilson")
    assert found[ACCURACY].value == right.double().mean().item()
    assert found[ACCURACY].interval == pytest.approx((between.low, between.high))
    assert found[TEMPERATURE].value == pytest.approx(best, rel=1e-4)
    assert found[ECE].value == pytest.approx(ece(1.0), abs=1e-6)
    assert found[ECE_AFTER].value == pytest.approx(ece(found[TEMPERATURE].value), abs=1e-6)
    for name in (TEMPERATURE, ECE, ECE_AFTER):
        low, high = found[name].interval
        assert low <= found[name].value <= high + 1e-12
    mean = np.mean([row.right.right / row.right.of for row in card.corruptions])
    assert found[CORRUPTED].value == pytest.approx(mean)
    stands = (card.robustness.found < FOOLED_IN_FLOATS).all(0) & card.robustness.right
    assert found[ROBUST].value == stands.mean()
    alone = (card.robustness.found < FOOLED_IN_FLOATS) & card.robustness.right
    assert stands.sum() <= alone.sum(1).min(), "the worst case is no better than any of its parts"


@pytest.fixture(params=SOME, ids=lambda some: "-".join(map(str, some)), scope="module")
def measured(request):
    """A shipped card, its network, and the first of its pictures with their classes."""
    name, count = request.param
    card = read_card(shipped_path(name))
    if card.data == "cifar10":
        try:
            finish(open_data_steps("cifar10"))
        except DataError as error:
            pytest.fail(f"The card of {name} can't be recomputed, because no copy of CIFAR-10 is to be had: {error}")
    model = load_model(name, device="cpu")
    drawn = draw_pictures(model, card.data, len(card.index), card.seed)
    assert np.array_equal(drawn.index, card.index)
    assert np.array_equal(drawn.y.numpy(), card.labels)
    return card, model, drawn.x[:count], drawn.y[:count]


def test_the_answers_are_those_of_the_published_graph(measured):
    card, model, x, y = measured
    with torch.no_grad():
        logits = model.published(x)
    assert np.allclose(card.logits[: len(x)], logits, atol=2e-3)
    assert np.array_equal(card.robustness.right[: len(x)], logits.argmax(1) == y)


class Module(nn.Module):
    """A network of the lab as the module that torchattacks wants."""

    def __init__(self, model):
        super().__init__()
        self.model, self.network = model, model.network

    def forward(self, x):
        return self.model(x)


def test_as_many_stand_as_after_the_peers(measured, note):
    """After each attack, all with the card's numbers of steps: within a point, and what the peers' seeds differ by."""
    card, model, x, y = measured
    module, eps, count = Module(model).eval(), card.eps, len(x)
    pgd, ce, targeted, squares = STEPS.values()
    peers = {
        "PGD-20": lambda seed: torchattacks.PGD(module, eps=eps, alpha=2.5 * eps / pgd, steps=pgd),
        "APGD-CE": lambda seed: torchattacks.APGD(module, eps=eps, steps=ce, seed=seed),
        "APGD-T": lambda seed: torchattacks.APGDT(module, eps=eps, steps=targeted, n_classes=NEAREST + 1, seed=seed),
        "Square": lambda seed: torchattacks.Square(module, eps=eps, n_queries=squares, seed=seed),
    }
    theirs = {name: [] for name in peers}
    for seed in SEEDS:
        stands = torch.from_numpy(card.robustness.right[:count].copy())
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for name, peer in peers.items():
                if stands.any():
                    rows = stands.nonzero()[:, 0]
                    x_adv = peer(seed)(x[rows], y[rows])
                    assert ((x_adv - x[rows]).abs() <= eps + 1e-6).all()
                    with torch.no_grad():
                        stands[rows] = model(x_adv).argmax(1) == y[rows]
                theirs[name].append(int(stands.sum()))
    stands = card.robustness.right[:count]
    assert list(card.robustness.names) == list(peers)
    for name, row in zip(peers, card.robustness.found[:, :count], strict=True):
        stands = stands & (row < FOOLED_IN_FLOATS)
        note(f"{card.network}, {count} pictures, still right after {name}: {stands.sum()}, torchattacks {theirs[name]}")
        spread = max(theirs[name]) - min(theirs[name]) + max(count / 100, 1)
        assert min(theirs[name]) - spread <= stands.sum() <= max(theirs[name]) + spread, name


def jpeg(picture, strength):
    file = io.BytesIO()
    picture.save(file, "jpeg", quality=int(strength))
    return Image.open(file)


BY_PIL = {
    "mirror": lambda picture, strength: ImageOps.mirror(picture),
    # Not ImageEnhance, which floors.
    "brightness": lambda picture, strength: picture.point(lambda level: round(level * strength / 100)),
    "jpeg": jpeg,
}


def test_as_many_stand_as_when_pil_changes_the_pictures(measured):
    card, model, x, y = measured
    pictures = [Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy()) for picture in x]
    shipped = {(row.name, row.severity): row for row in card.corruptions}
    for row in corruptions(model, x, y, transforms=tuple(BY_PIL)):
        changed = torch.cat([to_tensor(BY_PIL[row.name](picture, row.strength)) for picture in pictures])
        with torch.no_grad():
            right = int((model.published(changed).argmax(1) == y).sum())
        assert abs(row.right.right - right) <= (0 if row.name == "mirror" else 0.02 * len(x)), row.title
        whole = shipped[row.name, row.severity]
        assert whole.strength == row.strength
        low, high = wilson(right, len(x), 0.999)
        assert low <= whole.right.value <= high, row.title
