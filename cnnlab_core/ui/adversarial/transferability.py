"""The same attack on two networks, and whether the picture that fools one fools the other."""

from dataclasses import dataclass, replace

import streamlit as st

from cnnlab_core.attacks.minimal_epsilon import MOST_UNITS, UNITS, smallest_rounded_epsilon_steps
from cnnlab_core.attacks.result import AttackResult
from cnnlab_core.attacks.studies.attack import shown_class
from cnnlab_core.attacks.studies.transferability import Passed, pass_on
from cnnlab_core.attacks.targets import RULES
from cnnlab_core.classification.batch import Classified
from cnnlab_core.errors import InputError
from cnnlab_core.images import png
from cnnlab_core.images.levels import distance
from cnnlab_core.models.registry import categories
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.models.weights import local_weights
from cnnlab_core.plots.lines import step_lines
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.recipes.adversarial import transferability as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.pictures import probabilities_by_step, show_trio, top_class
from cnnlab_core.ui.adversarial.run_attack import run_attack
from cnnlab_core.ui.adversarial.target import ANY, resolve
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.runner import kept, mark, once
from cnnlab_core.ui.shared import networks
from cnnlab_core.ui.show import later, main_answer, main_picture, plain, sentences
from cnnlab_core.ui.subject import Subject, classify_picture, run_on_model, run_study
from cnnlab_core.ui.take_away import File, take_away

NOTICE = """\
- **How far each has to be pushed.** Against a network trained on adversarial pictures, an epsilon of 4/255 often isn't
  enough; raise it until it gives way, and look at the picture then.
- **What the noise looks like.** Against a standard network it looks like noise. Against a robust one it begins to show
  the object (edges, eyes, legs of the target), since only such changes move it (Tsipras et al. 2018, arXiv:1805.12152).
- **What transfers.** Noise made for one network often disturbs another, but rarely leads it to the chosen target
  (Liu et al. 2016, arXiv:1611.02770).
- **Random weights** recognise nothing: the answer hardly changes with the picture, so an attack has little to work
  with. They are here for contrast, and need no download."""


@dataclass(frozen=True)
class _Side:
    """A network under attack."""

    choice: Choice
    found: AttackResult

    @property
    def title(self) -> str:
        return _title(self.choice.subject)


def show(choice: Choice) -> None:
    """Two networks under attack side by side, and each adversarial picture shown to the other network."""
    st.caption(
        "The same picture, attack and target for two networks. Which network gives way first, and does its noise fool "
        "the other one, too?"
    )
    here, offered = _title(choice.subject), networks()
    others = [name for name in offered if name != here]
    usual = next((name for name in others if _at_hand(choice.subject, *offered[name])), others[0])
    sides = st.container(key="transfer_sides")
    chosen = CONTROLS.select(
        "second", f"{plain(here)} compared with", others, usual, place=st.columns(2, gap="large")[1]
    )
    with sides:
        left, right = st.columns(2, gap="large")
    one = two = None
    with left, main_picture(), sentences():
        one = _side(choice)
    with right, main_answer(), sentences():
        spec, weights = offered[chosen]
        other = _second(choice, spec, weights)
        two = _side(other, place="second") if other else None
    if one is not None and two is not None:
        _transfer(one, two)
    with st.expander("What to notice", icon=":material/visibility:"):
        st.markdown(NOTICE)
    if one is not None and two is not None and _same_question(one.choice, two.choice):
        _away(one, two)


def _same_question(one: Choice, two: Choice) -> bool:
    """Whether both are about the same picture and attack: one may be left of previous settings."""
    return one.subject.picture == two.subject.picture and one.plan == two.plan


def _title(subject: Subject) -> str:
    return f"{subject.spec.title}, {subject.weights}"


def _at_hand(subject: Subject, spec: ModelSpec, weights: str) -> bool:
    """Whether another trained network for the same classes lies on this machine: the best one to compare with."""
    return (
        spec != subject.spec
        and weights == subject.weights == "pretrained"
        and categories(spec) == subject.labels
        and local_weights(spec) is not None
    )


