"""The attack itself: the picture before, the noise, the picture after, and the way there."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.loop import AttackStep
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.result import AttackResult
from cnnlab_core.attacks.studies.attack import history_table, shown_class
from cnnlab_core.classification.softmax import softmax
from cnnlab_core.images import png
from cnnlab_core.images.levels import LEVELS, NORM_NAMES
from cnnlab_core.network.glass import GLASS
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.plots.lines import step_lines
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.recipes.adversarial import attack as recipe
from cnnlab_core.ui.adversarial.ascent import show_gradient
from cnnlab_core.ui.adversarial.choice import Choice
from cnnlab_core.ui.adversarial.l1_figure import show_l1_figure
from cnnlab_core.ui.adversarial.pictures import (
    crisp,
    gain,
    looked_at,
    probabilities_by_step,
    show_picture,
    show_trio,
    top_class,
)
from cnnlab_core.ui.adversarial.run_attack import run_attack
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.network.compare import link_here
from cnnlab_core.ui.runner import mark
from cnnlab_core.ui.show import later, main_answer, main_picture, plain
from cnnlab_core.ui.take_away import File, offer, take_away
from cnnlab_core.ui.wipe import wipe

_RESULT = "attack_result"
_FILM = 12
"""So many pictures of a running attack are shown, at most: each is sent."""


def show(choice: Choice) -> None:
    """Three pictures and what happened, how the attack went step by step, and each of its steps again."""
    status = looked_at(
        "Look for a difference between the outer two: the middle one shows all that was changed, amplified."
    )
    with st.container(key=_RESULT):
        _show(choice, status)


def _show(choice: Choice, status: DeltaGenerator) -> None:
    pictures, answer = st.columns([3, 1.3], gap="medium")
    with pictures, main_picture():
        places = [later(column) for column in st.columns(3, gap="small")]
    with answer, main_answer():
        told = later()
    below = st.container()
    film = _Film(choice, places, told)
    outcome = run_attack(choice, paint=film.paint, meanwhile=film.begin, at=status)
    mark(outcome, _RESULT)
    found = outcome.result
    if found is None:
        if not film.begun:
            film.begin()
        if outcome.steps:
            picture = outcome.steps[-1].view().picture
            with below:
                offer(File("The picture as it is now (PNG)", lambda: png(picture), "cnnlab_stopped.png", "image/png"))
        elif outcome.state == "idle":
            told.markdown("Press **Attack**: the network's answer will turn while you watch.")
        return
    choice = outcome.asked  # a stale one is told as what it is: of that network, picture and attack
    show_trio(places, found.clean.view(), found.rounded.view(), choice.subject.labels, choice.plan)
    with told.container():
        _story(choice, found)
    with below:
        _numbers(found)
        if choice.subject.spec.name not in GLASS:  # those are drawn on, and compared with nothing
            link_here(choice.plan, choice.target)
        _curves(choice, found)
        if choice.plan.method == "probability_ascent" and outcome.state == "done":
            show_gradient(choice, found)
        _steps(choice, found)
        if choice.plan.method == "l1_adam":
            show_l1_figure(choice)
        learned(
            "epsilon says how far each number of the picture may move, and a change that nobody sees can be enough if "
            "it follows the network's own gradient."
        )
        _take_away(choice, found)


@dataclass
class _Film:
    """An attack while it runs: the noise, the picture and its answer, a few times on the way."""

    choice: Choice
    places: Sequence[DeltaGenerator]
    told: DeltaGenerator
    begun: bool = False
    shown: int = -1

    def begin(self) -> None:
        """The picture before the attack."""
        self.begun, best = True, self.choice.answer.best[0]
        show_picture(
            self.places[0], "Original", self.choice.subject.seen, f"**{plain(best.label)}** {best.probability:.1%}"
        )

    def paint(self, newest: list[AttackStep]) -> None:
        """The latest step, unless one was shown a moment ago."""
        step = newest[-1]
        if self.shown >= 0 and step.index - self.shown < step.total / _FILM:
            return
        self.shown = step.index
        clean, labels = self.choice.clean, self.choice.subject.labels
        show_trio(self.places, clean, step.view(), labels, self.choice.plan, live=True)
        shares = softmax(step.logits[0].double().cpu().numpy())
        lines = [
            f"P({plain(labels[index])}): **{shares[index]:.1%}**"
            for index in (self.choice.answer.best[0].index, self.choice.target)
            if index is not None
        ]
        self.told.markdown("  \n".join([f"Step {step.index} of {step.total - 1}", *lines]))


def _curves(choice: Choice, found: AttackResult) -> None:
    """Probability, its logarithm, the objective and the gradient, over the steps."""
    history, total, first = found.history, len(found.losses), int(found.first_success)
    named = {choice.subject.labels[index]: values for index, values in probabilities_by_step(found).items()}
    norms = history.gradient_norm[:, 0].double().cpu().numpy()
    norms = np.where(norms > 0, norms, np.nan)  # 0 stands for a step that needed none
    figures = (
        step_lines(
            named,
            title="Probability by step",
            total=total,
            percent=True,
            y_name="probability",
            at=first if first >= 0 else None,
        ),
        step_lines(named, title="Probability, log scale", total=total, log=True, y_name="probability"),
        step_lines(
            {"objective": history.losses[:, 0].tolist()},
            title="Objective, which the attack maximises",
            total=total,
            y_name="objective",
        ),
        step_lines({"norm": norms}, title="Gradient norm, log scale", total=total, log=True, y_name="gradient norm"),
    )
    for index, (place, figure) in enumerate(zip(st.columns(4, gap="small"), figures, strict=True)):
        show_chart(figure, f"attack curve {index}", figure.layout.title.text, choice.about, place=place)


def _story(choice: Choice, found: AttackResult) -> None:
    """What happened to the 8-bit picture, how, and why so little is enough."""
    labels, clean, now = (
        choice.subject.labels,
        found.clean.view(),
        top_class(found.rounded.view(), choice.subject.labels),
    )
    goal = "any other class" if choice.target is None else f"“{plain(labels[choice.target])}”"
    if choice.already:
        went = f"{top_class(clean, labels)} before the attack, {now} after"
        if found.success:
            st.success(f"**Surer.** {went}.", icon=":material/check_circle:")
        else:
            st.info(f"**No surer.** {went}.", icon=":material/shield:")
    elif found.success:
        st.success(f"**Fooled.** {_change(choice.plan, found)} turned {top_class(clean, labels)} into {now}.")
        st.markdown(f"**How:** {_how(choice.plan, found)}")
        st.markdown(f"**Why so little is enough:** {_why(found)}")
    elif found.exact.success:
        takes = choice.plan.entry.takes
        advice = (
            "Take more steps, or stop only when the 8-bit picture fools the network."
            if takes("early_stop")
            else "Take a larger epsilon."
            if takes("eps")
            else "So small a change ends at the border, and rounding decides on which side."
        )
        st.warning(
            f"**The float picture fools the network, but the PNG doesn't:** {top_class(found.exact.view(), labels)} "
            f"before rounding to 8 bits, {now} after. {advice}",
            icon=":material/warning:",
        )
    elif found.stuck:
        st.warning(
            f"**Nothing was tried.** The gradient of the objective is zero at every pixel, so the attack had no "
            f"direction to go, and the network still says {now}. That comes of a saturated network and doesn't make it "
            "robust. Choose the margin as the objective, or start at a random point of the ball.",
            icon=":material/warning:",
        )
    else:
        st.info(
            f"**Not fooled.** The goal was {goal}, but the network still says {now}. "
            "Try a larger epsilon or more steps.",
            icon=":material/shield:",
        )


def _change(plan: Plan, found: AttackResult) -> str:
    """How much was changed, in the norm that bounds it."""
    measured = found.rounded.distances()
    norm = plan.ball_norm if plan.entry.takes("eps") else "l1" if plan.entry.takes("alpha") else "l2"
    if norm == "linf":
        return f"A change of at most **{measured['linf'] * LEVELS:.0f}/{LEVELS}** in each colour of each pixel"
    return f"A change of **{measured[norm]:.3g}** in {NORM_NAMES[norm]}, all pixels together,"


def _how(plan: Plan, found: AttackResult) -> str:
    first = int(found.first_success)
    when = f" It won at step {first} of {len(found.losses) - 1}." if first > 0 and len(found.losses) > 2 else ""
    return f"{plan.entry.about}{when}"


def _why(found: AttackResult) -> str:
    numbers = found.x[0].numel()
    if found.rounded.distances()["l0"] > numbers / 6:
        return (
            f"a picture has {numbers:,} numbers. Each moves a little, in the direction that the gradient says, and "
            "their effects add up."
        )
    return "few pixels change, but just those, and in just that direction, to which the network's answer is sensitive."


def _numbers(found: AttackResult) -> None:
    """The size of the change of the 8-bit picture, in each norm."""
    measured = found.rounded.distances()
    columns = st.columns(5, gap="small")
    share = measured["l0"] / found.x[0, 0].numel()
    for column, (label, value, about) in zip(
        columns,
        (
            ("L∞", f"{measured['linf'] * LEVELS:.0f}/{LEVELS}", "The largest change of a channel."),
            ("L2", f"{measured['l2']:.2f}", "The Euclidean length of the change, in pixel units."),
            ("L1", f"{measured['l1']:.0f}", "The sum of all changes, in pixel units."),
            ("Pixels changed", f"{share * 100:.0f} %", f"L0: {measured['l0']} pixels."),
            ("SSIM", f"{measured['ssim']:.4f}", "Structural similarity: 1 is the picture itself."),
        ),
        strict=True,
    ):
        column.metric(label, value, help=about)


@st.fragment
def _steps(choice: Choice, found: AttackResult) -> None:
    """Each step of the attack again, and the two pictures under a wipe."""
    st.header("Step by step")
    _ask_how_many(choice.plan, found)
    left, right = st.columns([1, 1.15], gap="large")
    with left:
        st.markdown("**Before and after**: drag the line")
        wipe(
            png(crisp(found.clean.view().picture)),
            png(crisp(found.rounded.view().picture)),
            "original",
            "adversarial",
            key="attack wipe",
        )
    with right:
        numbers = sorted(found.trace)
        at = st.select_slider("Step", numbers, numbers[-1], key="adversarial_look")
        view = found.on_the_way(at)
        first, second = st.columns(2, gap="medium")
        noise, scale = noise_picture(found.clean.view().pixels, view.pixels, gain(choice.plan))
        objective = f"objective {found.losses[at].item():.3f}".replace("-0.000", "0.000")
        show_picture(later(first), f"Noise × {scale:.3g}", noise, objective)
        show_picture(later(second), "Picture", view.picture, top_class(view, choice.subject.labels))
        top = view.top(choice.subject.labels)
        goal = shown_class(found)
        show_chart(
            class_bars(
                [entry.label for entry in top],
                [entry.probability for entry in top],
                percent=True,
                chosen=next((i for i, entry in enumerate(top) if entry.index == goal), -1),
                longest=1,
            ),
            "attack look bars",
            "The five most probable classes at this step",
            f"{choice.about} Step {at}.",
        )


def _ask_how_many(plan: Plan, found: AttackResult) -> None:
    """A guess at how many of the picture's numbers are at the edge of the change."""
    before, after = (np.asarray(side.view().pixels, int) for side in (found.clean, found.rounded))
    change = np.abs(after - before)
    if not change.any():
        return
    share = 100 * float((change == change.max()).mean())
    why = "Such a change is spent where the gradient is large, and hardly elsewhere."
    if plan.entry.takes("eps") and plan.ball_norm == "linf":
        why = "In L∞ no number's step takes from another's, so many go as far as they may."
    ask = "how many of the picture's numbers moved as far as any of them did?"
    guess_number("attack", ask, share, (10, 50), " %", f"{share:.0f} % moved by {change.max()}/{LEVELS}. {why}")


