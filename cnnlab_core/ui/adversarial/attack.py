"""The attack itself: the picture before, the noise, the picture after, and the way there."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import streamlit as st
from numpy.typing import ArrayLike
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.studies.attack import Fooled, Look, history_table
from cnnlab_core.images import png
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.plots.steps import step_lines
from cnnlab_core.recipes.adversarial import attack as recipe
from cnnlab_core.ui.adversarial.choice import Choice
from cnnlab_core.ui.adversarial.norms import LEVELS
from cnnlab_core.ui.adversarial.pictures import FIGURE, crisp, show_picture, show_trio, top_class
from cnnlab_core.ui.adversarial.run_attack import run_attack
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.wipe import wipe


def show(choice: Choice) -> None:
    """Three pictures and the verdict, how the attack went step by step, and each of its steps again."""
    st.caption(
        "The picture in the middle is all that changed, made visible. Everything here refers to the rounded 8-bit "
        "picture, which you see and can save."
    )
    status = st.container()  # above the pictures, where Stop stays in its place
    places = [column.empty() for column in st.columns(3, gap="medium")]
    verdict = st.container()
    curves = [column.empty() for column in st.columns(4, gap="small")]
    looks: list[Look] = []

    def paint(newest: list[Look]) -> None:
        looks.extend(newest)
        show_trio(places, looks[0].view, looks[-1].view, choice.subject.labels, live=True)
        _curves(curves, choice, _Course.so_far(choice, looks), total=looks[-1].total, stage=f"{len(looks)}")

    with status:
        outcome = run_attack(choice, paint=paint)
    found = outcome.result
    if found is None:
        if not looks:
            best = choice.answer.best[0]
            show_picture(places[0], "Original", choice.subject.seen, f"**{plain(best.label)}** {best.probability:.1%}")
        return
    if outcome.state == "stale":
        st.info("These results are from your previous settings. Press Attack for new ones.", icon=":material/history:")
    with verdict:
        _verdict(choice, found)
    show_trio(places, found.clean, found.adversarial, choice.subject.labels)
    _curves(curves, choice, _Course.of(found), total=len(found.losses), stage="end")
    _steps(choice, found)
    _take_away(choice, found)


@dataclass(frozen=True)
class _Course:
    """An attack's numbers by step: probabilities by class, the objective, the gradient's norm (0 where unknown)."""

    probabilities: dict[int, ArrayLike]
    losses: ArrayLike
    gradient_norms: ArrayLike
    first_success: int

    @staticmethod
    def so_far(choice: Choice, looks: list[Look]) -> "_Course":
        """Of an attack that is still running."""
        classes = dict.fromkeys((choice.answer.best[0].index, choice.target))
        return _Course(
            {index: [look.view.probability(index) for look in looks] for index in classes if index is not None},
            [look.loss for look in looks],
            [look.gradient_norm for look in looks],
            next((look.index for look in looks if look.success), -1),
        )

    @staticmethod
    def of(found: Fooled) -> "_Course":
        """Of a finished one."""
        probabilities: dict[int, ArrayLike] = {found.y: found.p_true}
        if found.target is not None and found.p_target is not None:
            probabilities[found.target] = found.p_target
        return _Course(probabilities, found.losses, found.gradient_norms, found.first_success)


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
            at=course.first_success if course.first_success >= 0 else None,
        ),
        step_lines(named, title="Probability, log scale", total=total, log=True),
        step_lines({"objective": course.losses}, title="Objective, which the attack maximises", total=total),
        step_lines({"norm": norms}, title="Gradient norm, log scale", total=total, log=True),
    )
    for index, (place, figure) in enumerate(zip(places, figures, strict=True)):
        title = figure.layout.title.text
        place.plotly_chart(figure, key=f"attack curve {index} {stage}", config=FIGURE, alt=title)


def _verdict(choice: Choice, found: Fooled) -> None:
    """In words, then in numbers, of the 8-bit picture."""
    labels = choice.subject.labels
    goal = "any other class" if found.target is None else f"“{plain(labels[found.target])}”"
    now = top_class(found.adversarial, labels)
    if found.success:
        st.success(f"**Fooled.** {top_class(found.clean, labels)} became {now}.", icon=":material/check_circle:")
    elif found.exact_success:
        st.warning(
            f"**The float picture fools the network, but the PNG doesn't:** {top_class(found.exact_view, labels)} "
            f"before rounding to 8 bits, {now} after. Take more steps, or stop only when the 8-bit picture "
            "fools the network.",
            icon=":material/warning:",
        )
    else:
        st.info(
            f"**Not fooled.** The goal was {goal}, but the network still says {now}. "
            "Try a larger epsilon or more steps.",
            icon=":material/shield:",
        )
    measured = found.distances
    columns = st.columns(5, gap="small")
    shares = 100 * measured.l0 / (found.clean.pixels.shape[0] * found.clean.pixels.shape[1])
    for column, (label, value, about) in zip(
        columns,
        (
            ("L∞", f"{measured.linf * LEVELS:.0f}/255", "The largest change of a channel."),
            ("L2", f"{measured.l2:.2f}", "The Euclidean length of the change, in pixel units."),
            ("L1", f"{measured.l1:.0f}", "The sum of all changes, in pixel units."),
            ("Pixels changed", f"{shares:.0f} %", f"L0: {measured.l0} pixels."),
            ("SSIM", f"{measured.ssim:.4f}", "Structural similarity: 1 is the picture itself."),
        ),
        strict=True,
    ):
        column.metric(label, value, help=about)


@st.fragment
def _steps(choice: Choice, found: Fooled) -> None:
    """Each step of the attack again, and the two pictures under a wipe."""
    st.header("Step by step")
    left, right = st.columns([1, 1.15], gap="large")
    with left:
        st.markdown("**Before and after**: drag the line")
        wipe(
            png(crisp(found.clean.picture)),
            png(crisp(found.adversarial.picture)),
            "original",
            "adversarial",
            key="attack wipe",
        )
    with right:
        numbers = [look.index for look in found.looks]
        at = st.select_slider("Step", numbers, numbers[-1], key="adversarial_look")
        look = next(look for look in found.looks if look.index == at)
        first, second = st.columns(2, gap="medium")
        noise, scale = noise_picture(found.clean.pixels, look.view.pixels)
        show_picture(
            first.empty(), f"Noise × {scale:.3g}", noise, f"objective {look.loss + 0.0:.3f}".replace("-0.000", "0.000")
        )
        show_picture(second.empty(), "Picture", look.view.picture, top_class(look.view, choice.subject.labels))
        top = look.view.top(choice.subject.labels)
        goal = found.shown_class
        st.plotly_chart(
            class_bars(
                [entry.label for entry in top],
                [entry.probability for entry in top],
                percent=True,
                chosen=next((i for i, entry in enumerate(top) if entry.index == goal), -1),
                longest=1,
            ),
            key="attack look bars",
            config=FIGURE,
            alt="The five most probable classes at this step",
        )


def _take_away(choice: Choice, found: Fooled) -> None:
    noise, _ = noise_picture(found.clean.pixels, found.adversarial.pixels)
    about = {
        "model": choice.subject.spec.name,
        "weights": choice.subject.weights,
        "attack": asdict(choice.plan),
        "true_class": found.y,
        "target": found.target,
        "fooled": found.success,
        "fooled_as_float": found.exact_success,
        "named": choice.subject.labels[found.adversarial.best],
        "probability": found.adversarial.probability(found.adversarial.best),
        "distances": asdict(found.distances),
        "distances_as_float": asdict(found.exact_distances),
    }
    take_away(
        recipe.code(*choice.subject.network, choice.subject.sample, plan=choice.plan, target=choice.target),
        File("Adversarial (PNG)", lambda: png(found.adversarial.picture), "cnnlab_adversarial.png", "image/png"),
        File("Original (PNG)", lambda: png(found.clean.picture), "cnnlab_original.png", "image/png"),
        File("Noise (PNG)", lambda: png(noise), "cnnlab_noise.png", "image/png"),
        File("Every step (CSV)", lambda: history_table(found), "cnnlab_attack.csv", "text/csv"),
        File("Verdict (JSON)", lambda: json.dumps(about, indent=2), "cnnlab_attack.json", "application/json"),
    )
