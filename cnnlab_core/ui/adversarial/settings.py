"""Every setting of an attack: its control, and how it reads in a sentence. One table serves all attacks.

An attack whose settings stand here needs nothing else of the page; a new setting is a field of ``Plan`` and an entry.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnlab_core.attacks.methods import Method, Plan, StepUnit
from cnnlab_core.images.levels import LEVELS, NORM_NAMES, distance
from cnnlab_core.ui.controls import Controls


@dataclass(frozen=True)
class Slider:
    """A number from ``low`` to ``high``, shown in units of which 1 in pixel units makes ``unit``."""

    name: str
    label: str
    low: float
    high: float
    start: float
    step: float
    unit: int = 1

    def draw(self, controls: Controls, begins: float | None) -> float:
        """The value in pixel units."""
        start = self.start if begins is None else type(self.start)(begins * self.unit)
        shown = controls.slider(self.name, self.label, self.low, self.high, start, self.step)
        return shown if self.unit == 1 else shown / self.unit


@dataclass(frozen=True)
class Stops:
    """One of a few numbers; ``typed`` ones may lie between them in the address."""

    name: str
    label: str
    options: Sequence[float]
    start: float
    typed: bool = False

    def draw(self, controls: Controls, begins: float | None) -> float:
        """The number."""
        draw = controls.scale if self.typed else controls.stops
        return draw(self.name, self.label, self.options, self.start if begins is None else begins)


@dataclass(frozen=True)
class Switch:
    """On or off. Attacks that begin with it on have a control of their own, called ``on``: links name what differs."""

    name: str
    label: str
    on: str = ""

    def draw(self, controls: Controls, begins: bool | None) -> bool:
        """Whether it is on."""
        return controls.toggle(self.on if begins else self.name, self.label, bool(begins))


@dataclass(frozen=True)
class Named:
    """One of several values, each shown by its name."""

    name: str
    label: str
    names: Mapping[str, str]

    def draw(self, controls: Controls, begins: str | None) -> str:
        """The value."""
        return controls.one_of_named(self.name, self.label, self.names, begins or next(iter(self.names)))


Control = Slider | Stops | Switch | Named


@dataclass(frozen=True)
class Setting:
    """A setting: its ``control``, for an attack and its norm, and its ``words``; without any it isn't spoken of.

    The ``usual`` ones are always spoken of.
    """

    control: Callable[[Method, str], Control]
    words: Callable[[Plan], str]
    usual: bool = False


LOSSES = {
    "cross_entropy": "Log-probability",
    "margin": "Margin of logits",
    "probability": "Probability",
    "dlr": "Difference of logits ratio",
}
_EPSILON = {
    "linf": Slider("eps", "Epsilon (L∞, k/255)", 0.0, 32.0, 4.0, 0.5, LEVELS),
    "l2": Slider("eps_l2", "Epsilon (L2, pixel units)", 0.0, 20.0, 2.0, 0.25),
    "l1": Slider("eps_l1", "Epsilon (L1, pixel units)", 0.0, 2000.0, 200.0, 10.0),
}
_STEP_SIZE = {
    "linf": Slider("step", "Step size (k/255)", 0.25, 32.0, 1.0, 0.25, LEVELS),
    "l2": Slider("step_l2", "Step size (L2, pixel units)", 0.05, 20.0, 0.5, 0.05),
    "l1": Slider("step_l1", "Step size (L1, pixel units)", 1.0, 2000.0, 50.0, 1.0),
}
_OTHER_STEPS: Mapping[StepUnit | None, Control] = {
    "l2": Slider("length", "Step length (L2, pixel units)", 0.05, 5.0, 0.5, 0.05),
    # The gradient of a probability is tiny where the probability is.
    "gradient": Stops("factor", "Step size (times dP/dx)", (1, 3, 10, 30, 100, 300, 1000, 3000, 10000), 100),
}
_ALPHAS = (0.0, 1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_NORM = Named("norm", "Norm", NORM_NAMES)

SETTINGS: Mapping[str, Setting] = {
    "norm": Setting(lambda method, norm: _NORM, lambda plan: f"norm {NORM_NAMES[plan.norm]}"),
    "eps": Setting(
        lambda method, norm: _EPSILON[norm], lambda plan: f"epsilon {distance(plan.eps, plan.norm)}", usual=True
    ),
    "step_size": Setting(
        lambda method, norm: _OTHER_STEPS.get(method.step_unit) or _STEP_SIZE[norm],
        lambda plan: (
            "steps in proportion to epsilon"
            if plan.step_size is None
            else f"step size {distance(plan.step_size, plan.step_norm)}"
        ),
        usual=True,
    ),
    "learning_rate": Setting(
        lambda method, norm: Slider("rate", "Learning rate", 0.001, 0.1, 0.01, 0.001),
        lambda plan: f"learning rate {plan.learning_rate:g}",
        usual=True,
    ),
    "alpha": Setting(
        lambda method, norm: Stops("alpha", "Alpha (weight of L1)", _ALPHAS, Plan.alpha, typed=True),
        lambda plan: f"alpha {plan.alpha:g}",
        usual=True,
    ),
    "searches": Setting(
        lambda method, norm: Slider("searches", "Searches for the weight of success", 1, 9, 5, 1),
        lambda plan: f"{plan.searches} searches",
        usual=True,
    ),
    "steps": Setting(
        lambda method, norm: Slider("steps", "Steps", 1, 200, 20, 1),
        lambda plan: f"{'up to ' if plan.early_stop else ''}{plan.steps} steps",
        usual=True,
    ),
    "early_stop": Setting(
        lambda method, norm: Switch("early", "Stop as soon as the 8-bit picture fools the network", on="early_l1"),
        lambda plan: "",  # “up to” so many steps
    ),
    "keep_best": Setting(
        lambda method, norm: Switch("best", "Keep the best picture on the way, not the last", on="best_pgd"),
        lambda plan: "best picture on the way",
    ),
    "momentum": Setting(
        lambda method, norm: Slider(
            "momentum", "Momentum: how much of the last step's direction stays", 0.0, 1.0, 0.0, 0.1
        ),
        lambda plan: f"momentum {plan.momentum:g}",
    ),
    "random_start": Setting(
        lambda method, norm: Switch("random", "Start at a random point of the ball"), lambda plan: "random start"
    ),
    "restarts": Setting(
        lambda method, norm: Slider("restarts", "Restarts; the best one counts", 1, 5, 1, 1),
        lambda plan: f"best of {plan.restarts} restarts",
    ),
    "loss": Setting(
        lambda method, norm: Named("loss", "Objective", LOSSES), lambda plan: f"objective {LOSSES[plan.loss].lower()}"
    ),
}


def choose_plan(controls: Controls, method: Method, beside: Any, last: Any) -> Plan:
    """How much may change stands ``beside`` the attack and its target; all else behind “More”, the ``last`` place."""
    more = last.popover("More", icon=":material/tune:", key=controls.key("more"))
    first = next(name for name in ("eps", "alpha", "step_size", "steps") if method.takes(name))
    norm = "linf"
    if method.takes("norm"):
        with more:
            norm = _NORM.draw(controls, None)
    values: dict[str, Any] = {}
    for name, entry in SETTINGS.items():
        if method.takes(name) and name != "norm":
            with beside if name == first else more:
                values[name] = entry.control(method, norm).draw(controls, method.begins.get(name))
    with more:
        values["seed"] = controls.number("seed", "Seed of random starts and random targets", 0, 9999, 0, 1)
    return method.plan(norm=norm, **values)


def address_of(plan: Plan) -> dict[str, str]:
    """An attack as the names and values of its controls in the address."""
    method = plan.entry
    found = {"attack": method.title, "seed": str(plan.seed)}
    for name in (name for name in method.settings if name in SETTINGS and getattr(plan, name) is not None):
        control, value = SETTINGS[name].control(method, plan.norm), getattr(plan, name)
        if isinstance(control, Switch):
            found[control.on if method.begins.get(name) else control.name] = str(value).lower()
        else:
            found[control.name] = value if isinstance(control, Named) else f"{value * getattr(control, 'unit', 1):g}"
    return found


def in_words(plan: Plan, *, without: Sequence[str] = ()) -> str:
    """A plan with all that counts: “PGD, norm L∞, epsilon 4/255, step size 1/255, 20 steps, momentum 0.9”."""
    shown = [
        entry.words(plan)
        for name, entry in SETTINGS.items()
        if plan.entry.takes(name) and name not in without and (entry.usual or name == "norm" or name in plan.changed)
    ]
    return ", ".join(part for part in (plan.title, *shown, f"seed {plan.seed}" if plan.draws else "") if part)
