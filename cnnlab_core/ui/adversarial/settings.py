"""The controls of an attack's own settings: those that its method has a use for."""

from dataclasses import dataclass

import streamlit as st

from cnnlab_core.attacks.plan import METHODS, Plan
from cnnlab_core.ui.adversarial.norms import LEVELS, NORMS
from cnnlab_core.ui.controls import Controls

_FACTORS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
"""Of dP/dx, which is tiny where P is."""

_ALPHAS = (0.0, 1e-5, 1e-4, 1e-3, 1e-2)


@dataclass(frozen=True)
class _Range:
    """A slider called ``name``, from ``low`` to ``high``, in units of which 1 in pixel units makes ``unit``."""

    name: str
    label: str
    low: float
    high: float
    start: float
    step: float
    unit: int = 1

    def draw(self, controls: Controls) -> float:
        """The value in pixel units."""
        return controls.slider(self.name, self.label, self.low, self.high, self.start, self.step) / self.unit


_EPSILON = {
    "linf": _Range("eps", "Epsilon (L∞, k/255)", 0.0, 32.0, 4.0, 0.5, LEVELS),
    "l2": _Range("eps_l2", "Epsilon (L2, pixel units)", 0.0, 20.0, 2.0, 0.25),
    "l1": _Range("eps_l1", "Epsilon (L1, pixel units)", 0.0, 2000.0, 200.0, 10.0),
}
_STEP_SIZE = {
    "linf": _Range("step", "Step size (k/255)", 0.25, 32.0, 1.0, 0.25, LEVELS),
    "l2": _Range("step_l2", "Step size (L2, pixel units)", 0.05, 20.0, 0.5, 0.05),
    "l1": _Range("step_l1", "Step size (L1, pixel units)", 1.0, 2000.0, 50.0, 1.0),
}
_STEP_LENGTH = _Range("length", "Step length (L2, pixel units)", 0.05, 5.0, 0.5, 0.05)
_RATE = _Range("rate", "Learning rate", 0.001, 0.1, 0.01, 0.001)
_SLIDERS = ("eps", "step_size", "learning_rate", "alpha", "steps")


def choose_norm(controls: Controls, method: str) -> str:
    """The norm of the ball, where the method has one to choose."""
    return controls.one_of_named("norm", "Norm", NORMS, "linf") if "norm" in METHODS[method].settings else "linf"


def choose_plan(controls: Controls, method: str, norm: str) -> Plan:
    """The row of sliders, and what few people change behind “More”."""
    settings = METHODS[method].settings
    values: dict[str, object] = {}
    shown = [setting for setting in _SLIDERS if setting in settings]
    columns = st.columns([*[1.0] * len(shown), 0.6], gap="medium", vertical_alignment="bottom")
    for setting, column in zip(shown, columns[:-1], strict=True):
        with column:
            values[setting] = _slider(controls, setting, method, norm)
    with columns[-1], st.popover("More", icon=":material/tune:", key=controls.key("more")):
        values |= _more(controls, settings)
    return Plan(method=method, norm=norm, **values)  # type: ignore[arg-type]


def _slider(controls: Controls, setting: str, method: str, norm: str) -> float:
    if setting == "eps":
        return _EPSILON[norm].draw(controls)
    if setting == "learning_rate":
        return _RATE.draw(controls)
    if setting == "alpha":
        return controls.stops("alpha", "Alpha (weight of L1)", _ALPHAS, 1e-4)
    if setting == "steps":
        return controls.slider("steps", "Steps", 1, 200, 20, 1)
    if method == "Probability ascent":
        return controls.stops("factor", "Step size (times dP/dx)", _FACTORS, 100)
    if method == "Log-probability ascent":
        return _STEP_LENGTH.draw(controls)
    return _STEP_SIZE[norm].draw(controls)


def _more(controls: Controls, settings: tuple[str, ...]) -> dict[str, object]:
    values: dict[str, object] = {}
    if "early_stop" in settings:
        # The L1 attack is made to stop; the others, to be compared with their papers, aren't.
        rests = "alpha" in settings
        values["early_stop"] = controls.toggle(
            "early_l1" if rests else "early", "Stop as soon as the 8-bit picture fools the network", rests
        )
    if "keep_best" in settings:
        values["keep_best"] = controls.toggle("best", "Keep the best picture on the way, not the last")
    if "momentum" in settings:
        label = "Momentum: how much of the last step's direction stays"
        values["momentum"] = controls.slider("momentum", label, 0.0, 1.0, 0.0, 0.1)
    if "random_start" in settings:
        values["random_start"] = controls.toggle("random", "Start at a random point of the ball")
        values["restarts"] = controls.slider("restarts", "Restarts; the best one counts", 1, 5, 1, 1)
    values["seed"] = controls.number("seed", "Seed of random starts and random targets", 0, 9999, 0, 1)
    return values
