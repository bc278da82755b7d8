"""Robust accuracy as the field measures it: what is left after several unlike attacks, each picture's worst case.

After AutoAttack (Croce & Hein 2020, arXiv:2003.01690), with fewer steps: APGD on the cross-entropy, APGD-T, and Square,
and PGD-20 before them, which alone flatters. Only pictures that still stand go on to the next attack.
"""

import hashlib
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from cnnlab_core.attacks.apgd import apgd_steps
from cnnlab_core.attacks.inputs import Classes, check_positive
from cnnlab_core.attacks.loop import Attack, AttackStep
from cnnlab_core.attacks.objective import Classifier, Forward, Goal, NoGradientError, logits_of
from cnnlab_core.attacks.pgd import pgd_steps
from cnnlab_core.attacks.square import square_steps
from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.evaluation.accuracy import Share
from cnnlab_core.evaluation.pictures import AT_ONCE, check_labelled
from cnnlab_core.runtime.jobs import Progress, finish, plainly, relay
from cnnlab_core.runtime.short_repr import short_repr

STEPS = {"PGD-20": 20, "APGD-CE": 25, "APGD-T": 20, "Square": 300}
"""Of each attack; of APGD-T so many towards each of the nearest classes. See ``benchmarks/card.py``."""
NEAREST = 4

MOST_ATTACKED = 1000
"""Pictures that are attacked at most: hours on two cores."""
EPS = 8 / 255
_TRIED = 16
"""Pictures on which the time is tried."""
_BLIND = 0.4
"""What a pass without a gradient takes of one with it, about."""

UNTRIED, STANDS, FOOLED_IN_FLOATS, FOOLED = -1, 0, 1, 2


@dataclass(frozen=True)
class Part:
    """One of the attacks: what it is called, how many ``passes`` of a picture through the network it takes at most
    (there and back), and how it starts on pictures, classes, epsilon and a seed."""

    name: str
    passes: float
    start: Callable[[Classifier, Tensor, Tensor, float, int], Attack]


def parts_for(classes: int) -> tuple[Part, ...]:
    """The attacks on a network of so many classes, in order; APGD-T needs four."""
    towards = tuple(range(1, min(NEAREST, classes - 1) + 1)) if classes > 3 else ()
    pgd, ce, targeted, squares = STEPS.values()
    passes = pgd, ce, targeted * len(towards), squares * _BLIND
    starts: tuple[Callable[[Classifier, Tensor, Tensor, float, int], Attack], ...] = (
        lambda model, x, y, eps, seed: pgd_steps(
            model, x, y, eps=eps, steps=pgd, random_start=True, generator=seed, early_stop=True, keep_best=True),
        lambda model, x, y, eps, seed: apgd_steps(model, x, y, eps=eps, steps=ce, generator=seed),
        lambda model, x, y, eps, seed: apgd_steps(
            model, x, y, eps=eps, steps=targeted, towards=towards, generator=seed),
        lambda model, x, y, eps, seed: square_steps(model, x, y, eps=eps, steps=squares, generator=seed),
    )  # fmt: skip
    return tuple(part for part in map(Part, STEPS, passes, starts) if part.passes)


@short_repr
@dataclass(frozen=True, eq=False)
class Robustness:
    """What is known so far of N pictures in the linf ball ``eps``: which are named ``right`` (N,), and what each of the
    attacks (``names``) ``found`` (attacks, N): ``UNTRIED``, ``STANDS``, ``FOOLED_IN_FLOATS`` alone, or ``FOOLED`` in 8
    bits too. ``digest`` and ``seed`` say of which pictures and draws, so that it can be gone on with."""

    eps: float
    names: tuple[str, ...]
    right: np.ndarray
    found: np.ndarray
    digest: str
    seed: int

    @property
    def measured(self) -> np.ndarray:
        """Which pictures count, (N,) bool: nothing more is to be tried on them or on those attacked with them.

        What falls is done with sooner than what stands, so that a part of them would tell too little.
        """
        done = ~self.right | (self.found == FOOLED).any(0) | (self.found != UNTRIED).all(0)
        whole = [done[first : first + AT_ONCE].all() for first in range(0, len(done), AT_ONCE)]
        return np.repeat(whole, AT_ONCE)[: len(done)]

    @property
    def clean(self) -> Share:
        """Named right before any attack, of the pictures measured so far, as all shares are."""
        return self._share(self.right)

    def after(self, name: str, *, in_8_bits: bool = False) -> Share:
        """Still named right after this attack and those before it; ``in_8_bits`` when pictures are saved."""
        tried = self.found[: self.names.index(name) + 1]
        return self._share(self.right & (tried < (FOOLED if in_8_bits else FOOLED_IN_FLOATS)).all(0))

    @property
    def worst(self) -> Share:
        """The robust accuracy: still named right whatever was tried, as floats."""
        return self.after(self.names[-1])

    @property
    def worst_in_8_bits(self) -> Share:
        """The same of pictures as they are saved, k / 255."""
        return self.after(self.names[-1], in_8_bits=True)

    def _share(self, stands: np.ndarray) -> Share:
        return Share(int((stands & self.measured).sum()), int(self.measured.sum()))


