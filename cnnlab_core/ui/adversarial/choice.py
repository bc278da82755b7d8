"""What the tabs of the page share: a picture, a network, an attack with its settings, and a target."""

from dataclasses import dataclass

import streamlit as st
from PIL import Image

from cnnlab_core.attacks.plan import METHODS, Plan
from cnnlab_core.attacks.targets import RULES, choose_target
from cnnlab_core.classification.batch import Classified
from cnnlab_core.models import ModelSpec
from cnnlab_core.models.loaded import crop
from cnnlab_core.models.registry import categories
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.shared import Picture, choose_model, choose_picture
from cnnlab_core.ui.show import show_problem
from cnnlab_core.ui.subject import classify_picture

ANY = "any other class"
FIRST_TARGET = "76 · tarantula"
LEVELS = 255
"""What epsilon and step size are counted in: grey levels of a channel."""


@dataclass(frozen=True)
class Choice:
    """A network with its weights, a picture with the network's answer to it, an attack, and the class to reach.

    ``aim`` is how the target was chosen (a class, a rule, or any other class), ``target`` the class it comes to, None
    for any other class.
    """

    spec: ModelSpec
    weights: str
    picture: Picture
    named: Classified
    plan: Plan
    aim: str
    target: int | None

    @property
    def key(self) -> tuple[object, ...]:
        """What makes results the same."""
        return (*self.subject, self.plan)

    @property
    def subject(self) -> tuple[object, ...]:
        """What is attacked and where to, by whatever attack."""
        return self.spec.name, self.weights, self.picture.key, self.target

    @property
    def sample(self) -> str | None:
        """The gallery's name of the picture; None for one's own."""
        return self.picture.name if self.picture.is_sample else None

    @property
    def seen(self) -> Image.Image:
        """What the network sees of the picture."""
        return crop(self.picture.image, self.spec.preprocessing)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the network's classes."""
        return categories(self.spec)


@dataclass(frozen=True)
class _Slider:
    """A slider in ``unit``s, of which 1 in pixel units makes ``per_pixel``."""

    label: str
    low: float
    high: float
    start: float
    step: float
    per_pixel: float = 1.0

    def draw(self, name: str) -> float:
        """The value in pixel units."""
        shown = st.slider(
            self.label,
            self.low,
            self.high,
            self.start,
            self.step,
            key=f"adversarial_{name}",
            bind="query-params",
            persist_state="page",
        )
        return min(max(shown, self.low), self.high) / self.per_pixel


_EPSILON = {
    "linf": _Slider("Epsilon (linf, k/255)", 0.0, 32.0, 4.0, 0.5, LEVELS),
    "l2": _Slider("Epsilon (l2, pixel units)", 0.0, 20.0, 2.0, 0.25),
    "l1": _Slider("Epsilon (l1, pixel units)", 0.0, 2000.0, 200.0, 10.0),
}
_STEP_SIZE = {
    "linf": _Slider("Step size (k/255)", 0.25, 32.0, 1.0, 0.25, LEVELS),
    "l2": _Slider("Step size (l2, pixel units)", 0.05, 20.0, 0.5, 0.05),
    "l1": _Slider("Step size (l1, pixel units)", 1.0, 2000.0, 50.0, 1.0),
}
_LENGTH = _Slider("Step length (l2, pixel units)", 0.05, 5.0, 0.5, 0.05)
_RATE = _Slider("Learning rate", 0.001, 0.1, 0.01, 0.001)
_FACTORS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
_ALPHAS = (0.0, 1e-5, 1e-4, 1e-3, 1e-2)


def choose() -> Choice | None:
    """The sidebar's choosers and the rows that set the attack; None, with its reason on the page, without an answer."""
    picture = choose_picture()
    spec, weights = choose_model()
    named = classify_picture(spec, weights, picture, place="adversarial")
    if named is None:
        return None
    first, second, third = st.columns([1.1, 1.5, 0.9], gap="medium", vertical_alignment="bottom")
    with first:
        name = st.selectbox("Attack", list(METHODS), index=1, key="adversarial_attack", bind="query-params")
    settings = METHODS[name].settings
    with second:
        aim = choose_aim(spec, needs_target=METHODS[name].needs_target)
    with third:
        norm = "linf"
        if "norm" in settings:
            norm = segmented(
                st,
                "Norm",
                list(_EPSILON),
                default="linf",
                key="adversarial_norm",
                bind="query-params",
                persist_state="page",
            )
    plan = _plan(name, norm, settings)
    target = resolve(aim, named, plan.seed)
    if target == named.best[0].index:
        show_problem(
            f"The network already names this picture “{named.best[0].label}”. Choose another class as the target."
        )
        return None
    return Choice(spec, weights, picture, named, plan, aim, target)


