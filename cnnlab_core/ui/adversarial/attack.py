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
from cnnlab_core.plots.lines import step_lines
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.recipes.adversarial import attack_code
from cnnlab_core.ui.adversarial.choice import LEVELS, Choice
from cnnlab_core.ui.adversarial.job import attacked
from cnnlab_core.ui.adversarial.pieces import FIGURE, crisp, panel, said, trio
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.wipe import wipe


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        "The picture in the middle is all that changed, made visible. What is said here is said of the rounded, 8-bit "
        "picture that you see and can save."
    )
    status = st.container()  # above the pictures, where Stop stays in its place
    places = [column.empty() for column in st.columns(3, gap="medium")]
    verdict = st.container()
    curves = [column.empty() for column in st.columns(4, gap="small")]
    looks: list[Look] = []

    def paint(newest: list[Look]) -> None:
        looks.extend(newest)
        trio(places, looks[0].view, looks[-1].view, choice.labels, live=True)
        _curves(curves, choice, _Course.so_far(choice, looks), total=looks[-1].total, stage=f"{len(looks)}")

    with status:
        outcome = attacked(choice, paint=paint)
    found = outcome.result
    if found is None:
        if not looks:
            best = choice.named.best[0]
            panel(places[0], "Original", choice.seen, f"**{plain(best.label)}** {best.probability:.1%}")
        return
    if outcome.state == "stale":
        st.info("What follows is of earlier settings. Press Attack for these.", icon=":material/history:")
    with verdict:
        _verdict(choice, found)
    trio(places, found.clean, found.adversarial, choice.labels)
    _curves(curves, choice, _Course.of(found), total=len(found.losses), stage="end")
    _way(choice, found)
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
        classes = dict.fromkeys((choice.named.best[0].index, choice.target))
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
    named = {choice.labels[index]: values for index, values in course.probabilities.items()}
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
        step_lines(named, title="The same, log scale", total=total, log=True),
        step_lines({"objective": course.losses}, title="Objective, which it climbs", total=total),
        step_lines({"norm": norms}, title="Gradient norm, log scale", total=total, log=True),
    )
    for index, (place, figure) in enumerate(zip(places, figures, strict=True)):
        title = figure.layout.title.text
        place.plotly_chart(figure, key=f"attack curve {index} {stage}", config=FIGURE, alt=title)


def _verdict(choice: Choice, found: Fooled) -> None:
    """In words, then in numbers, of the 8-bit picture."""
    labels = choice.labels
    goal = "any other class" if found.target is None else f"“{plain(labels[found.target])}”"
    now = said(found.adversarial, labels)
    if found.success:
        st.success(f"**Fooled.** {said(found.clean, labels)} became {now}.", icon=":material/check_circle:")
    elif found.exact_success:
        st.warning(
            f"**The float picture fools the network, the PNG doesn't:** it is {said(found.exact_view, labels)} before "
            f"rounding to 8 bits and {now} after. Go on for more steps, or stop only when the 8-bit picture fools.",
            icon=":material/warning:",
        )
    else:
        st.info(
            f"**Not fooled.** The goal was {goal}, but the network still says {now}. "
            "Allow more: a larger epsilon, or more steps.",
            icon=":material/shield:",
        )
    measured = found.distances
    columns = st.columns(5, gap="small")
    shares = 100 * measured.l0 / (found.clean.pixels.shape[0] * found.clean.pixels.shape[1])
    for column, (label, value, about) in zip(
        columns,
        (
            ("linf", f"{measured.linf * LEVELS:.0f}/255", "The largest change of a channel."),
            ("l2", f"{measured.l2:.2f}", "The Euclidean length of the change, in pixel units."),
            ("l1", f"{measured.l1:.0f}", "The sum of all changes, in pixel units."),
            ("Pixels changed", f"{shares:.0f} %", f"l0: {measured.l0} pixels."),
            ("SSIM", f"{measured.ssim:.4f}", "Structural similarity: 1 is the picture itself."),
        ),
        strict=True,
    ):
        column.metric(label, value, help=about)


@st.fragment
def _way(choice: Choice, found: Fooled) -> None:
    """Any look of the way again, and the two pictures under a wipe."""
    st.header("The way there")
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
        panel(
            first.empty(), f"Noise × {scale:.3g}", noise, f"objective {look.loss + 0.0:.3f}".replace("-0.000", "0.000")
        )
        panel(second.empty(), "Picture", look.view.picture, said(look.view, choice.labels))
        top = look.view.top(choice.labels)
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
        "model": choice.spec.name,
        "weights": choice.weights,
        "attack": asdict(choice.plan),
        "true_class": found.y,
        "target": found.target,
        "fooled": found.success,
        "fooled_as_float": found.exact_success,
        "named": choice.labels[found.adversarial.best],
        "probability": found.adversarial.probability(found.adversarial.best),
        "distances": asdict(found.distances),
        "distances_as_float": asdict(found.exact_distances),
    }
    take_away(
        attack_code(choice.spec.name, choice.weights, choice.sample, choice.plan, choice.target),
        File("Adversarial (PNG)", lambda: png(found.adversarial.picture), "cnnlab_adversarial.png", "image/png"),
        File("Original (PNG)", lambda: png(found.clean.picture), "cnnlab_original.png", "image/png"),
        File("Noise (PNG)", lambda: png(noise), "cnnlab_noise.png", "image/png"),
        File("Every step (CSV)", lambda: history_table(found), "cnnlab_attack.csv", "text/csv"),
        File("Verdict (JSON)", lambda: json.dumps(about, indent=2), "cnnlab_attack.json", "application/json"),
    )
