"""The attack itself: the picture before, the noise, the picture after, and the way there."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.loop import AttackStep
from cnnlab_core.attacks.result import AttackResult
from cnnlab_core.attacks.studies.attack import history_table, shown_class
from cnnlab_core.classification.softmax import softmax
from cnnlab_core.images import png
from cnnlab_core.images.levels import LEVELS
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.plots.lines import step_lines
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.recipes.adversarial import attack as recipe
from cnnlab_core.ui.adversarial.ascent import show_gradient
from cnnlab_core.ui.adversarial.choice import Choice
from cnnlab_core.ui.adversarial.l1_figure import show_l1_figure
from cnnlab_core.ui.adversarial.pictures import (
    crisp,
    probabilities_by_step,
    show_picture,
    show_trio,
    top_class,
)
from cnnlab_core.ui.adversarial.run_attack import run_attack
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.runner import mark
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, offer, take_away
from cnnlab_core.ui.wipe import wipe


def show(choice: Choice) -> None:
    """Three pictures and the verdict, how the attack went step by step, and each of its steps again."""
    st.caption(
        "The picture in the middle is all that changed, made visible. Everything here refers to the rounded 8-bit "
        "picture, which you see and can save."
    )
    status = st.container()  # above the pictures, where Stop stays in its place
    with st.container(key="attack_result"):
        _show(choice, status)


def _show(choice: Choice, status: DeltaGenerator) -> None:
    places = [column.empty() for column in st.columns(3, gap="medium")]
    verdict = st.container()
    curves = [column.empty() for column in st.columns(4, gap="small")]
    course = _Course({index: [] for index in (choice.answer.best[0].index, choice.target) if index is not None})

    def paint(newest: list[AttackStep]) -> None:
        course.follow(newest)
        show_trio(places, choice.clean, newest[-1].view(), choice.subject.labels, live=True)
        _curves(curves, choice, course, total=newest[-1].total, stage=f"{len(course.losses)}")

    outcome = run_attack(choice, paint=paint, at=status)
    with status:
        mark(outcome, "attack_result")
    found = outcome.result
    if found is None:
        if outcome.steps:
            picture = outcome.steps[-1].view().picture
            with verdict:
                offer(File("The picture as it is now (PNG)", lambda: png(picture), "cnnlab_stopped.png", "image/png"))
        if not course.losses:
            best = choice.answer.best[0]
            show_picture(places[0], "Original", choice.subject.seen, f"**{plain(best.label)}** {best.probability:.1%}")
        return
    choice = outcome.asked  # a stale one is told as what it is: of that network, picture and attack
    with verdict:
        _verdict(choice, found)
    show_trio(places, found.clean.view(), found.rounded.view(), choice.subject.labels)
    _curves(curves, choice, _Course.of(found), total=len(found.losses), stage="end")
    if choice.plan.method == "probability_ascent" and outcome.state == "done":
        show_gradient(choice, found)
    _steps(choice, found)
    if choice.plan.method == "l1_adam":
        show_l1_figure(choice)
    _take_away(choice, found)


@dataclass
class _Course:
    """An attack's numbers by step: probabilities by class, the objective, the gradient's norm (0 where unknown)."""

    probabilities: dict[int, list[float]]
    losses: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    first_success: int = -1

    def follow(self, steps: Sequence[AttackStep]) -> None:
        """Add the next steps of an attack that is still running."""
        for step in steps:
            shares = softmax(step.logits[0].double().cpu().numpy())
            for index, line in self.probabilities.items():
                line.append(float(shares[index]))
            self.losses.append(step.loss.item())
            self.gradient_norms.append(step.gradient_norm.item())
            if self.first_success < 0 and step.success:
                self.first_success = step.index

    @staticmethod
    def of(found: AttackResult) -> "_Course":
        """Of a finished one."""
        history = found.history
        return _Course(
            probabilities_by_step(found),
            history.losses[:, 0].tolist(),
            history.gradient_norm[:, 0].tolist(),
            int(found.first_success),
        )


def _curves(places: Sequence[DeltaGenerator], choice: Choice, course: _Course, *, total: int, stage: str) -> None:
    """Probability, its logarithm, the objective and the gradient, over the steps; ``stage`` is another at each call."""
    named = {choice.subject.labels[index]: values for index, values in course.probabilities.items()}
    norms = np.asarray(course.gradient_norms, dtype=float)
    norms = np.where(norms > 0, norms, np.nan)  # 0 stands for a step that needed none
    figures = (
        step_lines(
            named,
            title="Probability by step",
            total=total,
            percent=True,
            y_name="probability",
            at=course.first_success if course.first_success >= 0 else None,
        ),
        step_lines(named, title="Probability, log scale", total=total, log=True, y_name="probability"),
        step_lines(
            {"objective": course.losses}, title="Objective, which the attack maximises", total=total, y_name="objective"
        ),
        step_lines({"norm": norms}, title="Gradient norm, log scale", total=total, log=True, y_name="gradient norm"),
    )
    for index, (place, figure) in enumerate(zip(places, figures, strict=True)):
        key = f"attack curve {index} {stage}"
        show_chart(figure, key, figure.layout.title.text, choice.about, place=place, live=stage != "end")


def _verdict(choice: Choice, found: AttackResult) -> None:
    """In words, then in numbers, of the 8-bit picture."""
    labels, clean = choice.subject.labels, found.clean.view()
    goal = "any other class" if choice.target is None else f"“{plain(labels[choice.target])}”"
    now = top_class(found.rounded.view(), labels)
    if choice.already:
        went = f"{top_class(clean, labels)} before the attack, {now} after"
        if found.success:
            st.success(f"**Surer.** {went}.", icon=":material/check_circle:")
        else:
            st.info(f"**No surer.** {went}.", icon=":material/shield:")
    elif found.success:
        st.success(f"**Fooled.** {top_class(clean, labels)} became {now}.", icon=":material/check_circle:")
    elif found.exact.success:
        st.warning(
            f"**The float picture fools the network, but the PNG doesn't:** {top_class(found.exact.view(), labels)} "
            f"before rounding to 8 bits, {now} after. Take more steps, or stop only when the 8-bit picture "
            "fools the network.",
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
        noise, scale = noise_picture(found.clean.view().pixels, view.pixels)
        objective = f"objective {found.losses[at].item():.3f}".replace("-0.000", "0.000")
        show_picture(first.empty(), f"Noise × {scale:.3g}", noise, objective)
        show_picture(second.empty(), "Picture", view.picture, top_class(view, choice.subject.labels))
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


def _take_away(choice: Choice, found: AttackResult) -> None:
    clean, after = found.clean.view(), found.rounded.view()
    noise, _ = noise_picture(clean.pixels, after.pixels)
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