@by_annotation
def robustness_steps(
    model: Classifier,
    x: Tensor,
    y: Classes,
    *,
    eps: float = EPS,
    seed: int = 0,
    so_far: Robustness | None = None,
) -> Generator[Progress[Robustness], None, Robustness]:
    """Attack labelled pictures (N, C, H, W) in [0, 1], some at a time, with one attack after the other.

    Each step knows how much is done and the ``latest`` state; given back as ``so_far``, the work goes on from there
    and ends as it would have ended. Of a network without a gradient only Square can find anything: see
    ``masked_gradients``.

    Args:
        model: pixels to logits.
        x: the pictures, at most 1000.
        y: their classes (N,).
        eps: radius of the linf ball, in pixel units.
        seed: of all that is drawn.
        so_far: what an earlier run had.

    Raises:
        InputError: for pictures that don't fit, a network that names none of them right, a ``so_far`` of other ones.
    """
    labels, classes, at_once = check_labelled(model, x, y, MOST_ATTACKED)
    check_positive(eps, "radius eps")
    parts = parts_for(classes)
    names = tuple(part.name for part in parts)
    hashed = hashlib.sha256(x.detach().cpu().contiguous().numpy().data)
    hashed.update(labels.cpu().contiguous().numpy().data)
    digest = hashed.hexdigest()
    if so_far is None:
        right = torch.cat([logits_of(model, part).argmax(1) for part in x.split(at_once)]) == labels
        untried = np.full((len(parts), len(x)), UNTRIED, np.int8)
        so_far = Robustness(eps, names, right.cpu().numpy(), untried, digest, seed)
    if (so_far.eps, so_far.names, so_far.digest, so_far.seed) != (eps, names, digest, seed):
        raise InputError("What was found so far is of other pictures, another epsilon or seed: begin anew.")
    if not so_far.right.any():
        raise InputError(f"The network names none of these {len(x)} pictures right: there is nothing to take from it.")
    for first in range(0, len(x), at_once):
        rows = np.arange(first, min(first + at_once, len(x)))
        for index, part in enumerate(parts):
            known = so_far.found[:, rows]
            todo = rows[so_far.right[rows] & (known[:index] != FOOLED).all(0) & (known[index] == UNTRIED)]
            if not len(todo):
                continue
            chosen = torch.from_numpy(todo).to(x.device)
            attack = part.start(model, x[chosen], labels[chosen], eps, seed + first * len(parts) + index)
            before, width = first + len(rows) * index / len(parts), len(rows) / len(parts)
            found = so_far.found.copy()
            found[index, todo] = STANDS
            with suppress(NoGradientError):  # nothing is found by an attack that needs one
                result = yield from relay(attack, partial(_told, so_far, before, width))
                fooled = torch.where(result.exact.success, FOOLED_IN_FLOATS, STANDS).masked_fill(result.success, FOOLED)
                found[index, todo] = fooled.cpu().numpy()
            so_far = replace(so_far, found=found)
        yield Progress(rows[-1] + 1, len(x), so_far)
    return so_far


robustness = plainly(robustness_steps)


def _told(known: Robustness, before: float, width: float, step: AttackStep) -> Progress[Robustness]:
    """A step of an attack on some pictures, which count as ``width`` pictures done."""
    return Progress(before + width * step.share, len(known.right), known)


@by_annotation
def expected_seconds(model: Classifier, x: Tensor, y: Classes, *, eps: float = EPS) -> float:
    """About how long ``robustness`` of these pictures takes on a device that does nothing else.

    A few are tried: how long a pass there and back is, and how many stand after PGD-20, since only these go on. Raises
    ``InputError``.
    """
    labels, classes, at_once = check_labelled(model, x, y, MOST_ATTACKED)
    sample = slice(None, None, -(-len(x) // min(_TRIED, at_once)))
    few, goal, seconds = x[sample], Goal(labels[sample]), []
    pgd, *others = parts_for(classes)
    for _ in range(3):
        start = time.perf_counter()
        here = Forward(model, few)
        with suppress(NoGradientError):
            here.gradient(goal)
        seconds.append(time.perf_counter() - start)
    stands = ~goal.reached(here.logits)
    with suppress(NoGradientError):
        stands = ~finish(pgd.start(model, few, goal.y, eps, 0)).success
    passes = (~goal.reached(here.logits)).sum() * pgd.passes + stands.sum() * sum(part.passes for part in others)
    return float(passes) * min(seconds) / len(few) ** 2 * len(x)
