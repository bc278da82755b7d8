"""Which class to aim at, from what the network says of the clean picture."""

import numpy as np

from cnnlab_core.errors import InputError

RULES = ("least likely", "second", "random")


def choose_target(logits: np.ndarray, rule: str, seed: int = 0) -> int:
    """The class (of logits (classes,)) that ``rule`` names: the least likely, the runner-up, or one drawn by ``seed``.

    It is never the most probable class. Raises ``InputError`` for unknown rules.
    """
    order = np.argsort(-logits, kind="stable")
    if rule == "least likely":
        return int(order[-1])
    if rule == "second":
        return int(order[1])
    if rule == "random":
        return int(np.random.default_rng(seed).choice(order[1:]))
    raise InputError(f"There is no way “{rule}” to choose a target. Choose one of {', '.join(RULES)}.")
