"""The table of attacks, and an attack with all its settings as one value: what a page asks for, a recipe writes down.

A new attack is a file of its own and an entry here: pages, studies and recipes read from the table what they may offer.
"""

import inspect
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import torch
from torch import Tensor

from cnnlab_core.attacks.carlini_wagner import carlini_wagner_steps
from cnnlab_core.attacks.deepfool import deepfool_steps
from cnnlab_core.attacks.fgsm import fgsm_steps
from cnnlab_core.attacks.inputs import Classes
from cnnlab_core.attacks.l1_adam import l1_adam_steps
from cnnlab_core.attacks.log_probability_ascent import log_probability_ascent_steps
from cnnlab_core.attacks.loop import Attack
from cnnlab_core.attacks.normalised_probability_ascent import normalised_probability_ascent_steps
from cnnlab_core.attacks.objective import Classifier, Loss
from cnnlab_core.attacks.pgd import pgd_steps
from cnnlab_core.attacks.probability_ascent import probability_ascent_steps
from cnnlab_core.attacks.threat import Radius, find_norm
from cnnlab_core.checks import fit_fields
from cnnlab_core.errors import InputError

StepUnit = Literal["norm", "l2", "gradient"]


@dataclass(frozen=True)
class Method:
    """An attack: its function in steps, and which of a plan's ``settings`` it has a use for.

    ``begins`` are settings that it begins with where they aren't a plan's own. ``step_unit`` tells what its step size
    is: a length in the threat's ``norm``, a length in ``l2``, or a factor of the ``gradient``. An attack is
    ``straight`` if its direction doesn't depend on epsilon: one gradient then serves all epsilons.
    """

    title: str
    about: str
    steps: Callable[..., Attack]
    settings: tuple[str, ...]
    begins: Mapping[str, Any] = field(default_factory=dict)
    step_unit: StepUnit | None = None
    needs_target: bool = False
    straight: bool = False

    @property
    def key(self) -> str:
        """Its name in Python: ``cnnlab_core.attacks`` has a function of this name."""
        return self.steps.__name__.removesuffix("_steps")

    def takes(self, *settings: str) -> bool:
        """Whether it has a use for all of these settings: ``eps``, ``step_size``, ``seed``, ``restarts``, ..."""
        return set(settings) <= set(self.settings)

    def plan(self, **settings: Any) -> "Plan":
        """The attack with these settings and what it begins with. Raises ``InputError`` for unknown settings."""
        known = [setting.name for setting in fields(Plan) if setting.name != "method"]
        if strange := [name for name in settings if name not in known]:
            raise InputError(f"There is no setting “{strange[0]}”. The settings are {', '.join(known)}.")
        return Plan(self.key, **{**self.begins, **settings})


METHODS: dict[str, Method] = {
    method.key: method
    for method in (
        Method(
            "FGSM",
            "One step along the gradient's sign.",
            fgsm_steps,
            ("norm", "eps", "loss"),
            straight=True,
        ),
        Method(
            "PGD",
            "Many small steps up the gradient, each kept within epsilon of the original.",
            pgd_steps,
            (
                *("norm", "eps", "step_size", "steps", "loss", "momentum"),
                *("random_start", "restarts", "early_stop", "keep_best", "seed"),
            ),
            begins={"keep_best": True},
            step_unit="norm",
        ),
        Method(
            "Probability ascent",
            "Steps along the gradient of P(target) as it is, which vanishes where P is small.",
            probability_ascent_steps,
            ("eps", "step_size", "steps", "early_stop", "keep_best"),
            begins={"step_size": 100.0},
            step_unit="gradient",
            needs_target=True,
        ),
        Method(
            "Probability ascent, normalised",
            "Steps of one length along the gradient of P(target), within epsilon.",
            normalised_probability_ascent_steps,
            ("eps", "step_size", "steps", "early_stop", "keep_best"),
            begins={"step_size": 0.5},
            step_unit="l2",
            needs_target=True,
        ),
        Method(
            "Log-probability ascent",
            "Steps of one length along the gradient of log P(target), with no ball but the box.",
            log_probability_ascent_steps,
            ("step_size", "steps", "early_stop", "keep_best"),
            begins={"step_size": 0.5},
            step_unit="l2",
            needs_target=True,
        ),
        Method(
            "l1 by Adam",
            "The smallest sum of changes that switches the class, sought by Adam.",
            l1_adam_steps,
            ("alpha", "learning_rate", "steps", "early_stop", "keep_best"),
            begins={"early_stop": True},
        ),
        Method(
            "DeepFool",
            "Over the nearest border as if it were flat, again and again: a small change in L2, without an epsilon.",
            deepfool_steps,
            ("steps",),
            begins={"early_stop": True},  # it does whatever is chosen
        ),
        Method(
            "Carlini and Wagner",
            "The smallest change in L2 that switches the class, sought by Adam, weighed against success.",
            carlini_wagner_steps,
            ("searches", "steps", "learning_rate"),
        ),
    )
}


def find_method(name: str) -> Method:
    """The attack of this key or title. Raises ``InputError`` with all keys for an unknown one."""
    for method in METHODS.values():
        if name in (method.key, method.title):
            return method
    raise InputError(f"There is no attack “{name}”. Choose one of {', '.join(METHODS)}.")


