"""Two networks: the same attack on both, and whether what fools the one fools the other."""

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from cnnlab_core.attacks.minimal_epsilon import EpsilonStep
from cnnlab_core.attacks.studies.attack import Fooled
from cnnlab_core.attacks.studies.transferability import Passed, pass_on, smallest_fgsm
from cnnlab_core.attacks.targets import RULES
from cnnlab_core.classification.batch import Classified
from cnnlab_core.errors import InputError
from cnnlab_core.images import png
from cnnlab_core.models import load_model
from cnnlab_core.models.registry import categories
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.models.weights import local_weights
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.plots.steps import step_lines
from cnnlab_core.recipes.adversarial_report import two_networks_code
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.adversarial.choice import ANY, LEVELS, Choice, resolve
from cnnlab_core.ui.adversarial.job import attacked
from cnnlab_core.ui.adversarial.pieces import FIGURE, said, trio
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.shared import networks
from cnnlab_core.ui.show import plain, sentences
from cnnlab_core.ui.subject import classify_picture
from cnnlab_core.ui.take_away import File, take_away

NOTICE = """\
- **How far each has to be pushed.** Against a network trained on adversarial pictures, an epsilon of 4/255 often isn't
  enough; raise it until it gives way, and look at the picture then.
- **What the noise looks like.** Against a standard network it looks like noise. Against a robust one it begins to show
  the object: edges, eyes, legs of the target, since only such changes move it (Tsipras et al. 2018, arXiv:1805.12152).
- **What passes on.** Noise made for one network often disturbs another, but seldom leads it to the chosen target
  (Liu et al. 2016, arXiv:1611.02770).
- **Weights that are random** belong to a network that names nothing: its answers hardly change with the picture,
  so neither attack nor noise has anything to hold on to. It is here for the contrast, and needs no download."""


@dataclass(frozen=True)
class _Side:
    """A network under attack."""

    choice: Choice
    found: Fooled
    smallest: float | None

    @property
    def title(self) -> str:
        return f"{self.choice.spec.title}, {self.choice.weights}"


def show(choice: Choice) -> None:
    """The tab."""
    here, offered = f"{choice.spec.title}, {choice.weights}", networks()
    st.caption(
        "The same picture, the same attack, the same target. Which network gives way first, and what does the noise "
        "look like? Robust networks are in the list; they are downloaded once."
    )
    others = [name for name in offered if name != here]
    chosen = st.columns(2, gap="large")[0].selectbox(
        f"{plain(here)} against",
        others,
        index=next((index for index, name in enumerate(others) if _at_hand(choice, *offered[name])), 0),
        key="adversarial_second",
        bind="query-params",
    )
    left, right = st.columns(2, gap="large")
    one = two = None
    with left, sentences():
        one = _side(choice, place="attack")
    with right, sentences():
        spec, weights = offered[chosen]
        other = _second(choice, spec, weights)
        two = _side(other, place="attack second") if other else None
    with st.expander("What to notice", icon=":material/visibility:", expanded=True):
        st.markdown(NOTICE)
    if one is None or two is None:
        return
    _passing(one, two)
    _away(one, two)


def _at_hand(choice: Choice, spec: ModelSpec, weights: str) -> bool:
    """Whether another trained network for the same classes lies on this machine: the best one to compare with."""
    return (
        spec != choice.spec
        and weights == choice.weights == "pretrained"
        and categories(spec) == choice.labels
        and local_weights(spec) is not None
    )


def _second(choice: Choice, spec: ModelSpec, weights: str) -> Choice | None:
    """The same question to another network; None, with its reason on the page, if it can't be asked."""
    named = classify_picture(spec, weights, choice.picture, place="second")
    if named is None:
        return None
    target = _target(choice, spec, named)
    if target == named.best[0].index:
        raise InputError(
            f"{spec.title} names this picture “{named.best[0].label}” without an attack. Choose another target."
        )
    return replace(choice, spec=spec, weights=weights, named=named, target=target)


def _target(choice: Choice, spec: ModelSpec, named: Classified) -> int | None:
    """What the aim comes to for another network: the class of the same name, or its own by the same rule."""
    if choice.aim in (ANY, *RULES) or choice.target is None:
        return resolve(choice.aim, named, choice.plan.seed)
    label, labels = choice.labels[choice.target], categories(spec)
    if labels == choice.labels:
        return choice.target
    if label not in labels:
        raise InputError(f"{spec.title} knows no class “{label}”. Choose “{ANY}” or a rule as the target.")
    return labels.index(label)