def _second(choice: Choice, spec: ModelSpec, weights: str) -> Choice | None:
    """The same question to another network; None, with its reason on the page, if it can't be asked."""
    answer = classify_picture(spec, weights, choice.subject.picture, place="second")
    if answer is None:
        return None
    other = Subject(spec, weights, choice.subject.picture)
    return replace(choice, subject=other, answer=answer, target=_target(choice, spec, answer))


def _target(choice: Choice, spec: ModelSpec, answer: Classified) -> int | None:
    """What the aim comes to for another network: the class of the same name, or its own by the same rule."""
    if choice.aim in (ANY, *RULES) or choice.target is None:
        return resolve(choice.aim, answer, choice.plan.seed)
    label, labels = choice.subject.labels[choice.target], categories(spec)
    if labels == choice.subject.labels:
        return choice.target
    if label not in labels:
        raise InputError(f"{spec.title} has no class “{label}”. Choose “{ANY}” or a rule as the target.")
    return labels.index(label)


def _side(choice: Choice, *, place: str = "") -> _Side | None:
    """A network's half: the three pictures, the verdict, the numbers, the curve."""
    st.markdown(f"**{plain(choice.subject.spec.title)} · {choice.subject.weights}**")
    outcome = run_attack(choice, place=place)
    if outcome.result is None:
        best = choice.answer.best[0]
        st.caption(f"Before the attack: **{plain(best.label)}** {best.probability:.1%}")
        return None
    with kept(outcome, f"transfer_side_{place}"):
        _show_side(outcome.asked, outcome.result, place)
    return _Side(outcome.asked, outcome.result)


def _show_side(choice: Choice, found: AttackResult, place: str) -> None:
    subject = choice.subject
    clean, after, goal = found.clean.view(), found.rounded.view(), shown_class(found)
    show_trio([later(column) for column in st.columns(3, gap="small")], clean, after, subject.labels, choice.plan)
    verdict = (("No surer", "Surer") if choice.already else ("Not fooled", "Fooled"))[bool(found.success)]
    st.markdown(
        f"**{verdict}.** P({plain(subject.labels[goal])}) went from {clean.probability(goal):.2%} to "
        f"{after.probability(goal):.2%}."
    )
    first_success = int(found.first_success)
    first, second = st.columns(2)
    first.metric(
        "First fooled at step",
        str(first_success) if first_success >= 0 else "never",
        help="The first step at which the float picture fooled the network.",
    )
    with second:
        _smallest(choice, place=place)
    lines = {f"P({subject.labels[index]})": line for index, line in probabilities_by_step(found).items()}
    show_chart(
        step_lines(
            lines,
            title="Probabilities by step",
            total=len(found.losses),
            percent=True,
            y_name="probability",
            at=first_success if first_success >= 0 else None,
        ),
        f"transferability {place}",
        f"Probabilities by step: {_title(subject)}",
        choice.about,
    )


def _smallest(choice: Choice, *, place: str) -> None:
    """The smallest epsilon with which this attack fools the network in 8 bits; looked for at once if that is cheap."""
    plan = choice.plan.over_epsilon()
    if not plan.entry.takes("eps"):
        st.metric("Smallest epsilon, 8 bits", "none", help=f"{plan.title} has no epsilon.")
        return
    outcome = run_study(
        "smallest rounded",
        choice.subject,
        (choice.target, plan),
        lambda model, x: smallest_rounded_epsilon_steps(model, x, method=plan, target=choice.target),
        place=place,
        label="Smallest epsilon",
        start="" if plan.entry.straight else "Smallest epsilon, 8 bits",
        asked=(plan, choice.target),
    )
    if outcome.result is None:
        return
    mark(outcome, f"transfer_smallest_{place}")
    plan, target = outcome.asked
    (found,) = outcome.result
    unit, most = UNITS[plan.norm], MOST_UNITS * UNITS[plan.norm]
    what = "whole k/255" if plan.norm == "linf" else f"multiple of {unit:g}"
    st.metric(
        "Smallest epsilon, 8 bits",
        f"over {distance(most, plan.norm)}" if found is None else distance(found, plan.norm),
        help=f"The smallest {what} at which the rounded picture succeeds, all of them tried in turn. "
        + ("" if plan.entry.straight else "Steps grow in proportion to epsilon, and the best picture counts."),
    )
    goal = ANY if target is None else f"“{plain(choice.subject.labels[target])}”"
    st.caption(f"{plan.title} to {goal}, rounded to 8 bits")


