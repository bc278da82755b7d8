"""An attack with all its settings, as one value: what a page asks for, and what a recipe writes down."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab_core.attacks.fgsm import fgsm_steps
from cnnlab_core.attacks.inputs import Classes
from cnnlab_core.attacks.l1_adam import l1_adam_steps
from cnnlab_core.attacks.log_probability_ascent import log_probability_ascent_steps
from cnnlab_core.attacks.loop import Attack
from cnnlab_core.attacks.objective import Classifier
from cnnlab_core.attacks.pgd import pgd_steps
from cnnlab_core.attacks.probability_ascent import probability_ascent_steps
from cnnlab_core.errors import InputError


@dataclass(frozen=True)
class Method:
    """An attack by name: its function in steps, and which of a plan's settings it has a use for."""

    name: str
    about: str
    steps: Callable[..., Attack]
    settings: tuple[str, ...]
    needs_target: bool = False


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "FGSM",
            "One step along the gradient's sign.",
            fgsm_steps,
            ("norm", "eps"),
        ),
        Method(
            "PGD",
            "Many small steps up the gradient, each one projected back into the ball.",
            pgd_steps,
            (
                "norm",
                "eps",
                "step_size",
                "steps",
                "momentum",
                "random_start",
                "restarts",
                "early_stop",
                "keep_best",
                "seed",
            ),
        ),
        Method(
            "Probability ascent",
            "Steps along the gradient of P(target) as it is, which vanishes where P is small.",
            probability_ascent_steps,
            ("eps", "step_size", "steps", "early_stop"),
            needs_target=True,
        ),
        Method(
            "Log-probability ascent",
            "Steps of one length along the gradient of log P(target), with no ball but the box.",
            log_probability_ascent_steps,
            ("step_size", "steps", "early_stop"),
            needs_target=True,
        ),
        Method(
            "l1 by Adam",
            "The smallest sum of changes that switches the class, sought by Adam.",
            l1_adam_steps,
            ("alpha", "learning_rate", "steps", "early_stop"),
        ),
    )
}


@dataclass(frozen=True)
class Plan:
    """Which attack, and how. A setting that the method has no use for is ignored; lengths are in pixel units.

    ``step_size`` is a length in ``norm`` for PGD (None: its own choice), the factor of P's gradient for the probability
    ascent, and an l2 length for the log-probability ascent. ``seed`` draws PGD's random starts.
    """

    method: str = "PGD"
    norm: str = "linf"
    eps: float = 4 / 255
    step_size: float | None = 1 / 255
    steps: int = 20
    momentum: float = 0.0
    random_start: bool = False
    restarts: int = 1
    early_stop: bool = False
    keep_best: bool = False
    alpha: float = 1e-4
    learning_rate: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"There is no attack “{self.method}”. Choose one of {', '.join(METHODS)}.")

    @property
    def arguments(self) -> dict[str, object]:
        """The keyword arguments of the attack's function, without the seed."""
        return {name: getattr(self, name) for name in METHODS[self.method].settings if name != "seed"}

    @property
    def looks(self) -> int:
        """How many looks the attack takes at most."""
        if self.method == "FGSM":
            return 2
        return (self.steps + 1) * (self.restarts if self.method == "PGD" else 1)

    def start(
        self,
        model: Classifier,
        x: Tensor,
        y: Classes | None = None,
        *,
        target: Classes | None = None,
        trace: Collection[int] = (),
    ) -> Attack:
        """The attack in steps. Raises what the attacks raise."""
        method, arguments = METHODS[self.method], self.arguments
        if method.needs_target and target is None:
            raise InputError(f"{method.name} raises the probability of a class. Choose one as the target.")
        if "seed" in method.settings:
            arguments["generator"] = torch.Generator().manual_seed(self.seed)
        return method.steps(model, x, y, target=target, trace=trace, **arguments)