def _take_away(choice: Choice, found: AttackResult) -> None:
    clean, after = found.clean.view(), found.rounded.view()
    noise, _ = noise_picture(clean.pixels, after.pixels, gain(choice.plan))
    y, target = found.goal.single
    about = {
        "model": choice.subject.spec.name,
        "weights": choice.subject.weights,
        "attack": asdict(choice.plan),
        "true_class": y,
        "target": target,
        "fooled": bool(found.success),
        "fooled_as_float": bool(found.exact.success),
        "named": choice.subject.labels[after.best],
        "probability": after.probability(after.best),
        "distances": found.rounded.distances(),
        "distances_as_float": found.exact.distances(),
    }
    take_away(
        recipe.code(*choice.subject.network, choice.subject.sample, plan=choice.plan, target=choice.target),
        File("Adversarial (PNG)", lambda: png(after.picture), "cnnlab_adversarial.png", "image/png"),
        File("Original (PNG)", lambda: png(clean.picture), "cnnlab_original.png", "image/png"),
        File("Noise (PNG)", lambda: png(noise), "cnnlab_noise.png", "image/png"),
        File("Every step (CSV)", lambda: history_table(found), "cnnlab_attack.csv", "text/csv"),
        File("Verdict (JSON)", lambda: json.dumps(about, indent=2), "cnnlab_attack.json", "application/json"),
    )