# --- does it transfer? ------------------------------------------------------------------------------------------------


def _transfer(one: _Side, two: _Side) -> None:
    """Each adversarial picture, shown to the other network."""
    st.header("Does it transfer?")
    place, judged = st.container(), []
    for column, maker, judge in zip(st.columns(2, gap="large"), (one, two), (two, one), strict=True):
        with column, sentences():
            passed = _passed(maker, judge)
            if passed:
                judged.append(passed.adversarial.best != passed.clean.best)
                _show_transfer(passed, maker, judge)
    with place:
        ways = ("neither", "one of them", "both")
        told = f"Of the two, {sum(judged)} changed the other network's answer, which is another thing than the target."
        guess("transfers", "does either noise change the other network's answer?", ways, ways[sum(judged)], told)
    learned("what fools one network often disturbs another, but seldom leads it to the target that was chosen.")


def _passed(maker: _Side, judge: _Side) -> Passed | None:
    clean, adversarial = (side.view().pixels for side in (maker.found.clean, maker.found.rounded))
    subject = judge.choice.subject
    return run_on_model(
        "transfer",
        subject.network,
        (clean.tobytes(), adversarial.tobytes()),
        lambda model: once(lambda: pass_on(model, clean, adversarial)),
        place=f"transfer to {judge.title}",
        label=f"Asking {subject.spec.title}",
        for_everybody=subject.picture.is_sample,
    ).result


def _show_transfer(passed: Passed, maker: _Side, judge: _Side) -> None:
    labels = judge.choice.subject.labels
    left, right = st.columns([1, 2.4], gap="medium", vertical_alignment="center")
    left.image(png(passed.adversarial.picture), output_format="PNG", width=150, alt=f"Made for {maker.title}")
    target = judge.choice.target
    if passed.reached(target):
        fooled = "it reaches the target." if target is not None else "this network is fooled too."
        words = f"**It transfers**: {'this network gets surer too.' if judge.choice.already else fooled}"
    elif passed.adversarial.best != passed.clean.best:
        words = "**In part**: this network says another class, but not the target."
    else:
        words = "**It doesn't transfer.**"
    right.markdown(
        f"Made for {plain(maker.title)}, shown to **{plain(judge.title)}**, "
        f"which said {top_class(passed.clean, labels)} and now says {top_class(passed.adversarial, labels)}.  \n{words}"
    )


# --- to take away -----------------------------------------------------------------------------------------------------


def _away(one: _Side, two: _Side) -> None:
    choice = one.choice
    sides = [(*side.choice.subject.network, side.choice.target) for side in (one, two)]
    take_away(
        recipe.code(sides, choice.subject.sample, plan=choice.plan),
        File("All pictures (PNG)", lambda: _sheet(one, two), "cnnlab_transferability.png", "image/png"),
        File("Every step (CSV)", lambda: _steps(one, two), "cnnlab_transferability.csv", "text/csv"),
    )


def _sheet(one: _Side, two: _Side) -> bytes:
    pictures = []
    for found in (one.found, two.found):
        clean, after = found.clean.view(), found.rounded.view()
        pictures += [clean.picture, noise_picture(clean.pixels, after.pixels)[0], after.picture]
    return png(side_by_side(pictures, gap=12))


def _steps(one: _Side, two: _Side) -> str:
    rows = []
    for side in (one, two):
        columns = list(probabilities_by_step(side.found).values())
        for step, values in enumerate(zip(*columns, strict=True)):
            rows.append((side.title, step, *(f"{value:.9g}" for value in values), *[""] * (2 - len(columns))))
    return csv_table(("network", "step", "p_true", "p_target"), rows)
