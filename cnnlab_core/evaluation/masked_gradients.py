"""Is a network robust, or does it only hide its gradient? After Athalye, Carlini & Wagner 2018 (arXiv:1802.00420) and
Carlini et al. 2019 (arXiv:1902.06705)."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive
from cnnlab_core.attacks.loop import Attack, AttackStep
from cnnlab_core.attacks.objective import Classifier, Forward, Goal, NoGradientError, logits_of
from cnnlab_core.attacks.pgd import pgd_steps
from cnnlab_core.attacks.square import square_steps
from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.evaluation.pictures import check_labelled
from cnnlab_core.evaluation.robustness import EPS, FOOLED_IN_FLOATS, STEPS, Robustness
from cnnlab_core.runtime.jobs import Progress, plainly, relay

MOST_CHECKED = 100
_STEPS = (5, STEPS["PGD-20"])
_QUERIES = 300
_WIDE = 0.5
"""Every picture can be made plain grey within it, so nothing is left to be right about."""
_CHANCE = 0.03
"""By such a share of the pictures two attacks may differ without a reason."""
_CHECKS = 5

Start = Callable[[Tensor, Tensor, int], Attack]
"""How an attack starts on pictures, classes and a seed."""


@dataclass(frozen=True)
class Check:
    """One sign of a hidden gradient: its ``name``, whether the network is ``clear`` of it, and a ``sentence`` that says
    what was found and what it means."""

    name: str
    clear: bool
    sentence: str


@by_annotation
def masked_gradients_steps(
    model: Classifier, x: Tensor, y: Classes, *, eps: float = EPS, seed: int = 0, known: Robustness | None = None
) -> Generator[Progress[tuple[Check, ...]], None, tuple[Check, ...]]:
    """Five checks on labelled pictures, of which those that the network names right count.

    The same answer twice; a gradient that isn't 0; more steps fool no fewer; a wide ball leaves nothing standing; what
    an attack along the gradient leaves, one without it leaves too.

    Args:
        model: pixels to logits.
        x: pictures (N, C, H, W) in [0, 1], at most 100.
        y: their classes (N,).
        eps: radius of the linf ball, in pixel units.
        seed: of all that is drawn.
        known: what ``robustness`` found of these pictures: what it has tried isn't tried again.

    Raises:
        InputError: for pictures that don't fit or that nothing is ``known`` of, and a network that names none of them
            right.
    """
    labels, _, at_once = check_labelled(model, x, y, MOST_CHECKED)
    check_positive(eps, "radius eps")
    first, again = (torch.cat([logits_of(model, part) for part in x.split(at_once)]) for _ in range(2))
    apart = float((first - again).abs().max())
    rows = (first.argmax(1) == labels).nonzero()[:, 0]
    if not len(rows):
        raise InputError(f"The network names none of these {len(x)} pictures right: there is nothing to take from it.")
    if known is not None and len(known.right) != len(x):
        raise InputError(f"These are {len(x)} pictures, but what is known is of {len(known.right)}.")
    tried = None if known is None else torch.from_numpy(known.found >= FOOLED_IN_FLOATS).to(x.device)[:, rows]
    x, labels = x[rows], labels[rows]
    count = len(rows)
    checks: list[Check] = []

    def noted(name: str, clear: bool, good: str, bad: str) -> Progress[tuple[Check, ...]]:
        checks.append(Check(name, clear, good if clear else bad))
        return Progress(len(checks), _CHECKS, tuple(checks))

    def fooled(start: Start, among: Tensor) -> Generator[Progress[tuple[Check, ...]], None, Tensor]:
        """Which of the pictures an attack fools that is tried on those ``among`` them, both (N,) bool."""
        known, found = tuple(checks), torch.zeros_like(among)
        rows = among.nonzero()[:, 0]
        for part in rows.split(at_once) if len(rows) else ():
            told = partial(_told, known, int(part[0]) / count, len(part) / count)
            try:
                result = yield from relay(start(x[part], labels[part], seed + int(part[0])), told)
            except NoGradientError:  # so nothing can be found by it
                break
            found[part] = result.exact.success
        return found

    def pgd(steps: int, radius: float) -> Start:
        return lambda x, y, seed: pgd_steps(
            model, x, y, eps=radius, steps=steps, random_start=True, generator=seed, early_stop=True, keep_best=True
        )

    def square(x: Tensor, y: Tensor, seed: int) -> Attack:
        return square_steps(model, x, y, eps=eps, steps=_QUERIES, generator=seed)

    scale = max(float(first.abs().max()), 1.0)
    yield noted(
        "random",
        apart <= 1e-4 * scale,
        "The network says the same of a picture whenever it is asked.",
        f"Asked twice about the same pictures, the network's logits differ by up to {apart:.3g}: there is chance "
        "inside. An attack must climb the mean over many answers, or what it finds is luck.",
    )
    flat = sum(_without_gradient(model, x[part], labels[part]) for part in torch.arange(count).split(at_once))
    yield noted(
        "zero gradient",
        flat == 0,
        "The gradient points somewhere for every picture.",
        f"The gradient is zero for {flat} of {count} pictures, so attacks that follow it have no direction to go. That "
        "comes of rounding inside the network or of saturated logits, not of robustness.",
    )
    short, long = _STEPS
    everything = torch.ones_like(labels, dtype=torch.bool)
    found = tried[0] if tried is not None else (yield from fooled(pgd(long, eps), everything))
    many, few = int(found.sum()), int((yield from fooled(pgd(short, eps), everything)).sum())
    slack = _CHANCE * count
    yield noted(
        "more steps",
        many >= few - slack,
        f"{long} steps of PGD fool the network on {many} of {count} pictures, {short} steps on {few}: more do no "
        "worse.",
        f"{long} steps of PGD fool the network on {many} of {count} pictures, but {short} steps on {few}: the gradient "
        "leads astray.",
    )
    wide = int((yield from fooled(pgd(long, _WIDE), everything)).sum())
    yield noted(
        "wide ball",
        wide == count,
        f"Within {_WIDE:g}, where every picture can be made plain grey, PGD fools the network every time.",
        f"Even within {_WIDE:g}, where every picture can be made plain grey, PGD fools the network on only {wide} "
        f"of {count}: what fails is the attack.",
    )
    left = ~(found if tried is None else tried[:-1].any(0))
    blind = int((tried[-1] & left if tried is not None else (yield from fooled(square, left))).sum())
    said = (
        f"Square, which sees answers only, fools the network on {blind} of the {int(left.sum())} pictures that gradient"
    )
    yield noted(
        "black box",
        blind <= slack,
        f"{said} attacks leave."
        if left.any()
        else "Gradient attacks leave no picture to Square, which sees answers only.",
        f"{said} attacks leave: the gradient hides what there is to find.",
    )
    return tuple(checks)


masked_gradients = plainly(masked_gradients_steps)


def _told(known: tuple[Check, ...], before: float, width: float, step: AttackStep) -> Progress[tuple[Check, ...]]:
    """A step of an attack on a part of the pictures, as shares of all of them."""
    return Progress(len(known) + before + width * step.share, _CHECKS, known or None)


def _without_gradient(model: Classifier, x: Tensor, labels: Tensor) -> int:
    """For how many pictures the cross-entropy has no gradient; all of them, if the network gives none."""
    try:
        gradient = Forward(model, x).gradient(Goal(labels))
    except NoGradientError:
        return len(x)
    return int((~gradient.flatten(1).any(1)).sum())