def choose_aim(spec: ModelSpec, *, needs_target: bool = False) -> str:
    """The searchable box of targets: any other class, a rule, or a class."""
    names = [*([] if needs_target else [ANY]), *RULES, *class_names(spec)]
    return st.selectbox(
        "Target (type to search)",
        names,
        index=names.index(FIRST_TARGET) if FIRST_TARGET in names else 0,
        key="adversarial_target",
        bind="query-params",
        persist_state="page",
    )


def class_names(spec: ModelSpec) -> list[str]:
    """Every class as it is offered: “76 · tarantula”."""
    return [f"{index} · {label}" for index, label in enumerate(categories(spec))]


def resolve(aim: str, named: Classified, seed: int = 0) -> int | None:
    """The class that an aim comes to for a picture; None for any other class."""
    if aim == ANY:
        return None
    return choose_target(named.logits, aim, seed) if aim in RULES else int(aim.split(" · ")[0])


def _plan(name: str, norm: str, settings: tuple[str, ...]) -> Plan:
    """The row of the attack's own settings."""
    values: dict[str, object] = {}
    shown = [setting for setting in ("eps", "step_size", "learning_rate", "alpha", "steps") if setting in settings]
    columns = st.columns([*[1.0] * len(shown), 0.6], gap="medium", vertical_alignment="bottom")
    for setting, column in zip(shown, columns[:-1], strict=True):
        with column:
            values[setting] = _setting(setting, name, norm)
    with columns[-1]:
        values |= _more(settings)
    return Plan(method=name, norm=norm, **values)  # type: ignore[arg-type]


def _setting(setting: str, name: str, norm: str) -> float:
    if setting == "eps":
        return _EPSILON[norm].draw("eps" if norm == "linf" else f"eps_{norm}")
    if setting == "learning_rate":
        return _RATE.draw("rate")
    if setting == "alpha":
        return st.select_slider("Alpha (weight of l1)", _ALPHAS, 1e-4, key="adversarial_alpha", bind="query-params")
    if setting == "steps":
        return st.slider("Steps", 1, 200, 20, key="adversarial_steps", bind="query-params")
    if name == "Probability ascent":
        return st.select_slider(
            "Step size (times dP/dx)",
            _FACTORS,
            100,
            key="adversarial_factor",
            bind="query-params",
            persist_state="page",
        )
    if name == "Log-probability ascent":
        return _LENGTH.draw("length")
    return _STEP_SIZE[norm].draw("step" if norm == "linf" else f"step_{norm}")


def _more(settings: tuple[str, ...]) -> dict[str, object]:
    """What few people change, folded away."""
    values: dict[str, object] = {}
    with st.popover("More", icon=":material/tune:", key="adversarial_more"):
        if "early_stop" in settings:
            # The l1 attack is made to stop; the others, to be compared with their papers, aren't.
            rests = "alpha" in settings
            values["early_stop"] = st.toggle(
                "Stop as soon as the 8-bit picture fools",
                rests,
                key="adversarial_early_l1" if rests else "adversarial_early",
                bind="query-params",
                persist_state="page",
            )
        if "keep_best" in settings:
            values["keep_best"] = st.toggle(
                "Keep the best picture on the way, not the last",
                key="adversarial_best",
                bind="query-params",
                persist_state="page",
            )
        if "momentum" in settings:
            values["momentum"] = st.slider(
                "Momentum: how much of the last step's direction stays",
                0.0,
                1.0,
                0.0,
                0.1,
                key="adversarial_momentum",
                bind="query-params",
            )
        if "random_start" in settings:
            values["random_start"] = st.toggle(
                "Begin at a random point of the ball",
                key="adversarial_random",
                bind="query-params",
                persist_state="page",
            )
            values["restarts"] = st.slider(
                "Restarts, the best counts", 1, 5, key="adversarial_restarts", bind="query-params"
            )
        values["seed"] = st.number_input(
            "Seed of random starts and random targets",
            0,
            9999,
            0,
            key="adversarial_seed",
            bind="query-params",
            persist_state="page",
        )
    return values
