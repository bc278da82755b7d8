"""Is a network robust, or does it only hide its gradient? After Athalye, Carlini & Wagner 2018 (arXiv:1802.00420) and
Carlini et al. 2019 (arXiv:1902.06705)."""

from collections.abc import Generator
from dataclasses import dataclass

from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive
from cnnlab_core.attacks.loop import Attack
from cnnlab_core.attacks.objective import Classifier, Forward, Goal, logits_of
from cnnlab_core.attacks.pgd import pgd_steps
from cnnlab_core.attacks.square import square_steps
from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.evaluation.pictures import check_labelled
from cnnlab_core.evaluation.robustness import EPS
from cnnlab_core.runtime.jobs import Progress, plainly, relay

MOST_CHECKED = 100
_STEPS = (5, 40)
_QUERIES = 300
_WIDE = 0.5
"""Every picture can be made plain grey within it, so nothing is left to be right about."""
_CHANCE = 0.03
"""By such a share of the pictures two attacks may differ without a reason."""


@dataclass(frozen=True)
class Check:
    """One sign of a hidden gradient: its ``name``, whether the network is ``clear`` of it, and a ``sentence`` that says
    what was found and what it means."""

    name: str
    clear: bool
    sentence: str


@by_annotation
def masked_gradients_steps(
    model: Classifier, x: Tensor, y: Classes, *, eps: float = EPS, seed: int = 0
) -> Generator[Progress[tuple[Check, ...]], None, tuple[Check, ...]]:
    """Five checks on labelled pictures, of which those that the network names right count.

    The same answer twice; a gradient that isn't 0; more steps fool no fewer; a wide ball leaves nothing standing; an
    attack without gradients isn't the stronger one.

    Args:
        model: pixels to logits.
        x: pictures (N, C, H, W) in [0, 1], at most 100.
        y: their classes (N,).
        eps: radius of the linf ball, in pixel units.
        seed: of all that is drawn.

    Raises:
        InputError: for pictures that don't fit, and a network that names none of them right.
    """
    labels = check_labelled(model, x, y, MOST_CHECKED)
    check_positive(eps, "radius eps")
    first = logits_of(model, x)
    apart = float((first - logits_of(model, x)).abs().max())
    rows = (first.argmax(1) == labels).nonzero()[:, 0]
    if not len(rows):
        raise InputError(f"The network names none of these {len(x)} pictures right: there is nothing to take from it.")
    x, labels = x[rows], labels[rows]
    count = len(rows)
    checks: list[Check] = []

    def noted(name: str, clear: bool, good: str, bad: str) -> Progress[tuple[Check, ...]]:
        checks.append(Check(name, clear, good if clear else bad))
        return Progress(len(checks), 5, tuple(checks))

    def fooled(attack: Attack) -> Generator[Progress[tuple[Check, ...]], None, int]:
        done = tuple(checks)
        try:
            result = yield from relay(attack, lambda step: Progress(len(done) + step.share, 5, done or None))
        except InputError:  # the network gives no gradient at all, so nothing can be found by it
            return 0
        return int(result.exact.success.sum())

    def pgd(steps: int, radius: float) -> Attack:
        return pgd_steps(
            model,
            x,
            labels,
            eps=radius,
            steps=steps,
            random_start=True,
            generator=seed,
            early_stop=True,
            keep_best=True,
        )

    scale = max(float(first.abs().max()), 1.0)
    yield noted(
        "random",
        apart <= 1e-4 * scale,
        "The network says the same of a picture whenever it is asked.",
        f"Asked twice about the same pictures, the network's logits differ by up to {apart:.3g}: there is chance "
        "inside. An attack must climb the mean over many answers, or what it finds is luck.",
    )
    flat = _without_gradient(model, x, labels)
    yield noted(
        "zero gradient",
        flat == 0,
        "The gradient points somewhere for every picture.",
        f"The gradient is zero for {flat} of {count} pictures, so attacks that follow it have no direction to go. That "
        "comes of rounding inside the network or of saturated logits, not of robustness.",
    )
    short, long = _STEPS
    few = yield from fooled(pgd(short, eps))
    many = yield from fooled(pgd(long, eps))
    wide = yield from fooled(pgd(long, _WIDE))
    slack = _CHANCE * count
    yield noted(
        "more steps",
        many >= few - slack,
        f"{long} steps of PGD fool the network on {many} of {count} pictures, {short} steps on {few}: more do no "
        "worse.",
        f"{long} steps of PGD fool the network on {many} of {count} pictures, but {short} steps on {few}: the gradient "
        "leads astray.",
    )
    yield noted(
        "wide ball",
        wide == count,
        f"Within {_WIDE:g}, where every picture can be made plain grey, PGD fools the network every time.",
        f"Even within {_WIDE:g}, where every picture can be made plain grey, PGD fools the network on only {wide} "
        f"of {count}: what fails is the attack.",
    )
    blind = yield from fooled(square_steps(model, x, labels, eps=eps, steps=_QUERIES, generator=seed))
    yield noted(
        "black box",
        blind <= many + slack,
        f"Square, which sees answers only, fools the network on {blind} of {count} pictures, PGD on {many}.",
        f"Square, which sees answers only, fools the network on {blind} of {count} pictures, but PGD on only {many}: "
        "the gradient hides what there is to find.",
    )
    return tuple(checks)


masked_gradients = plainly(masked_gradients_steps)


def _without_gradient(model: Classifier, x: Tensor, labels: Tensor) -> int:
    """For how many pictures the cross-entropy has no gradient; all of them, if the network gives none."""
    try:
        gradient = Forward(model, x).gradient(Goal(labels))
    except InputError:
        return len(x)
    return int((~gradient.flatten(1).any(1)).sum())