def _side(choice: Choice, *, place: str) -> _Side | None:
    """A network's half: the three pictures, the verdict, the numbers, the curve."""
    st.markdown(f"## {plain(choice.spec.title)} · {choice.weights}")
    outcome = attacked(choice, place=place)
    if outcome.state != "done" or outcome.result is None:
        best = choice.named.best[0]
        st.caption(f"It says **{plain(best.label)}** {best.probability:.1%} so far.")
        return None
    found = outcome.result
    trio([column.empty() for column in st.columns(3, gap="small")], found.clean, found.adversarial, choice.labels)
    goal = found.shown_class
    verdict = "Fooled" if found.success else "Not fooled"
    st.markdown(
        f"**{verdict}.** P({plain(choice.labels[goal])}) went from {found.clean.probability(goal):.2%} to "
        f"{found.adversarial.probability(goal):.2%}."
    )
    smallest = _smallest(choice, place=place)
    first, second = st.columns(2)
    first.metric(
        "First fooled at step",
        str(found.first_success) if found.first_success >= 0 else "never",
        help="The first look at which the float picture fooled the network.",
    )
    second.metric(
        "Smallest epsilon, FGSM",
        _in_words(smallest, choice.plan.norm),
        help="The least with which a single gradient step makes it say any other class; found by bisection.",
    )
    lines = {f"P({choice.labels[found.y]})": found.p_true}
    if found.p_target is not None and found.target is not None:
        lines[f"P({choice.labels[found.target]})"] = found.p_target
    st.plotly_chart(
        step_lines(
            lines,
            title="Probabilities by step",
            total=len(found.p_true),
            percent=True,
            at=found.first_success if found.first_success >= 0 else None,
        ),
        key=f"two networks {place}",
        config=FIGURE,
        alt=f"Probabilities by step: {choice.spec.title}, {choice.weights}",
    )
    return _Side(choice, found, smallest)


def _smallest(choice: Choice, *, place: str) -> float | None:
    norm = choice.plan.norm

    def job() -> Generator[EpsilonStep, None, float]:
        model = load_model(choice.spec.name, choice.weights)
        return (yield from smallest_fgsm(model, model.prepare(choice.picture.image), norm))

    return run(
        f"smallest {place}",
        digest("smallest fgsm", choice.key[:3], norm),
        job,
        label="Smallest epsilon",
        share=lambda step: step.done,
        for_everybody=bool(choice.sample),
    ).result


def _in_words(eps: float | None, norm: str) -> str:
    if eps is None:
        return "not known"
    if not np.isfinite(eps):
        return "none"
    return f"{eps * LEVELS:.2f}/255" if norm == "linf" else f"{eps:.3g} ({norm})"


# --- passing on -------------------------------------------------------------------------------------------------------


def _passing(one: _Side, two: _Side) -> None:
    """Each adversarial picture, shown to the other network."""
    st.header("Does it pass on?")
    for column, maker, judge in zip(st.columns(2, gap="large"), (one, two), (two, one), strict=True):
        with column, sentences():
            passed = _passed(maker, judge)
            if passed:
                _said_of(passed, maker, judge)


def _passed(maker: _Side, judge: _Side) -> Passed | None:
    found, asked = maker.found, judge.choice
    return run(
        f"pass on to {judge.title}",
        digest(
            "pass on", asked.spec.name, asked.weights, found.clean.pixels.tobytes(), found.adversarial.pixels.tobytes()
        ),
        lambda: once(
            lambda: pass_on(load_model(asked.spec.name, asked.weights), found.clean.pixels, found.adversarial.pixels)
        ),
        label=f"Asking {asked.spec.title}",
        for_everybody=bool(asked.sample),
    ).result


def _said_of(passed: Passed, maker: _Side, judge: _Side) -> None:
    labels = judge.choice.labels
    left, right = st.columns([1, 2.4], gap="medium", vertical_alignment="center")
    left.image(png(passed.adversarial.picture), output_format="PNG", width=150, alt=f"Made for {maker.title}")
    target = judge.found.target
    if passed.reached(target):
        words = "**It passes on**: " + ("this network is fooled too." if target is None else "it reaches the target.")
    elif passed.adversarial.best != passed.clean.best:
        words = "**Half**: it says another class, but not the target."
    else:
        words = "**It doesn't pass on.**"
    right.markdown(
        f"Made for {plain(maker.title)}, shown to **{plain(judge.title)}**, which said {said(passed.clean, labels)} "
        f"and now says {said(passed.adversarial, labels)}.  \n{words}"
    )


# --- to take away -----------------------------------------------------------------------------------------------------


def _away(one: _Side, two: _Side) -> None:
    choice = one.choice
    sides = [(side.choice.spec.name, side.choice.weights, side.choice.target) for side in (one, two)]
    take_away(
        two_networks_code(sides, choice.sample, choice.plan),
        File("All pictures (PNG)", lambda: _sheet(one, two), "cnnlab_two_networks.png", "image/png"),
        File("Every step (CSV)", lambda: _steps(one, two), "cnnlab_two_networks.csv", "text/csv"),
    )


def _sheet(one: _Side, two: _Side) -> bytes:
    pictures = []
    for found in (one.found, two.found):
        noise, _ = noise_picture(found.clean.pixels, found.adversarial.pixels)
        pictures += [found.clean.picture, noise, found.adversarial.picture]
    return png(side_by_side(pictures, gap=12))


def _steps(one: _Side, two: _Side) -> str:
    rows = [
        (side.title, index, f"{p:.9g}", "" if side.found.p_target is None else f"{side.found.p_target[index]:.9g}")
        for side in (one, two)
        for index, p in enumerate(side.found.p_true)
    ]
    return csv_table(("network", "look", "p_true", "p_target"), rows)