@dataclass(frozen=True)
class Plan:
    """Which attack, and how. A setting that the method has no use for is ignored; lengths are in pixel units.

    ``step_size`` is in its method's unit (None: the attack's own choice). ``seed`` draws random starts.
    """

    method: str = "pgd"
    norm: str = "linf"
    eps: float = 4 / 255
    step_size: float | None = 1 / 255
    steps: int = 20
    loss: Loss = "cross_entropy"
    momentum: float = 0.0
    random_start: bool = False
    restarts: int = 1
    early_stop: bool = False
    keep_best: bool = False
    alpha: float = 0.03
    learning_rate: float = 0.01
    searches: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ``InputError`` for an unknown method or norm, and for settings of another kind."""
        fit_fields(self)
        find_norm(self.norm)
        object.__setattr__(self, "method", find_method(self.method).key)

    @property
    def entry(self) -> Method:
        """The attack's entry in the table."""
        return METHODS[self.method]

    @property
    def title(self) -> str:
        """The attack's name for people."""
        return self.entry.title

    @property
    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of the attack's function, without its generator."""
        return {name: getattr(self, name) for name in self.entry.settings if name != "seed"}

    @property
    def changed(self) -> dict[str, Any]:
        """Those arguments that aren't what the function has by itself: what a recipe has to write down."""
        usual = inspect.signature(self.entry.steps).parameters
        return {name: value for name, value in self.arguments.items() if usual[name].default != value}

    @property
    def draws(self) -> bool:
        """Whether its seed matters."""
        return self.entry.takes("seed") and (self.random_start or self.restarts > 1)

    @property
    def step_norm(self) -> str:
        """The norm in which its step size is a length; empty where it is none."""
        return {"norm": self.norm, "l2": "l2"}.get(self.entry.step_unit or "", "")

    @property
    def ball_norm(self) -> str:
        """The norm of the ball that its epsilon is a radius of."""
        return self.norm if self.entry.takes("norm") else "linf"

    @property
    def total(self) -> int:
        """How often the attack asks the network at most: once at each start, and once after each step."""
        return self.most_steps + self.rounds

    @property
    def most_steps(self) -> int:
        """How many steps the attack takes at most, through all restarts."""
        steps = self.steps if self.entry.takes("steps") else 1
        return steps * self.rounds

    @property
    def rounds(self) -> int:
        """How often the attack sets out."""
        return next((getattr(self, name) for name in ("restarts", "searches") if self.entry.takes(name)), 1)

    @property
    def text(self) -> str:
        """The attack in a line, for addresses: ``pgd,eps=0.03,steps=40``, without what it begins with. See ``read``."""
        usual = self.entry.plan()
        changed = [n.name for n in fields(self) if getattr(self, n.name) != getattr(usual, n.name)]
        return ",".join([self.method, *(f"{name}={json.dumps(getattr(self, name))}" for name in changed)])

    @staticmethod
    def read(text: str) -> "Plan":
        """What ``text`` says. Raises ``InputError`` for anything else."""
        name, *settings = text.split(",")
        try:
            values = {key: json.loads(value) for key, _, value in (setting.partition("=") for setting in settings)}
        except (ValueError, RecursionError):
            raise InputError(f"“{text[:60]}” isn't an attack: write it as pgd,eps=0.03,steps=40.") from None
        return find_method(name).plan(**values)

    def over_epsilon(self) -> "Plan":
        """The same for any epsilon: steps that are lengths in the norm grow with it, and the best picture counts."""
        step_size = None if self.entry.step_unit == "norm" else self.step_size
        return replace(self, step_size=step_size, keep_best=True)

    def start(
        self,
        model: Classifier,
        x: Tensor,
        y: Classes | None = None,
        *,
        target: Classes | None = None,
        eps: Radius | None = None,
        trace: Collection[int] = (),
    ) -> Attack:
        """The attack in steps, with another ``eps`` if one is given. Raises what the attacks raise."""
        method, arguments = self.entry, self.arguments
        if method.needs_target and target is None:
            raise InputError(f"{method.title} raises the probability of a class. Choose one as the target.")
        if method.takes("seed"):
            arguments["generator"] = torch.Generator().manual_seed(self.seed)
        if eps is not None:
            arguments["eps"] = eps
        return method.steps(model, x, y, target=target, trace=trace, **arguments)


FIRST_LOOK = METHODS["pgd"].plan()
"""The attack that a page opens with."""


def plan_over_epsilon(method: str | Plan, settings: Mapping[str, Any]) -> Plan:
    """The plan that a function over epsilon is given: a plan as it is, or a method by name with its settings.

    By name an attack takes 10 steps in proportion to epsilon, of which the best picture counts. Raises ``InputError``
    for an attack that has no epsilon.
    """
    if isinstance(method, Plan):
        plan = method
    else:
        find_method(method).plan(**settings)  # unknown settings are refused in a sentence
        plan = replace(find_method(method).plan(steps=10).over_epsilon(), **settings)
    if not plan.entry.takes("eps"):
        able = [entry.title for entry in METHODS.values() if entry.takes("eps")]
        raise InputError(f"{plan.title} has no epsilon. Choose one of {', '.join(able)}.")
    return plan
