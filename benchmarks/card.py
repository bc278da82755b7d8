"""Report cards of 500 pictures of the CIFAR pair: processor time, robust accuracy; beside torchattacks' AutoAttack.

Some twenty minutes of one core, nearly all of them AutoAttack's.
"""

import time
from dataclasses import replace

import torch
import torchattacks
from torch import Tensor

from benchmarks.attacks import Module
from benchmarks.measure import TINY, Row, count, size
from cnnlab_core.data import open_data_steps
from cnnlab_core.evaluation import draw_pictures, robustness
from cnnlab_core.evaluation.card import blank_card, card_steps
from cnnlab_core.evaluation.pictures import PER_ATTACKED, USUAL
from cnnlab_core.models import load_model
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import finish

PAIR = ("glass_digits",) if TINY else ("cifar10_standard", "cifar10_adversarial")
ATTACKED = count(USUAL, 30)
EPS = size(8 / 255, tiny=0.08)
QUERIES = count(5000, 20)


def measure() -> list[Row]:
    torch.set_num_threads(1)  # as in the lab: a job has one thread
    if not TINY:
        finish(open_data_steps("cifar10"))
    return [row for name in PAIR for row in _of(load_model(name, device="cpu"))]


def _of(model: LoadedModel) -> list[Row]:
    drawn = draw_pictures(model, count=ATTACKED * PER_ATTACKED)
    x, y = drawn.x[:ATTACKED], drawn.y[:ATTACKED]
    begun = time.process_time()
    robust = robustness(model, x, y, eps=EPS)
    attacked = time.process_time() - begun
    finish(card_steps(model, drawn.x, drawn.y, replace(blank_card(model, drawn, ATTACKED, EPS), robustness=robust)))
    whole = time.process_time() - begun
    begun = time.process_time()
    stands = _stands(model, x, y)
    theirs = time.process_time() - begun
    wrong, wrong_too = (100 * (1 - share) for share in (robust.worst.value, float(stands.double().mean())))
    what, peer = f"{model.spec.name}, {ATTACKED} pictures", "torchattacks' AutoAttack"
    return [
        Row(f"the card of {what}", whole, peer, theirs, "s"),
        Row(f"robust accuracy of {what}", attacked, peer, theirs, "s"),
        Row(f"misnamed under attack, {what}", wrong, peer, wrong_too, "%"),
    ]


def _stands(model: LoadedModel, x: Tensor, y: Tensor) -> Tensor:
    """Which pictures (N,) are still named right after AutoAttack as torchattacks has it: ten steps of APGD, ten of
    APGD-T and of FAB-T towards each other class, and 5,000 squares."""
    module = Module(model).eval()
    module.network = model.network  # by whose parameters the peer finds the device
    attack = torchattacks.AutoAttack(module, eps=EPS, n_classes=len(model.categories), seed=0)
    for part in attack._autoattack.attacks:
        if isinstance(part, torchattacks.Square):
            part.n_queries = QUERIES
    with torch.random.fork_rng():
        x_adv = attack(x, y)
    with torch.no_grad():
        return model(x_adv).argmax(1) == y
